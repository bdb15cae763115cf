//! Which hosts of a pool give how many nodes: a pure function of what is free.
//!
//! The nodes of a gang are on different hosts as long as the pool has enough that could hold one: whoever asks
//! for three machines means three. Among hosts with room the one with the most free CPUs comes first, so that
//! tasks spread.

use super::inventory::{accelerator_name, is_of_kind};
use crate::remote::{Free, HostInfo};
use welkin_provider::MachineSpec;

/// A host, what it has, and what is free of it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) host: String,
    pub(super) info: HostInfo,
    pub(super) free: Free,
}

impl Candidate {
    /// How many nodes it could hold if nobody else were there.
    pub(super) fn holds(&self, machine: &MachineSpec) -> u32 {
        let all = self.info.gpus.iter().map(|gpu| gpu.index).collect();
        let whole =
            Free { vcpus_milli: self.info.vcpus_milli.into(), memory: self.info.memory, devices: all };
        self.fits(machine, &whole)
    }

    /// How many nodes it has room for.
    fn room(&self, machine: &MachineSpec) -> u32 {
        self.fits(machine, &self.free)
    }

    fn fits(&self, machine: &MachineSpec, free: &Free) -> u32 {
        let times = |has: u64, needs: u64| has.checked_div(needs).unwrap_or(u64::from(u32::MAX));
        let vcpus = times(free.vcpus_milli, machine.vcpus_milli.into());
        let memory = times(free.memory.get(), machine.memory.get());
        let devices = machine.accelerator.as_ref().map_or(u64::from(u32::MAX), |wanted| {
            let of_kind = |gpu: &&crate::remote::Gpu| {
                accelerator_name(gpu) == wanted.name && free.devices.contains(&gpu.index)
            };
            times(self.info.gpus.iter().filter(of_kind).count() as u64, wanted.devices().into())
        });
        u32::try_from(vcpus.min(memory).min(devices)).unwrap_or(u32::MAX)
    }
}

/// What comes of a choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Choice {
    /// So many nodes of each host.
    Take(Vec<(String, u32)>),
    /// There is room when others are done.
    Full,
    /// Not even empty hosts hold it.
    Never,
}

/// Chooses hosts for a gang.
pub(super) fn choose(candidates: &[Candidate], machine: &MachineSpec, nodes: u32) -> Choice {
    let fits = |host: &&Candidate| is_of_kind(&host.info, machine) && host.holds(machine) > 0;
    let able: Vec<&Candidate> = candidates.iter().filter(fits).collect();
    let apart = able.len() as u64 >= u64::from(nodes);
    let most =
        |host: &Candidate, could: u32| if apart { could.min(1) } else { could.min(host.holds(machine)) };
    let sum = |count: fn(&Candidate, &MachineSpec) -> u32| {
        able.iter().map(|host| u64::from(most(host, count(host, machine)))).sum::<u64>()
    };
    if sum(Candidate::holds) < u64::from(nodes) {
        return Choice::Never;
    }
    if sum(Candidate::room) < u64::from(nodes) {
        return Choice::Full;
    }
    let mut order = able.clone();
    order.sort_by(|a, b| b.free.vcpus_milli.cmp(&a.free.vcpus_milli).then_with(|| a.host.cmp(&b.host)));
    let mut left = nodes;
    // One of each first, so that a gang that must share hosts shares them evenly.
    let mut taken: Vec<(String, u32)> = order.iter().map(|host| (host.host.clone(), 0)).collect();
    while left > 0 {
        for (host, (_, count)) in order.iter().zip(&mut taken) {
            if left > 0 && *count < most(host, host.room(machine)) {
                *count += 1;
                left -= 1;
            }
        }
    }
    taken.retain(|(_, count)| *count > 0);
    Choice::Take(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::{Gpu, Vendor};
    use welkin_provider::Accelerators;
    use welkin_units::Bytes;

    fn host(name: &str, vcpus: u32, free: u32, gpus: u32) -> Candidate {
        let gpu = |index| Gpu { index, vendor: Vendor::Nvidia, name: "Tesla T4".into(), memory: Bytes::ZERO };
        Candidate {
            host: name.to_owned(),
            info: HostInfo {
                protocol: 1,
                hostname: name.into(),
                user: "u".into(),
                arch: "x86_64".into(),
                vcpus_milli: vcpus * 1_000,
                memory: Bytes::from_gib(64),
                gpus: (0..gpus).map(gpu).collect(),
                address: name.into(),
                limits: String::new(),
            },
            free: Free {
                vcpus_milli: u64::from(free) * 1_000,
                memory: Bytes::from_gib(64),
                devices: (0..gpus).collect(),
            },
        }
    }

    fn machine(vcpus: u32) -> MachineSpec {
        MachineSpec { vcpus_milli: vcpus * 1_000, memory: Bytes::from_gib(1), ..MachineSpec::of_type("t") }
    }

    fn take(taken: &[(&str, u32)]) -> Choice {
        Choice::Take(taken.iter().map(|(host, count)| ((*host).to_owned(), *count)).collect())
    }

    #[test]
    fn the_emptiest_host_first() {
        let hosts = [host("a", 8, 2, 0), host("b", 8, 6, 0), host("c", 4, 4, 0)];
        assert_eq!(choose(&hosts, &machine(2), 1), take(&[("b", 1)]));
        assert_eq!(choose(&hosts, &machine(2), 3), take(&[("b", 1), ("c", 1), ("a", 1)]));
    }

    #[test]
    fn nodes_of_a_gang_are_apart_as_long_as_there_are_hosts() {
        let hosts = [host("a", 8, 8, 0), host("b", 8, 1, 0)];
        // Two hosts could hold one each, so it waits for the second rather than share the first.
        assert_eq!(choose(&hosts, &machine(2), 2), Choice::Full);
        let hosts = [host("a", 8, 8, 0), host("b", 8, 8, 0)];
        assert_eq!(choose(&hosts, &machine(2), 5), take(&[("a", 3), ("b", 2)]));
    }

    #[test]
    fn what_no_host_can_hold_is_never_waited_for() {
        let hosts = [host("a", 8, 8, 0), host("b", 4, 4, 1)];
        assert_eq!(choose(&hosts, &machine(16), 1), Choice::Never);
        let gpus = |count: u32| MachineSpec {
            accelerator: Some(Accelerators { name: "T4".into(), count_milli: count * 1_000 }),
            ..machine(1)
        };
        assert_eq!(choose(&hosts, &gpus(1), 1), take(&[("b", 1)]));
        assert_eq!(choose(&hosts, &gpus(2), 1), Choice::Never);
        assert_eq!(choose(&[], &machine(1), 1), Choice::Never);
    }
}
