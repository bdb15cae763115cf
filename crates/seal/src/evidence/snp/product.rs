//! Generations of processors: each has a root of its own, and its own places for versions of firmware.

use crate::x509::Root;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    Milan,
    Genoa,
    Turin,
}

/// SHA-256 of the keys of AMD's root certificates (ARK), one for each generation. Bergamo and Siena are Genoa's.
pub(super) const ROOTS: &[Root] = &[
    Root {
        name: "ARK-Milan",
        key: [
            0x9f, 0x05, 0x6b, 0xee, 0x44, 0x37, 0x7e, 0x29, 0x30, 0x8c, 0xb5, 0xff, 0xa8, 0x95, 0xbd, 0xfb,
            0x62, 0xd1, 0x88, 0x81, 0xfa, 0x6b, 0xed, 0x8d, 0x6f, 0x07, 0x5b, 0x02, 0x04, 0x08, 0x9c, 0xb9,
        ],
    },
    Root {
        name: "ARK-Genoa",
        key: [
            0x42, 0x9a, 0x69, 0xc9, 0x42, 0x2a, 0xa2, 0x58, 0xee, 0x4d, 0x8d, 0xb5, 0xfc, 0xda, 0x9c, 0x64,
            0x70, 0xef, 0x15, 0xf8, 0xcd, 0x5a, 0x9c, 0xeb, 0xd6, 0xcb, 0xc7, 0xd9, 0x0b, 0x86, 0x38, 0x31,
        ],
    },
    Root {
        name: "ARK-Turin",
        key: [
            0x4f, 0x12, 0x54, 0x10, 0x56, 0x3a, 0x2a, 0xb9, 0xa5, 0x03, 0x56, 0xf9, 0x24, 0x3f, 0x6f, 0xe0,
            0xb6, 0xf7, 0x3d, 0xe9, 0x86, 0x03, 0xf5, 0x3f, 0x90, 0x33, 0x9c, 0x70, 0xe9, 0xd7, 0xad, 0x08,
        ],
    },
];

impl Product {
    /// The generation whose root it is.
    pub(super) fn of(root: Root) -> Self {
        match root.name {
            "ARK-Milan" => Self::Milan,
            "ARK-Genoa" => Self::Genoa,
            _ => Self::Turin,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// Where in the eight bytes of versions each stands.
    pub(super) fn places(self) -> &'static [(&'static str, usize)] {
        match self {
            Self::Milan | Self::Genoa => &[("bootloader", 0), ("tee", 1), ("snp", 6), ("microcode", 7)],
            Self::Turin => &[("fmc", 0), ("bootloader", 1), ("tee", 2), ("snp", 3), ("microcode", 7)],
        }
    }

    pub(super) fn components(self, tcb: [u8; 8]) -> BTreeMap<&'static str, u64> {
        self.places().iter().map(|(name, place)| (*name, tcb[*place].into())).collect()
    }

    /// How many bytes name a chip; the report has zeros behind them.
    pub(super) fn chip_bytes(self) -> usize {
        match self {
            Self::Milan | Self::Genoa => 64,
            Self::Turin => 8,
        }
    }
}
