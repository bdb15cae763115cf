//! What this machine has.

use std::fs;
use std::path::Path;
use welkin_units::Bytes;

/// The hardware of this machine, as far as it can be seen without a driver library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hardware {
    /// Processors this process may use, in thousandths of a virtual CPU.
    pub vcpus_milli: u32,
    /// Physical memory.
    pub memory: Bytes,
    /// NVIDIA devices, `/dev/nvidia0` and on.
    pub gpus: u32,
}

impl Hardware {
    /// Looks at this machine.
    #[must_use]
    pub fn detect() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let memory = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_memory(&text));
        Self {
            vcpus_milli: u32::try_from(processors).unwrap_or(u32::MAX).saturating_mul(1_000),
            memory: memory.unwrap_or(Bytes::ZERO),
            gpus: count_gpus(Path::new("/dev")),
        }
    }
}

fn total_memory(meminfo: &str) -> Option<Bytes> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(Bytes::new(kibibytes.checked_mul(1_024)?))
}

/// Device files `nvidia<number>`; the others (`nvidiactl`, `nvidia-uvm`) are no devices to rent.
fn count_gpus(devices: &Path) -> u32 {
    let is_gpu = |name: &str| {
        name.strip_prefix("nvidia")
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let found = fs::read_dir(devices).into_iter().flatten().flatten();
    let count = found.filter(|entry| entry.file_name().to_str().is_some_and(is_gpu)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_kibibytes() {
        assert_eq!(total_memory("MemTotal:  24 kB\nMemFree: 1 kB\n"), Some(Bytes::new(24 * 1_024)));
        assert_eq!(total_memory("MemFree: 1 kB\n"), None);
    }

    #[test]
    fn only_numbered_devices_are_gpus() {
        let devices = tempfile::tempdir().unwrap();
        for name in ["nvidia0", "nvidia11", "nvidiactl", "nvidia-uvm", "nvidia", "null"] {
            fs::write(devices.path().join(name), "").unwrap();
        }
        assert_eq!(count_gpus(devices.path()), 2);
    }

    #[test]
    fn this_machine_has_a_processor_and_memory() {
        let here = Hardware::detect();
        assert!(here.vcpus_milli >= 1_000);
        assert!(here.memory > Bytes::from_gb(0));
    }
}
