//! What generated catalogs may hold: real names, so that tables of regions and trusted execution know them,
//! with made-up prices.

use super::piece::Kind;

/// What a provider sells.
#[derive(Debug)]
pub(super) struct Goods {
    pub(super) provider: &'static str,
    /// Regions, and how names of their zones end; none where zones are not sold.
    pub(super) regions: &'static [(&'static str, &'static [&'static str])],
    pub(super) kinds: &'static [Kind],
    pub(super) spot: bool,
}

/// Accelerators that occur below.
pub(super) const ACCELERATORS: &[(&str, u32)] = &[("T4", 1), ("A10", 1), ("V100", 1), ("A100", 8)];

const fn plain(name: &'static str, vcpus: i128, gib: i128) -> Kind {
    Kind { name, vcpus, gib, accelerator: None }
}

const fn with(name: &'static str, vcpus: i128, gib: i128, accelerator: &'static str, count: u32) -> Kind {
    Kind { name, vcpus, gib, accelerator: Some((accelerator, count)) }
}

/// Whoever sells. The last two publish no tariff.
pub(super) const GOODS: &[Goods] = &[
    Goods {
        provider: "aws",
        regions: &[
            ("us-east-1", &["a", "b"]),
            ("us-east-2", &["a"]),
            ("eu-west-1", &["a", "b"]),
            ("eu-central-1", &["a"]),
            ("ap-northeast-1", &["a"]),
            ("ap-northeast-2", &["a"]),
            ("sa-east-1", &["a"]),
        ],
        kinds: &[
            plain("m6i.large", 2, 8),
            plain("m6i.xlarge", 4, 16),
            plain("c6i.2xlarge", 8, 16),
            plain("m6a.xlarge", 4, 16),
            with("g4dn.xlarge", 4, 16, "T4", 1),
            with("p3.2xlarge", 8, 61, "V100", 1),
            with("p4d.24xlarge", 96, 1_152, "A100", 8),
        ],
        spot: true,
    },
    Goods {
        provider: "azure",
        regions: &[
            ("eastus", &[]),
            ("westeurope", &[]),
            ("northeurope", &[]),
            ("japaneast", &[]),
            ("brazilsouth", &[]),
        ],
        kinds: &[
            plain("Standard_D4s_v5", 4, 16),
            plain("Standard_E4s_v5", 4, 32),
            plain("Standard_DC4as_v5", 4, 16),
            plain("Standard_DC8es_v5", 8, 32),
            with("Standard_NC4as_T4_v3", 4, 28, "T4", 1),
        ],
        spot: true,
    },
    Goods {
        provider: "gcp",
        regions: &[
            ("us-central1", &["-a", "-b"]),
            ("europe-west4", &["-a"]),
            ("europe-west1", &["-b"]),
            ("asia-northeast1", &["-a"]),
            ("asia-southeast2", &["-a"]),
            ("australia-southeast1", &["-a"]),
        ],
        kinds: &[
            plain("n2-standard-4", 4, 16),
            plain("n2-standard-8", 8, 32),
            plain("n2d-standard-4", 4, 16),
            plain("c3-standard-4", 4, 16),
        ],
        spot: true,
    },
    Goods {
        provider: "lambda",
        regions: &[("us-east-1", &[]), ("europe-central-1", &[]), ("asia-northeast-1", &[])],
        kinds: &[with("gpu_1x_a10", 30, 200, "A10", 1), with("gpu_8x_a100", 124, 1_800, "A100", 8)],
        spot: false,
    },
    Goods {
        provider: "oci",
        regions: &[("us-ashburn-1", &[]), ("eu-frankfurt-1", &[])],
        kinds: &[plain("VM.Standard3.Flex_4_16", 4, 16), plain("VM.Standard3.Flex_8_32", 8, 32)],
        spot: true,
    },
    Goods {
        provider: "nebius",
        regions: &[("eu-north1", &[]), ("us-central1", &[])],
        kinds: &[plain("cpu-d3_4vcpu-16gb", 4, 16), plain("cpu-d3_8vcpu-32gb", 8, 32)],
        spot: true,
    },
];
