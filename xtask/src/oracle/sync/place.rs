//! Kinds of places, and which pairs of them are played.

use std::fmt;

/// What an end of a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    /// `rclone serve s3`.
    Rclone,
    Moto,
    /// The S3 server of this repository, which fails on demand.
    Faulty,
    /// A folder behind a gateway that neither encrypts nor asks.
    Plain,
    /// A folder behind a gateway that does.
    Sealed,
}

use Kind::{Faulty, Folder, Moto, Plain, Rclone, Sealed};

/// A pair stands here once for each share of the rounds that it gets.
pub(super) const PAIRS: &[(Kind, Kind)] = &[
    (Folder, Folder),
    (Folder, Folder),
    (Folder, Folder),
    (Folder, Folder),
    (Folder, Rclone),
    (Folder, Rclone),
    (Rclone, Folder),
    (Rclone, Folder),
    (Folder, Moto),
    (Moto, Folder),
    (Rclone, Moto),
    (Moto, Rclone),
    (Moto, Moto),
    (Folder, Faulty),
    (Faulty, Folder),
    (Folder, Plain),
    (Folder, Plain),
    (Plain, Folder),
    (Folder, Sealed),
    (Sealed, Folder),
    (Sealed, Moto),
];

impl Kind {
    /// Is it a folder in the end, whatever stands before it?
    pub(super) fn is_folder(self) -> bool {
        matches!(self, Folder | Plain | Sealed)
    }

    pub(super) fn is_gateway(self) -> bool {
        matches!(self, Plain | Sealed)
    }

    fn word(self) -> &'static str {
        match self {
            Folder => "folder",
            Rclone => "rclone",
            Moto => "moto",
            Faulty => "faulty",
            Plain => "gateway",
            Sealed => "sealed",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
