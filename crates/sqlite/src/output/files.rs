//! Where frames lie: for each step with much output a folder of files that only grow, each of up to [`SEGMENT_BYTES`].
//!
//! What of a file counts is on record: a frame is written behind the last one that does, and counts once the transaction that
//! tells of it is committed. Whatever a killed process left behind that is written over.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use welkin_records::{AttemptId, RunId, StepKey, StoreError};

/// A file takes no further frame once it is so long: what is dropped of an output is dropped by the file.
pub(crate) const SEGMENT_BYTES: u64 = 8 << 20;

/// The files beside one database, and what is known of the rows in it.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    /// Whether what is written has to survive a power cut.
    durable: bool,
    /// Bytes in the lines of a step that are rows still.
    waiting: Mutex<BTreeMap<(RunId, StepKey), u64>>,
}

/// A place in the files of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) segment: u64,
    pub(crate) at: u64,
}

impl Files {
    pub(crate) fn beside(database: &Path, durable: bool) -> Self {
        let root = database.parent().unwrap_or(database).join("logs");
        Self { root, durable, waiting: Mutex::default() }
    }

    pub(crate) fn waiting(&self) -> MutexGuard<'_, BTreeMap<(RunId, StepKey), u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The folder of a run.
    pub(crate) fn of_run(&self, run: &RunId) -> PathBuf {
        self.root.join(&run.0)
    }

    fn of_step(&self, run: &RunId, step: StepKey) -> PathBuf {
        let StepKey { attempt: AttemptId { task, number }, phase, rank } = step;
        self.of_run(run).join(format!("{task}-{number}-{}-{rank}", phase.name()))
    }

    pub(crate) fn segment(&self, run: &RunId, step: StepKey, segment: u64) -> PathBuf {
        self.of_step(run, step).join(format!("{segment:06}"))
    }

    /// Whether a frame can be written there: behind what is on record of a file, or at the start of one.
    pub(crate) fn takes(&self, run: &RunId, step: StepKey, spot: Spot) -> bool {
        match std::fs::symlink_metadata(self.segment(run, step, spot.segment)) {
            Ok(found) => found.is_file() && found.len() >= spot.at,
            Err(error) => spot.at == 0 || error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Writes a frame at its place, over whatever an earlier try left there.
    pub(crate) fn write(
        &self,
        run: &RunId,
        step: StepKey,
        spot: Spot,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let path = self.segment(run, step, spot.segment);
        self.put(&path, spot.at, bytes).map_err(|source| StoreError::Io { what: "writing", path, source })
    }

    fn put(&self, path: &Path, at: u64, bytes: &[u8]) -> io::Result<()> {
        let folder = path.parent().unwrap_or(path);
        if at == 0 {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // A link that somebody put there is not followed.
        let file = OpenOptions::new()
            .write(true)
            .create(at == 0)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)?;
        let length = file.metadata()?.len();
        if length < at {
            return Err(io::Error::other(format!("it has {length} bytes of the {at} that are on record")));
        }
        if length > at {
            file.set_len(at)?;
        }
        if let Err(error) = file.write_all_at(bytes, at) {
            // The room is somebody else's again.
            drop(file.set_len(at));
            return Err(error);
        }
        if self.durable {
            file.sync_data()?;
            if at == 0 {
                folder.ancestors().take(3).try_for_each(|folder| File::open(folder)?.sync_all())?;
            }
        }
        Ok(())
    }

    /// Reads a frame.
    pub(crate) fn read(&self, run: &RunId, step: StepKey, spot: Spot, length: u64) -> io::Result<Vec<u8>> {
        let file = File::open(self.segment(run, step, spot.segment))?;
        // A length that nothing can have must not be asked for.
        if file.metadata()?.len() < spot.at.saturating_add(length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        file.read_exact_at(&mut bytes, spot.at)?;
        Ok(bytes)
    }

    /// Removes files and folders of which nothing is on record any more. What stays is removed when the database is opened next.
    pub(crate) fn remove(paths: &[PathBuf]) {
        for path in paths {
            drop(match path.is_dir() {
                true => std::fs::remove_dir_all(path),
                false => std::fs::remove_file(path),
            });
        }
    }

    /// Removes the folders of runs that are not on record, which a process that was killed left.
    pub(crate) fn sweep(&self, known: impl Fn(&RunId) -> bool) {
        let Ok(entries) = std::fs::read_dir(&self.root) else { return };
        for entry in entries.flatten() {
            if entry.file_name().into_string().is_ok_and(|name| !known(&RunId(name))) {
                drop(std::fs::remove_dir_all(entry.path()));
            }
        }
    }
}
