//! Accelerators priced apart from their hosts.
//!
//! Google Cloud lists the price of a GPU and that of a virtual machine separately; what is bought is
//! the pair. Two kinds of pair exist ([machine types for GPUs][1]):
//!
//! - *Bundled*: accelerator-optimised machines (A2, A3, A4, G2, G4) always carry their GPUs, one
//!   count a machine type. Their host price alone buys nothing, so such a host is offered only
//!   together with its accelerator's row of the same zone.
//! - *Attached*: T4, P4, V100, P100 and K80 may be attached to any general-purpose N1 machine of the
//!   zone up to so many vCPUs and so much memory for each count.
//!
//! A composed offer has the host's hardware and the sum of both prices, on demand and spot each
//! where both parts have one. A host with much less memory than its accelerators together is marked
//! `undersized`: it can be bought by name, but nobody who asks for a T4 wants it behind one vCPU.
//!
//! *Rejected:* one default host a GPU, as SkyPilot has it; the table below contains its choices and
//! all the others that Google sells.
//!
//! [1]: https://cloud.google.com/compute/docs/gpus

use super::dialect::Dialect;
use super::offers::{Key, Offers, Parsed};
use super::quarantine::{Complaint, Quarantine, Reason};
use crate::RowAccelerator;
use std::collections::{HashMap, HashSet};
use welkin_units::Usd;

/// Most pairs made of one file: ninety times those of the real list, which has 5,553.
const MAX_PAIRS: usize = 500_000;
/// Most hosts of one zone that are tried with an accelerator: Google sells some 60 such shapes.
const MAX_HOSTS_IN_ZONE: usize = 256;

/// Which accelerators go with which hosts.
#[derive(Debug)]
pub(super) struct Attach {
    /// Families whose machines always carry accelerators.
    bundled_families: &'static [&'static str],
    /// Accelerator, count, machine types.
    bundled: &'static [(&'static str, u32, &'static [&'static str])],
    /// Prefixes of machine types that accelerators are attached to.
    hosts: &'static [&'static str],
    /// Accelerator, count, most vCPUs, most memory in GiB.
    limits: &'static [(&'static str, u32, u32, u32)],
}

/// Google Cloud, from its documentation of GPU machine types and of N1 limits.
pub(super) static ATTACH_GCP: Attach = Attach {
    bundled_families: &["a2", "a3", "a4", "a4x", "g2", "g4"],
    bundled: &[
        ("A100", 1, &["a2-highgpu-1g"]),
        ("A100", 2, &["a2-highgpu-2g"]),
        ("A100", 4, &["a2-highgpu-4g"]),
        ("A100", 8, &["a2-highgpu-8g"]),
        ("A100", 16, &["a2-megagpu-16g"]),
        ("A100-80GB", 1, &["a2-ultragpu-1g"]),
        ("A100-80GB", 2, &["a2-ultragpu-2g"]),
        ("A100-80GB", 4, &["a2-ultragpu-4g"]),
        ("A100-80GB", 8, &["a2-ultragpu-8g"]),
        ("H100", 1, &["a3-highgpu-1g"]),
        ("H100", 2, &["a3-highgpu-2g"]),
        ("H100", 4, &["a3-highgpu-4g"]),
        ("H100", 8, &["a3-highgpu-8g"]),
        ("H100-MEGA", 8, &["a3-megagpu-8g"]),
        ("H200", 8, &["a3-ultragpu-8g"]),
        ("B200", 8, &["a4-highgpu-8g"]),
        ("L4", 1, &["g2-standard-4", "g2-standard-8", "g2-standard-12", "g2-standard-16", "g2-standard-32"]),
        ("L4", 2, &["g2-standard-24"]),
        ("L4", 4, &["g2-standard-48"]),
        ("L4", 8, &["g2-standard-96"]),
        ("RTXPRO6000", 1, &["g4-standard-48"]),
        ("RTXPRO6000", 2, &["g4-standard-96"]),
        ("RTXPRO6000", 4, &["g4-standard-192"]),
        ("RTXPRO6000", 8, &["g4-standard-384"]),
    ],
    hosts: &["n1-standard-", "n1-highmem-", "n1-highcpu-"],
    limits: &[
        ("T4", 1, 48, 312),
        ("T4", 2, 48, 312),
        ("T4", 4, 96, 624),
        ("P4", 1, 24, 156),
        ("P4", 2, 48, 312),
        ("P4", 4, 96, 624),
        ("V100", 1, 12, 78),
        ("V100", 2, 24, 156),
        ("V100", 4, 48, 312),
        ("V100", 8, 96, 624),
        ("P100", 1, 16, 104),
        ("P100", 2, 32, 208),
        ("P100", 4, 96, 624),
        ("K80", 1, 8, 52),
        ("K80", 2, 16, 104),
        ("K80", 4, 32, 208),
        ("K80", 8, 64, 416),
    ],
};

