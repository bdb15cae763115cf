//! What hosts have, as something to choose from.
//!
//! A host is offered whole and in halves, quarters and so on, as clouds offer sizes of one machine: a part has
//! its share of CPUs, memory, accelerators and price. A task takes the smallest part that will do, and several
//! share a host.

use crate::remote::{Gpu, HostInfo, Unreached, Vendor};
use welkin_provider::{Accelerators, Location, MachineSpec, ProviderId, Stock};
use welkin_units::{Bytes, Usd};

/// What is known of a host after somebody looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its pool.
    pub pool: String,
    /// Its name there.
    pub host: String,
    /// What was found.
    pub state: HostState,
}

/// What was found of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostState {
    /// It answers.
    Reached(Box<HostInfo>),
    /// It cannot be used.
    Unreached {
        /// What happened.
        message: String,
        /// What would mend it, where that is known.
        remedy: Option<String>,
    },
}

impl From<Unreached> for HostState {
    fn from(unreached: Unreached) -> Self {
        Self::Unreached { message: unreached.message, remedy: unreached.remedy }
    }
}

/// One part of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// What it has, under a name that says so.
    pub(super) machine: MachineSpec,
    /// Its share of the host, as a fraction: one of so many.
    pub(super) of: u32,
}

/// The parts that a host is offered in, smallest first.
pub(super) fn shapes(info: &HostInfo) -> Vec<Shape> {
    let mut shapes = Vec::new();
    let mut of = 1_u32;
    while info.vcpus_milli / of >= 1_000 && of <= 1 << 12 {
        shapes.push(Shape { machine: shape(info, of, None), of });
        of *= 2;
    }
    // Less than one processor: as it is.
    if shapes.is_empty() {
        shapes.push(Shape { machine: shape(info, 1, None), of: 1 });
    }
    shapes.reverse();
    for (name, count) in accelerators(&info.gpus) {
        let mut devices = 1;
        while devices <= count {
            let of = count.div_ceil(devices);
            shapes.push(Shape { machine: shape(info, of, Some((name.clone(), devices))), of });
            devices = if devices * 2 > count && devices < count { count } else { devices * 2 };
        }
    }
    shapes
}

/// One part of a host, and its name.
fn shape(info: &HostInfo, of: u32, accelerators: Option<(String, u32)>) -> MachineSpec {
    let vcpus_milli = info.vcpus_milli / of;
    // Equal machines differ by some mebibytes of memory: counted in whole gibibytes they are one kind.
    let share = info.memory.get() / u64::from(of);
    let memory = Bytes::new(if share >> 30 > 0 { share >> 30 << 30 } else { share >> 20 << 20 });
    let mut instance_type = format!("{}cpu-{}gb", vcpus_milli / 1_000, memory.get() >> 30);
    let accelerator = accelerators.map(|(name, devices)| {
        instance_type = format!("{instance_type}-{devices}x{name}");
        Accelerators { name, count_milli: devices * 1_000 }
    });
    if info.arch != USUAL_ARCH {
        instance_type = format!("{instance_type}-{}", plain(&info.arch));
    }
    MachineSpec { instance_type, vcpus_milli, memory, accelerator, ..MachineSpec::default() }
}

/// The instruction set that names of machines leave out.
const USUAL_ARCH: &str = "x86_64";

/// Whether a host has the instruction set of a kind of machine. Welkin is built for two.
pub(super) fn is_of_kind(info: &HostInfo, machine: &MachineSpec) -> bool {
    let arch = if machine.instance_type.ends_with("-aarch64") { "aarch64" } else { USUAL_ARCH };
    info.arch == arch
}

/// What a host says of itself, as a part of a name: letters, digits, `-`, `_` and `.`, at most [`LONGEST`].
fn plain(text: &str) -> String {
    let fine = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    text.chars().take(LONGEST).map(fine).collect()
}

/// Longest part of a name that comes from a host.
const LONGEST: usize = 48;

/// The accelerators of a host by the name that job files use, with their number.
fn accelerators(gpus: &[Gpu]) -> Vec<(String, u32)> {
    let mut counted: Vec<(String, u32)> = Vec::new();
    for name in gpus.iter().map(accelerator_name) {
        match counted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counted.push((name, 1)),
        }
    }
    counted
}

