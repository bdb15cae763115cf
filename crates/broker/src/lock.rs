//! One broker a state directory.
//!
//! The lock is an advisory one on an open file, which the kernel drops when its process is gone,
//! however it went: the next broker takes over with no timeout and no stale lock. The file's content
//! tells a refused broker who holds it, and everybody which runs it drives: a run that is on record as
//! running and is not among them is driven by nobody.

use crate::error::{OpenError, StoreError};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use welkin_records::RunId;

/// The right to drive the runs of a state directory; given up when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: Mutex<File>,
    holder: String,
}

/// How often a refused broker tries again, and the pause between: a reader that looks whether a run is
/// driven holds the lock for some microseconds.
const TRIES: (u32, Duration) = (10, Duration::from_millis(5));

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
        if let Err(refused) = locked(&file) {
            if refused != rustix::io::Errno::WOULDBLOCK {
                return Err(io("locking")(refused.into()));
            }
            let mut content = String::new();
            // Who holds it is a courtesy; the refusal stands without it.
            let _ = file.read_to_string(&mut content);
            let holder = content.lines().next().unwrap_or("unknown process").to_owned();
            return Err(OpenError::InUse { dir: dir.to_owned(), holder });
        }
        let host = rustix::system::uname();
        let holder = format!("pid {} on {}", std::process::id(), host.nodename().to_string_lossy());
        let lock = Self { file: Mutex::new(file), holder };
        lock.tell(&BTreeSet::new()).map_err(io("writing"))?;
        Ok(lock)
    }

    /// Tells which runs are driven.
    pub(crate) fn tell(&self, runs: &BTreeSet<RunId>) -> std::io::Result<()> {
        let mut text = format!("{}\n", self.holder);
        for run in runs {
            text.push_str(&run.0);
            text.push('\n');
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.rewind()?;
        file.write_all(text.as_bytes())?;
        file.set_len(text.len() as u64)
    }
}

fn locked(file: &File) -> rustix::io::Result<()> {
    let (tries, pause) = TRIES;
    for _ in 1..tries {
        match flock(file, FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(pause),
            result => return result,
        }
    }
    flock(file, FlockOperation::NonBlockingLockExclusive)
}

/// Whether some process owns a state directory at this moment.
#[must_use]
pub fn in_use(dir: &Path) -> bool {
    // Whoever gets the lock has seen that nobody holds it; it is dropped with the file.
    File::open(dir.join("lock")).is_ok_and(|file| {
        flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
    })
}

/// The runs of a state directory that some process drives at this moment.
pub(crate) fn driven(dir: &Path) -> BTreeSet<RunId> {
    let Ok(mut file) = File::open(dir.join("lock")) else { return BTreeSet::new() };
    // Whoever gets the lock has seen that nobody holds it; it is dropped with the file.
    if flock(&file, FlockOperation::NonBlockingLockShared) != Err(rustix::io::Errno::WOULDBLOCK) {
        return BTreeSet::new();
    }
    let mut content = String::new();
    let _ = file.read_to_string(&mut content);
    content.lines().skip(1).map(|run| RunId(run.to_owned())).collect()
}