/// Replaces hosts and accelerators priced apart by the pairs that can be bought; returns how many.
/// Does nothing for a provider that prices whole machines.
pub(super) fn compose(offers: &mut Offers, dialect: &Dialect, quarantine: &mut Quarantine) -> u32 {
    let Some(attach) = dialect.attach else { return 0 };
    let Some(no_type) = offers.types.find("") else {
        drop_bare_hosts(offers, attach, &HashSet::new(), quarantine);
        return 0;
    };
    let rows = std::mem::take(&mut offers.rows);
    let (accelerators, hosts): (Vec<_>, Vec<_>) =
        rows.into_iter().partition(|row| row.key.instance_type == no_type);
    let by_zone = hosts_by_zone(offers, attach, &hosts);
    let mut used: HashSet<u32> = HashSet::new();
    let mut composed = Vec::new();
    for accelerator in &accelerators {
        if composed.len() >= MAX_PAIRS {
            let message = format!("the list makes more than {MAX_PAIRS} pairs of host and accelerator");
            quarantine.add(Complaint::row(accelerator.line, Reason::TooMany, "", message));
            continue;
        }
        let before = composed.len();
        let in_zone = by_zone.get(&(accelerator.key.place, accelerator.key.zone));
        for &index in in_zone.into_iter().flatten() {
            let host = &hosts[index as usize];
            if attach.fits(offers, accelerator, host) {
                used.insert(index);
                composed.push(pair(offers, accelerator, host));
            }
        }
        if composed.len() == before {
            let device = &offers.devices[accelerator.key.device as usize - 1].name;
            let text = format!("{device}:{}", f64::from(accelerator.key.count_milli) / 1000.0);
            let message = format!("no machine of {} can carry it", offers.region(accelerator.key.place));
            quarantine.add(Complaint::row(accelerator.line, Reason::NoHost, &text, message));
        }
    }
    let count = u32::try_from(composed.len()).unwrap_or(u32::MAX);
    offers.rows = hosts;
    drop_bare_hosts(offers, attach, &used, quarantine);
    offers.rows.append(&mut composed);
    count
}

/// Row numbers of the hosts that may carry something, by place and zone.
fn hosts_by_zone(offers: &Offers, attach: &Attach, hosts: &[Parsed]) -> HashMap<(u32, u32), Vec<u32>> {
    let mut by_zone: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
    for (index, host) in (0_u32..).zip(hosts).filter(|(_, host)| host.key.device == 0) {
        let name = offers.types.text(host.key.instance_type);
        if attach.always_carries(name) || attach.hosts.iter().any(|prefix| name.starts_with(prefix)) {
            let in_zone = by_zone.entry((host.key.place, host.key.zone)).or_default();
            if in_zone.len() < MAX_HOSTS_IN_ZONE {
                in_zone.push(index);
            }
        }
    }
    by_zone
}

/// Removes hosts that cannot be bought alone; those that no accelerator completed are told.
fn drop_bare_hosts(offers: &mut Offers, attach: &Attach, used: &HashSet<u32>, quarantine: &mut Quarantine) {
    let rows = std::mem::take(&mut offers.rows);
    for (index, row) in (0_u32..).zip(rows) {
        let name = offers.types.text(row.key.instance_type);
        if row.key.device > 0 || !attach.always_carries(name) {
            offers.rows.push(row);
        } else if !used.contains(&index) {
            let message = format!(
                "it always carries an accelerator, and {} lists none for it",
                offers.region(row.key.place)
            );
            quarantine.add(Complaint::row(row.line, Reason::NoAcceleratorPrice, name, message));
        }
    }
}

impl Attach {
    fn always_carries(&self, instance_type: &str) -> bool {
        let family = instance_type.split('-').next().unwrap_or_default();
        self.bundled_families.contains(&family)
    }

    fn fits(&self, offers: &Offers, accelerator: &Parsed, host: &Parsed) -> bool {
        let device = &*offers.devices[accelerator.key.device as usize - 1].name;
        let count_milli = accelerator.key.count_milli;
        let name = &**offers.types.text(host.key.instance_type);
        if self.always_carries(name) {
            return self.bundled.iter().any(|&(model, count, types)| {
                model == device && count * 1000 == count_milli && types.contains(&name)
            });
        }
        self.limits.iter().any(|&(model, count, vcpus, memory_gib)| {
            model == device
                && count * 1000 == count_milli
                && host.vcpus_milli <= vcpus * 1000
                && host.memory_mib <= memory_gib * 1024
        })
    }
}

/// Whether a host's memory is less than 7/8 of that of its accelerators together. The eighth is for
/// `n1-standard-4` with a T4, a usual pair: 15 GiB each, once the driver has taken its part.
pub(crate) fn starves(host_mib: u32, accelerators: &RowAccelerator) -> bool {
    let together = u64::from(accelerators.device.memory_mib) * u64::from(accelerators.count_milli) / 1000;
    u64::from(host_mib) * 8 < together * 7
}

fn pair(offers: &Offers, accelerator: &Parsed, host: &Parsed) -> Parsed {
    let sum = |one: Option<Usd>, other: Option<Usd>| Some(one? + other?);
    let gpus = RowAccelerator {
        device: offers.devices[accelerator.key.device as usize - 1].clone(),
        count_milli: accelerator.key.count_milli,
    };
    Parsed {
        key: Key { device: accelerator.key.device, count_milli: accelerator.key.count_milli, ..host.key },
        line: accelerator.line,
        undersized: starves(host.memory_mib, &gpus),
        on_demand: sum(host.on_demand, accelerator.on_demand),
        spot: sum(host.spot, accelerator.spot),
        ..*host
    }
}