/// The name by which job files ask for a device: what its driver says, without maker, line and form.
pub(crate) fn accelerator_name(gpu: &Gpu) -> String {
    /// Words that do not tell one model from another.
    const IDLE: &[&str] = &[
        "NVIDIA",
        "AMD",
        "Tesla",
        "Quadro",
        "GeForce",
        "Instinct",
        "Radeon",
        "Pro",
        "Graphics",
        "GPU",
        "Ada",
        "Generation",
        "PCIe",
        "PCIE",
        "SXM",
        "SXM2",
        "SXM3",
        "SXM4",
        "SXM5",
        "HBM2",
        "HBM2e",
        "HBM3",
        "NVL",
        "OAM",
    ];
    let words = gpu.name.split([' ', '-', '/']);
    let told: Vec<&str> = words.filter(|word| !word.is_empty() && !IDLE.contains(word)).collect();
    let size = |word: &&&str| word.strip_suffix("GB").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let model: Vec<&str> = told.iter().filter(|word| !size(word)).copied().collect();
    let name = match (gpu.vendor, model.as_slice()) {
        (_, []) => gpu.name.replace(' ', "-"),
        (Vendor::Nvidia, ["RTX", rest @ ..]) => format!("RTX{}", rest.join("-")),
        (_, words) => words.join("-"),
    };
    // The one model that catalogs tell apart by its memory.
    if name == "A100" && gpu.memory >= Bytes::from_gib(60) { "A100-80GB".to_owned() } else { plain(&name) }
}

/// What a host of a pool adds to the inventory.
pub(crate) fn stock(provider: &ProviderId, pool: &str, hourly: Usd, info: &HostInfo) -> Vec<Stock> {
    let location = Location { provider: provider.clone(), region: pool.to_owned(), zone: None };
    let part = |shape: Shape| Stock {
        location: location.clone(),
        hourly: Usd::from_nanos(hourly.nanos() / i64::from(shape.of)),
        machine: shape.machine,
        arch: info.arch.clone(),
    };
    shapes(info).into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(name: &str, gib: u64) -> Gpu {
        let vendor = if name.contains("AMD") { Vendor::Amd } else { Vendor::Nvidia };
        Gpu { index: 0, vendor, name: name.to_owned(), memory: Bytes::from_gib(gib) }
    }

    fn host(vcpus: u32, gib: u64, gpus: Vec<Gpu>) -> HostInfo {
        HostInfo {
            protocol: 1,
            hostname: "h".into(),
            user: "u".into(),
            arch: "x86_64".into(),
            vcpus_milli: vcpus * 1_000,
            memory: Bytes::from_gib(gib),
            gpus,
            address: "10.0.0.1".into(),
            limits: String::new(),
        }
    }

    #[test]
    fn drivers_names_become_names_of_job_files() {
        let cases = [
            ("NVIDIA A100-SXM4-80GB", 80, "A100-80GB"),
            ("NVIDIA A100-SXM4-40GB", 40, "A100"),
            ("NVIDIA H100 80GB HBM3", 80, "H100"),
            ("NVIDIA H200", 141, "H200"),
            ("NVIDIA L40S", 45, "L40S"),
            ("Tesla T4", 15, "T4"),
            ("Tesla V100-SXM2-16GB", 16, "V100"),
            ("NVIDIA GeForce RTX 4090", 24, "RTX4090"),
            ("AMD Instinct MI300X", 192, "MI300X"),
        ];
        for (driver, gib, name) in cases {
            assert_eq!(accelerator_name(&gpu(driver, gib)), name, "{driver}");
        }
    }

    #[test]
    fn a_host_is_offered_in_parts() {
        let names = |info: &HostInfo| {
            shapes(info).into_iter().map(|shape| shape.machine.instance_type).collect::<Vec<_>>()
        };
        assert_eq!(names(&host(6, 24, Vec::new())), ["1cpu-6gb", "3cpu-12gb", "6cpu-24gb"]);
        assert_eq!(names(&host(1, 1, Vec::new())), ["1cpu-1gb"]);
        let nearly = HostInfo { memory: Bytes::new((24 << 30) + 7_654_321), ..host(6, 24, Vec::new()) };
        assert_eq!(shapes(&nearly), shapes(&host(6, 24, Vec::new())), "equal machines are one kind");
        let arm = HostInfo { arch: "aarch64".into(), ..host(1, 1, Vec::new()) };
        assert_eq!(names(&arm), ["1cpu-1gb-aarch64"]);
        let kind = |info: &HostInfo| shape(info, 1, None);
        assert!(is_of_kind(&arm, &kind(&arm)) && !is_of_kind(&arm, &kind(&nearly)));
        assert!(is_of_kind(&nearly, &kind(&nearly)) && !is_of_kind(&nearly, &kind(&arm)));
        let odd = vec![gpu("NVIDIA \u{1b}[2J\u{7}x,\n", 1)];
        assert!(names(&host(1, 1, odd)).iter().all(|name| name.bytes().all(|b| b.is_ascii_graphic())));
        let three = vec![gpu("Tesla T4", 15); 3];
        assert_eq!(
            names(&host(3, 30, three)),
            ["1cpu-15gb", "3cpu-30gb", "1cpu-10gb-1xT4", "1cpu-15gb-2xT4", "3cpu-30gb-3xT4"]
        );
    }
}
