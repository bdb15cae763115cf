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
use std::collections::{BTreeSet, HashMap};
use welkin_units::Bytes;

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

    /// Whether an accelerator of a catalog, by its name and memory, is what `written` asks for: a model, a
    /// slice of one, or any with so much memory (`80GB`, `80GB+`, `NVIDIA:80GB+`), whatever it is called.
    pub fn matcher<'t>(&'t self, written: &'t str) -> impl Fn((&str, Bytes)) -> bool + use<'t> {
        let by_memory = ByMemory::parse(written);
        let model = fold(&self.resolve(written).name);
        move |(name, memory)| match &by_memory {
            Some(wanted) => wanted.accepts(self.get(name), memory),
            None => fold(name) == model,
        }
    }

    /// The nominal memory of a device that reports so many MiB: the least of any model that is not below it, where
    /// that is at most a tenth more, since drivers keep some for themselves.
    #[must_use]
    pub fn nominal_mib(&self, mib: u32) -> u32 {
        let models = self.devices.iter().map(|device| device.memory_mib);
        let near = models.filter(|nominal| (mib..=mib.saturating_add(mib / 9)).contains(nominal));
        near.min().unwrap_or(mib)
    }

    /// Vendors of the models, in order.
    #[must_use]
    pub fn vendors(&self) -> BTreeSet<&str> {
        self.devices.iter().map(|device| &*device.vendor).collect()
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
        // Only where it leads to a TPU that the table knows: other vendors count versions too.
        if let Some(resolved) = tpu_name(name).map(|name| self.resolve(&name)).filter(|it| it.known) {
            return resolved;
        }
        Resolved { name: name.into(), memory_mib: 0, devices: 1, known: false }
    }
}

/// Any accelerator with so much memory, of one vendor or of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByMemory {
    /// Vendor in lower case.
    pub vendor: Option<String>,
    /// Nominal memory of one device in MiB.
    pub memory_mib: u32,
    /// Whether more will do too.
    pub or_more: bool,
}

impl ByMemory {
    /// Reads `80GB`, `80GB+` or `NVIDIA:80GB+`; `None` when it is not of this form.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
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
        let memory_mib = number.parse::<u32>().ok()?.checked_mul(per_unit_mib)?;
        Some(Self { vendor, memory_mib, or_more })
    }

    /// Whether a device has it: by what the offer says of its memory, and else by what its model has.
    fn accepts(&self, model: Option<&Device>, memory: Bytes) -> bool {
        let stated = u32::try_from(memory.get() >> 20).unwrap_or(u32::MAX);
        let mib = if stated > 0 { stated } else { model.map_or(0, |model| model.memory_mib) };
        let of_vendor =
            self.vendor.as_deref().is_none_or(|vendor| model.is_some_and(|model| *model.vendor == *vendor));
        of_vendor && mib > 0 && (mib == self.memory_mib || (self.or_more && mib > self.memory_mib))
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

/// What the name of a machine type of TPUs (`v5p-8`), or a longer name of one (`google-tpu-v6e`), is short
/// or long for.
fn tpu_name(name: &str) -> Option<String> {
    let lower = name.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    let bare = lower.strip_prefix("google-").unwrap_or(&lower);
    let bare = bare.strip_prefix("tpu").map_or(bare, |rest| rest.trim_start_matches('-'));
    let generation = bare.strip_prefix('v')?;
    let other = format!("tpu-{bare}");
    (generation.starts_with(|c: char| c.is_ascii_digit()) && !other.eq_ignore_ascii_case(name))
        .then_some(other)
}

/// Lower case without separators.
fn fold(name: &str) -> String {
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
            ("v4-8", "tpu-v4", 4),
            ("V5litepod-8", "tpu-v5e", 8),
            ("v5e", "tpu-v5e", 1),
            ("google-tpu-v5e", "tpu-v5e", 1),
            ("TPU v4-8", "tpu-v4", 4),
            ("v100-8", "v100-8", 1),
            ("Frobnicator", "Frobnicator", 1),
        ] {
            let resolved = table.resolve(written);
            assert_eq!((&*resolved.name, resolved.devices), (name, devices), "{written}");
        }
        assert_eq!(table.resolve("A100-40GB").memory_mib, 40 << 10);
        assert!(!table.resolve("Frobnicator").known);
    }

    #[test]
    fn by_memory_of_the_offer_and_else_of_its_model() {
        let table = &crate::tables::Tables::embedded().accelerators;
        let gib = |gib: u64| Bytes::new(gib << 30);
        for (written, name, memory, fits) in [
            ("80GB", "A100-80GB", gib(80), true),
            ("80GB", "A100-80GB", Bytes::ZERO, true),
            ("80GB", "A100", gib(80), true),
            ("80GB", "A100", gib(40), false),
            ("80GB", "A100", Bytes::ZERO, false),
            ("80GB", "A100-80GB", gib(40), false),
            ("80GB", "H200", gib(141), false),
            ("80GB", "nobody's", gib(80), true),
            ("NVIDIA:80gb+", "H200", gib(141), true),
            ("NVIDIA:80gb+", "MI300X", gib(192), false),
            ("nvidia:80GB", "nobody's", gib(80), false),
            ("81920MB", "H100", gib(80), true),
            ("A100-80GB", "A100-80GB", gib(80), true),
            ("A100-80GB", "H100", gib(80), false),
        ] {
            assert_eq!(table.matcher(written)((name, memory)), fits, "{written} {name} {memory}");
        }
        assert_eq!(table.nominal_mib(95_830), 94 << 10);
        assert_eq!(table.nominal_mib(81_920), 80 << 10);
        assert_eq!(table.nominal_mib(60_000), 60_000);
        for name in ["A100-80GB", "GB200", "80", "tpu-v5e", ""] {
            assert_eq!(ByMemory::parse(name), None, "{name}");
        }
    }
}
