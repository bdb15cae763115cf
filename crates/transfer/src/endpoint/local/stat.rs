//! What a file system says of a file.

use crate::endpoint::{Listed, Metadata};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What changes when a file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    seconds: i64,
    nanos: i64,
    inode: u64,
    mode: u32,
}

impl Stamp {
    pub(super) fn of(meta: &fs::Metadata) -> Self {
        Self {
            size: meta.size(),
            seconds: meta.mtime(),
            nanos: meta.mtime_nsec(),
            inode: meta.ino(),
            mode: meta.mode(),
        }
    }

    pub(super) fn version(&self) -> String {
        format!("{:x}-{:x}.{:x}-{:x}", self.size, self.seconds, self.nanos, self.inode)
    }

    pub(super) fn listed(&self, key: String) -> Listed {
        let modified_ms = Some(self.seconds * 1000 + self.nanos / 1_000_000);
        Listed { key, size: self.size, modified_ms, version: Some(self.version()) }
    }

    /// Time and permissions, and the content type that the name suggests.
    pub(super) fn metadata(&self, path: &Path) -> Metadata {
        let mut metadata = Metadata {
            content_type: mime_guess::from_path(path).first_raw().map(str::to_owned),
            ..Metadata::default()
        };
        metadata.set_mtime_ns(i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos));
        metadata.set_mode(self.mode);
        metadata
    }
}
