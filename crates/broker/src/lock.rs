//! One broker a state directory.
//!
//! The lock is an advisory one on an open file, which the kernel drops when its process is gone,
//! however it went: the next broker takes over with no timeout and no stale lock. The file's content
//! only tells a refused broker who holds it.

use crate::error::{OpenError, StoreError};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The right to drive the runs of a state directory; given up when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("lock");
        let io = |what| {
            let path = path.clone();
            move |source| OpenError::Store(StoreError::Io { what, path, source })
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(io("opening"))?;
        if let Err(refused) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            if refused != rustix::io::Errno::WOULDBLOCK {
                return Err(io("locking")(refused.into()));
            }
            let mut holder = String::new();
            // Who holds it is a courtesy; the refusal stands without it.
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            let holder = if holder.is_empty() { "unknown process" } else { holder }.to_owned();
            return Err(OpenError::InUse { dir: dir.to_owned(), holder });
        }
        let host = rustix::system::uname();
        let holder = format!("pid {} on {}\n", std::process::id(), host.nodename().to_string_lossy());
        file.set_len(0).map_err(io("writing"))?;
        file.rewind().map_err(io("writing"))?;
        file.write_all(holder.as_bytes()).map_err(io("writing"))?;
        Ok(Self { _file: file })
    }
}
