//! What a provider's machine names and bills mean. The one place that knows providers by name.

use super::compose::{ATTACH_GCP, Attach};
use crate::Arch;

/// Habits of one provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// Smallest time that is billed, in seconds.
    pub(crate) min_billed_s: u16,
    /// Architecture of a machine type, where no column states it.
    pub(super) arch: fn(&str) -> Arch,
    /// Whether a machine type's vCPUs are shared or burstable.
    pub(super) burstable: fn(&str) -> bool,
    /// Whether a machine type that is listed cannot be ordered.
    pub(super) not_for_sale: fn(&str) -> bool,
    /// vCPUs that a machine type's name states, where they are fewer than the list says.
    pub(super) constrained: fn(&str) -> Option<u32>,
    /// How accelerators that are priced apart go with hosts.
    pub(super) attach: Option<&'static Attach>,
}

impl Dialect {
    /// The habits of `provider`; those of an unknown one claim nothing.
    pub(crate) fn of(provider: &str) -> Self {
        let unknown = Self {
            // A minute, the coarsest that is usual for machines by the hour.
            min_billed_s: 60,
            arch: |_| Arch::Unknown,
            burstable: |_| false,
            not_for_sale: |_| false,
            constrained: |_| None,
            attach: None,
        };
        match provider {
            // Linux on EC2: by the second, at least 60
            // (https://aws.amazon.com/ec2/pricing/on-demand/).
            "aws" => Self { arch: aws_arch, burstable: aws_burstable, ..unknown },
            "azure" => Self {
                arch: azure_arch,
                burstable: azure_burstable,
                constrained: azure_constrained,
                ..unknown
            },
            // By the second, at least one minute (https://cloud.google.com/compute/vm-instance-pricing).
            "gcp" => Self {
                arch: gcp_arch,
                burstable: gcp_burstable,
                // Hosts of TPU nodes, priced for the slice they belong to.
                not_for_sale: |name| name.ends_with("-tpu"),
                attach: Some(&ATTACH_GCP),
                ..unknown
            },
            "lambda" => Self {
                arch: |name| if name.contains("gh200") { Arch::Arm64 } else { Arch::X86_64 },
                ..unknown
            },
            // By the second (https://docs.vast.ai/documentation/instances/pricing).
            "vast" => Self { min_billed_s: 1, arch: |_| Arch::X86_64, ..unknown },
            _ => unknown,
        }
    }
}

/// `a1` and every family with a `g` behind its generation (`m7g`, `c6gn`, `t4g`) is Graviton.
fn aws_arch(name: &str) -> Arch {
    let family = name.split('.').next().unwrap_or_default();
    let attributes = family.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let attributes = attributes.trim_start_matches(|c: char| c.is_ascii_digit());
    if family == "a1" || attributes.starts_with('g') || family == "g5g" { Arch::Arm64 } else { Arch::X86_64 }
}

/// The T family: `t2.micro`, `t3a.large`, but not `trn1.2xlarge`.
fn aws_burstable(name: &str) -> bool {
    name.strip_prefix('t').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `Standard_D8ps_v5`: a `p` among the small letters behind the size is ARM
/// (<https://learn.microsoft.com/azure/virtual-machines/vm-naming-conventions>).
fn azure_arch(name: &str) -> Arch {
    let size = name.split('_').nth(1).unwrap_or_default();
    let features = size.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let features = features.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    if features.chars().any(|c| c == 'p') { Arch::Arm64 } else { Arch::X86_64 }
}

/// `Standard_E64-16as_v5`, `Standard_GS5-8`: the memory, disks and price of a machine of 64 vCPUs with 16 of
/// them, for software that is licensed by the core
/// (<https://learn.microsoft.com/azure/virtual-machines/constrained-vcpu>). Price lists state the 64.
fn azure_constrained(name: &str) -> Option<u32> {
    let size = name.split('_').nth(1)?;
    let (whole, active) = size.split_once('-')?;
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let active: u32 = active[..digits(active)].parse().ok()?;
    let family = whole.trim_end_matches(|c: char| c.is_ascii_digit());
    (active > 0 && family.len() < whole.len()).then_some(active)
}

/// The B family: `Standard_B2ts_v2`, `Standard_B1ls`.
fn azure_burstable(name: &str) -> bool {
    let size = name.split('_').nth(1).unwrap_or_default();
    size.strip_prefix('B').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Tau T2A, Axion (C4A, N4A) and the Grace hosts of A4X.
fn gcp_arch(name: &str) -> Arch {
    let family = name.split('-').next().unwrap_or_default();
    if matches!(family, "t2a" | "c4a" | "n4a" | "a4x") { Arch::Arm64 } else { Arch::X86_64 }
}

/// Shared-core machines (<https://cloud.google.com/compute/docs/general-purpose-machines>).
fn gcp_burstable(name: &str) -> bool {
    matches!(name, "f1-micro" | "g1-small" | "e2-micro" | "e2-small" | "e2-medium")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constrained_sizes_tell_their_vcpus() {
        for (provider, name, vcpus) in [
            ("azure", "Standard_E64-16as_v5", Some(16)),
            ("azure", "Standard_DS13-2_v2", Some(2)),
            ("azure", "Standard_GS5-8", Some(8)),
            ("azure", "Standard_M96-48bds_2_v3", Some(48)),
            ("azure", "Standard_E64as_v5", None),
            ("azure", "Standard_NC-x_v5", None),
            ("azure", "Standard_E64-as_v5", None),
            ("azure", "odd", None),
            ("gcp", "n2d-standard-16", None),
            ("aws", "u-6tb1.56xlarge", None),
        ] {
            assert_eq!((Dialect::of(provider).constrained)(name), vcpus, "{name}");
        }
    }

    #[test]
    fn names_tell_architecture_and_sharing() {
        for (provider, name, arch, burstable) in [
            ("aws", "m5.large", Arch::X86_64, false),
            ("aws", "c7gn.xlarge", Arch::Arm64, false),
            ("aws", "g4dn.xlarge", Arch::X86_64, false),
            ("aws", "g5g.xlarge", Arch::Arm64, false),
            ("aws", "a1.large", Arch::Arm64, false),
            ("aws", "t3.nano", Arch::X86_64, true),
            ("aws", "trn1.2xlarge", Arch::X86_64, false),
            ("aws", "t4g.nano", Arch::Arm64, true),
            ("azure", "Standard_D8s_v5", Arch::X86_64, false),
            ("azure", "Standard_D8pds_v6", Arch::Arm64, false),
            ("azure", "Standard_B2pts_v2", Arch::Arm64, true),
            ("azure", "Standard_B1ls", Arch::X86_64, true),
            ("azure", "Standard_E32-16s_v3", Arch::X86_64, false),
            ("gcp", "t2a-standard-4", Arch::Arm64, false),
            ("gcp", "e2-small", Arch::X86_64, true),
            ("elsewhere", "t2a-standard-4", Arch::Unknown, false),
        ] {
            let dialect = Dialect::of(provider);
            assert_eq!(((dialect.arch)(name), (dialect.burstable)(name)), (arch, burstable), "{name}");
        }
    }
}
