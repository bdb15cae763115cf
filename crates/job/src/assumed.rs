//! What is taken for granted of a machine where the file does not say.
//!
//! The rules are SkyPilot's, so that its files get machines like those they were written for, and one
//! meaning holds for every form of job file:
//!
//! - without `cpus` and `memory`, at least 8 vCPUs;
//! - without `memory`, at least 4 GiB for each vCPU of the machine;
//! - x86-64, unless `arch` or the image's name says otherwise;
//! - no vCPUs that only burst to their full speed, unless `burstable` says otherwise.
//!
//! Nothing is assumed beside an accelerator or a machine type, which say what the machine is, nor at
//! places that hold the user's own machines, which are what they are.
//!
//! *Rejected:* writing these into the options of a task, where nobody could tell them from what the
//! file says, and where a place given on the command line would come too late to lift them.

use crate::infra::OWN_MACHINES;
use crate::model::{Amount, Arch, Resources};
use std::fmt;

/// vCPUs where nothing is said: 8, in thousandths.
const CPUS_MILLI: u64 = 8_000;
/// Memory for each vCPU where no memory is said: 4 GiB, as general-purpose machines have, in thousandths.
const MEMORY_PER_CPU_MILLI: u64 = 4_000;
/// What tells in an image's name that it is for ARM.
const ARM_IMAGES: [&str; 2] = ["arm64", "aarch64"];

/// Conditions that hold although the file does not state them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Assumed {
    /// Least vCPUs, in thousandths.
    pub cpus_milli: Option<u64>,
    /// Least memory for each vCPU of the machine, in thousandths of a GiB.
    pub memory_per_cpu_milli: Option<u64>,
    /// Nothing that is known to be ARM.
    pub x86: bool,
    /// No burstable vCPUs.
    pub steady: bool,
}

impl Resources {
    /// What is assumed of the machine besides what is said.
    #[must_use]
    pub fn assumed(&self) -> Assumed {
        let own = self.infra.provider.as_deref().is_some_and(|name| OWN_MACHINES.contains(&name));
        if own || self.accelerator.is_some() || self.instance_type.is_some() {
            return Assumed::default();
        }
        let no_memory = self.memory_gib.is_none() && self.memory_per_cpu_milli.is_none();
        Assumed {
            cpus_milli: (no_memory && self.cpus.is_none()).then_some(CPUS_MILLI),
            memory_per_cpu_milli: no_memory.then_some(MEMORY_PER_CPU_MILLI),
            x86: self.arch.is_none() && !self.image_is_arm(),
            steady: self.burstable.is_none(),
        }
    }

    /// The instruction set asked for, by `arch` or by the image; `None` for any.
    #[must_use]
    pub fn wanted_arch(&self) -> Option<Arch> {
        match self.arch {
            Some(Arch::Any) => None,
            None => self.image_is_arm().then_some(Arch::Arm64),
            asked => asked,
        }
    }

    fn image_is_arm(&self) -> bool {
        let image = self.image_id.as_deref().unwrap_or_default().to_ascii_lowercase();
        ARM_IMAGES.iter().any(|name| image.contains(name))
    }
}

impl Assumed {
    /// Whether nothing is.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// The least vCPUs as a condition.
    #[must_use]
    pub fn cpus(self) -> Option<Amount> {
        self.cpus_milli.map(|milli| Amount { milli, or_more: true })
    }
}

impl fmt::Display for Assumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            self.cpus_milli.map(|milli| format!("at least {} vCPUs", milli / 1000)),
            self.memory_per_cpu_milli.map(|milli| format!("{} GiB or more for each vCPU", milli / 1000)),
            self.x86.then(|| "x86-64".to_owned()),
            self.steady.then(|| "not burstable".to_owned()),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use crate::{Context, Resources, parse};

    fn resources(text: &str) -> Resources {
        let file = format!("resources: {{{text}}}\nrun: x");
        parse(&file, &Context::new("t.yaml")).unwrap().job.tasks[0].options[0].clone()
    }

    #[test]
    fn what_is_assumed_is_what_skypilot_takes() {
        for (text, words) in [
            ("", "at least 8 vCPUs, 4 GiB or more for each vCPU, x86-64, not burstable"),
            ("use_spot: true", "at least 8 vCPUs, 4 GiB or more for each vCPU, x86-64, not burstable"),
            ("cpus: 2+", "4 GiB or more for each vCPU, x86-64, not burstable"),
            ("memory: 16+", "x86-64, not burstable"),
            ("memory: 2x", "x86-64, not burstable"),
            ("cpus: 2, memory: 4, arch: any", "not burstable"),
            ("cpus: 2, memory: 4, burstable: true", "x86-64"),
            ("cpus: 2, memory: 4, image_id: 'docker:arm64v8/debian'", "not burstable"),
            ("accelerators: L4", ""),
            ("instance_type: t4g.nano", ""),
            ("infra: local", ""),
            ("infra: k8s", ""),
        ] {
            assert_eq!(resources(text).assumed().to_string(), words, "{text}");
        }
    }

    #[test]
    fn an_image_for_arm_asks_for_arm() {
        use crate::Arch;
        for (text, arch) in [
            ("image_id: 'docker:arm64v8/debian'", Some(Arch::Arm64)),
            ("image_id: 'skypilot:custom-gpu-ubuntu-arm64'", Some(Arch::Arm64)),
            ("image_id: 'docker:arm64v8/debian', arch: amd64", Some(Arch::X86_64)),
            ("image_id: 'docker:debian'", None),
            ("arch: any", None),
            ("arch: aarch64", Some(Arch::Arm64)),
        ] {
            assert_eq!(resources(text).wanted_arch(), arch, "{text}");
        }
    }
}
