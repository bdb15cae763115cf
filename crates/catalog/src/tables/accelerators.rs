//! One name for each accelerator.
//!
//! Names are compared without regard to case, spaces, `-` and `_`. A TPU name may carry the size of
//! its slice, in the unit of its generation: up to v4 and for v5p the number counts TensorCores, two
//! to a chip; from v5e on it counts chips ([Cloud TPU accelerator types][1]). So SkyPilot's
//! `tpu-v5litepod-8:1` is `tpu-v5e` times 8, and `tpu-v4-8:1` is `tpu-v4` times 4.
//!
//! [1]: https://cloud.google.com/tpu/docs/supported-tpu-configurations

use super::reader::{TableProblem, read};
use crate::Text;
use std::collections::HashMap;

/// Accelerators by any of their names.
#[derive(Debug, Clone, Default)]
pub struct Accelerators {
    devices: Vec<Device>,
    by_name: HashMap<String, usize>,
}

/// An accelerator model of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Normalised name.
    pub name: Text,
    /// Memory of one device in MiB; 0 when unknown.
    pub memory_mib: u32,
    /// Vendor in lower case.
    pub vendor: Text,
}

/// What a written name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Normalised name; the name as written when it is not in the table.
    pub name: Text,
    /// Memory of one device in MiB; 0 when unknown.
    pub memory_mib: u32,
    /// Devices that one of the written name stands for: the chips of a TPU slice, else 1.
    pub devices: u32,
    /// Whether the table knows it.
    pub known: bool,
}

impl Accelerators {
    pub(super) fn parse(text: &str, problems: &mut Vec<TableProblem>) -> Self {
        let mut table = Self::default();
        let columns = ["name", "aliases", "memory_gib", "vendor"];
        read("accelerators.csv", text, columns, problems, |row, problems| {
            let Some(memory_gib) = row.number(2).filter(|gib| *gib < 4096.0) else {
                problems.push(row.problem(format!("`{}` is not a memory size", row.get(2))));
                return;
            };
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 4 Mi")]
            let memory_mib = (memory_gib * 1024.0) as u32;
            let index = table.devices.len();
            for name in std::iter::once(row.get(0)).chain(row.list(1)) {
                let before = table.by_name.insert(fold(name), index);
                if before.is_some_and(|before| before != index) {
                    problems.push(row.problem(format!("`{name}` names two accelerators")));
                }
            }
            let vendor = row.get(3).to_lowercase().into();
            table.devices.push(Device { name: row.get(0).into(), memory_mib, vendor });
        });
        table
    }

    /// The model with this name or alias.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Device> {
        self.by_name.get(&fold(name)).and_then(|&index| self.devices.get(index))
    }

    /// The models that `80GB`, `80GB+` or `NVIDIA:80GB+` asks for; `None` when `name` is not of this
    /// form. The number is the vendor's nominal memory of one device.
    #[must_use]
    pub fn by_memory(&self, name: &str) -> Option<Vec<&Device>> {
        let (vendor, memory) = match name.split_once(':') {
            Some((vendor, memory)) => (Some(vendor.trim().to_lowercase()), memory.trim()),
            None => (None, name.trim()),
        };
        let (memory, or_more) = memory.strip_suffix('+').map_or((memory, false), |memory| (memory, true));
        let (number, unit) = memory.split_at(memory.find(|c: char| !c.is_ascii_digit())?);
        let per_unit_mib = match unit.to_ascii_lowercase().as_str() {
            "mb" => 1,
            "gb" => 1024,
            "tb" => 1024 * 1024,
            _ => return None,
        };
        let wanted = number.parse::<u32>().ok()?.checked_mul(per_unit_mib)?;
        let fits = |device: &&Device| {
            vendor.as_deref().is_none_or(|vendor| *device.vendor == *vendor)
                && device.memory_mib > 0
                && (device.memory_mib == wanted || (or_more && device.memory_mib > wanted))
        };
        Some(self.devices.iter().filter(fits).collect())
    }

    /// All models, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = &Device> {
        self.devices.iter()
    }

    /// What `name` means: a model, or a TPU slice as so many chips of a model.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Resolved {
        let name = name.trim();
        let found = |device: &Device, devices| Resolved {
            name: device.name.clone(),
            memory_mib: device.memory_mib,
            devices,
            known: true,
        };
        if let Some(device) = self.get(name) {
            return found(device, 1);
        }
        if let Some((generation, chips)) = tpu_slice(name) {
            return match self.get(&generation) {
                Some(device) => found(device, chips),
                None => Resolved { name: generation.into(), memory_mib: 0, devices: chips, known: false },
            };
        }
        Resolved { name: name.into(), memory_mib: 0, devices: 1, known: false }
    }
}

/// Splits `tpu-v5litepod-8` into generation (`tpu-v5e`) and chips (8).
fn tpu_slice(name: &str) -> Option<(String, u32)> {
    let lower = name.to_ascii_lowercase();
    let slice = lower.strip_prefix("tpu-")?;
    let (generation, size) = slice.rsplit_once('-')?;
    let size: u32 = size.parse().ok().filter(|size| (1..=65_536).contains(size))?;
    let generation = if generation == "v5litepod" { "v5e" } else { generation };
    let cores_per_unit = matches!(generation, "v2" | "v3" | "v4" | "v5p");
    let chips = if cores_per_unit { size.div_ceil(2) } else { size };
    Some((format!("tpu-{generation}"), chips))
}

/// Lower case without separators.
pub(crate) fn fold(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_for_each() {
        let mut problems = Vec::new();
        let text = "name,aliases,memory_gib,vendor\nA100,A100-40GB,40,nvidia\n\
                    tpu-v5e,tpu-v5litepod,16,google\ntpu-v4,,32,google\nInferentia2,inf2,32,aws\n";
        let table = Accelerators::parse(text, &mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        for (written, name, devices) in [
            ("a100", "A100", 1),
            ("A100-40gb", "A100", 1),
            ("inferentia2", "Inferentia2", 1),
            ("tpu-v5e", "tpu-v5e", 1),
            ("tpu-v5litepod", "tpu-v5e", 1),
            ("tpu-v5litepod-8", "tpu-v5e", 8),
            ("tpu-v5e-8", "tpu-v5e", 8),
            ("TPU-v4-8", "tpu-v4", 4),
            ("tpu-v9x-16", "tpu-v9x", 16),
            ("tpu-v4-0", "tpu-v4-0", 1),
            ("Frobnicator", "Frobnicator", 1),
        ] {
            let resolved = table.resolve(written);
            assert_eq!((&*resolved.name, resolved.devices), (name, devices), "{written}");
        }
        assert_eq!(table.resolve("A100-40GB").memory_mib, 40 << 10);
        assert!(!table.resolve("Frobnicator").known);
    }

    #[test]
    fn by_memory() {
        let table = &crate::tables::Tables::embedded().accelerators;
        let names = |text: &str| -> Option<Vec<String>> {
            Some(table.by_memory(text)?.iter().map(|device| device.name.to_string()).collect())
        };
        let exactly = names("80GB").unwrap();
        assert!(
            exactly.contains(&"A100-80GB".to_owned()) && !exactly.contains(&"H200".to_owned()),
            "{exactly:?}"
        );
        let or_more = names("NVIDIA:80gb+").unwrap();
        assert!(
            or_more.contains(&"H200".to_owned()) && !or_more.contains(&"MI300X".to_owned()),
            "{or_more:?}"
        );
        for name in ["A100-80GB", "GB200", "80", "tpu-v5e", ""] {
            assert_eq!(names(name), None, "{name}");
        }
    }
}
