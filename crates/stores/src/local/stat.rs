//! What a file system says of a file.

use rustix::fs::FileType;
use std::fs::File;
use std::io;
use welkin_store::{Listed, Metadata};

/// What changes when a file does.
///
/// The time of the last change of its state (`ctime`) is part of it: the time of the content can be set back by
/// whoever writes, and then says nothing; this one cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified: (i64, u64),
    changed: (i64, u64),
    device: u64,
    inode: u64,
    mode: u32,
}

impl Stamp {
    pub(super) fn of(file: &File) -> io::Result<Self> {
        Ok(Self::of_stat(&rustix::fs::fstat(file)?))
    }

    pub(super) fn of_stat(stat: &rustix::fs::Stat) -> Self {
        Self {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, stat.st_mtime_nsec),
            changed: (stat.st_ctime, stat.st_ctime_nsec),
            device: stat.st_dev,
            inode: stat.st_ino,
            mode: stat.st_mode,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn version(&self) -> String {
        let ((seconds, nanos), (changed, changed_nanos)) = (self.modified, self.changed);
        format!("{:x}-{seconds:x}.{nanos:x}-{changed:x}.{changed_nanos:x}-{:x}", self.size, self.inode)
    }

    pub(super) fn is_file(&self) -> bool {
        FileType::from_raw_mode(self.mode) == FileType::RegularFile
    }

    pub(super) fn is_link(&self) -> bool {
        FileType::from_raw_mode(self.mode) == FileType::Symlink
    }

    /// Which file it is, whatever its state.
    pub(super) fn identity(&self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// Whether the same file has the same content as far as anybody can see, whatever else was done to it.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        (self.size, self.modified, self.identity()) == (other.size, other.modified, other.identity())
    }

    pub(super) fn listed(&self, key: String) -> Listed {
        Listed { key, size: self.size, modified_ms: self.modified_ms(), version: Some(self.version()) }
    }

    /// File systems take times that milliseconds since 1970 do not reach; such a time is not known.
    pub(super) fn modified_ms(&self) -> Option<i64> {
        let (seconds, nanos) = self.modified;
        seconds.checked_mul(1000)?.checked_add(i64::try_from(nanos / 1_000_000).ok()?)
    }

    /// Time and permissions, and the content type that the name suggests.
    pub(super) fn metadata(&self, key: &str) -> Metadata {
        let mut metadata = Metadata {
            content_type: mime_guess::from_path(key).first_raw().map(str::to_owned),
            ..Metadata::default()
        };
        let (seconds, nanos) = self.modified;
        metadata.set_mtime_ns(i128::from(seconds) * 1_000_000_000 + i128::from(nanos));
        metadata.set_mode(self.mode);
        metadata
    }
}
