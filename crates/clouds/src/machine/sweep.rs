//! The orphan sweep: what should not be there, ended.
//!
//! *Guarantee.* A node whose lease is live is never touched, nor one of another root. Processes of
//! leases that are over, or whose record is missing or damaged, are ended, their control
//! groups removed; half-made folders go.

use super::cgroup::{self, Cgroups};
use super::durable::{UNFINISHED, entries};
use super::end::finish;
use super::error::MachineError;
use super::layout::{Layout, belongs, root_mark};
use super::process;
use super::record::{self, Held};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use welkin_provider::LeaseId;

/// An unfinished folder or file younger than this may still be worked on. Finishing one takes
/// milliseconds, so a minute is far beyond any disk that still answers.
const STALE: Duration = Duration::from_secs(60);

/// What a sweep found and ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Leases whose ending somebody began and did not finish.
    pub finished: Vec<LeaseId>,
    /// Nodes that had processes though their lease is over or has no record.
    pub orphans: Vec<String>,
    /// Folders with a damaged record. Their processes are ended, the folders left for a human to read.
    pub damaged: Vec<PathBuf>,
    /// Half-made files and folders that were removed.
    pub removed: Vec<PathBuf>,
}

/// Sweeps every cloud below `root`.
///
/// # Errors
/// When a folder cannot be read or a process not be ended.
pub fn sweep(root: &Path) -> Result<Swept, MachineError> {
    let root = fs::canonicalize(root).map_err(unreadable(root))?;
    let mut swept = Swept::default();
    // Before the records: a record precedes its groups and processes, so what is seen here and has no live record
    // below will never have one.
    let groups = Cgroups::detect().all();
    let running = process::marked_nodes().map_err(unreadable(Path::new("/proc")))?;
    let mut live = BTreeSet::new();
    for cloud in Layout::clouds(&root).map_err(unreadable(&root))? {
        for folder in entries(&cloud.live()).map_err(unreadable(&cloud.live()))? {
            live.extend(sweep_lease(&cloud, &folder, &mut swept)?);
        }
        for folder in [cloud.folder(), cloud.live(), cloud.over()] {
            swept.removed.extend(remove_stale(&folder)?);
        }
    }
    let mark = root_mark(&root);
    for node in running.iter().filter(|node| belongs(node, &mark) && !live.contains(*node)) {
        let ended = process::end_all(&BTreeSet::from([node.clone()]))
            .map_err(|source| MachineError::End { lease: node.clone(), source })?;
        if ended > 0 {
            swept.orphans.push(node.clone());
        }
    }
    for group in groups {
        let node = group.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if belongs(node, &mark) && !live.contains(node) {
            cgroup::remove(&group).map_err(|source| MachineError::End { lease: node.to_owned(), source })?;
        }
    }
    Ok(swept)
}

/// The ids of the lease's nodes when it is not over; otherwise finishes its ending.
fn sweep_lease(cloud: &Layout, folder: &Path, swept: &mut Swept) -> Result<Vec<String>, MachineError> {
    let Ok(record) = record::read(folder) else {
        // Archived since the folder was listed, or damaged.
        if folder.exists() {
            swept.damaged.push(folder.to_owned());
        }
        return Ok(Vec::new());
    };
    if record.is_over()
        && let Some(mut held) = Held::take(cloud, &record.id)?
    {
        if !held.is_archived(cloud) {
            finish(cloud, &mut held)?;
            swept.finished.push(record.id);
        }
        return Ok(Vec::new());
    }
    Ok(record.nodes.into_iter().map(|node| node.id).collect())
}

/// Removes what somebody who was killed left half made in a folder; which paths.
pub(crate) fn remove_stale(folder: &Path) -> Result<Vec<PathBuf>, MachineError> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))?.flatten() {
        if !entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            continue;
        }
        let age =
            entry.metadata().and_then(|about| about.modified()).ok().and_then(|time| time.elapsed().ok());
        if age.is_some_and(|age| age > STALE) {
            let path = entry.path();
            let gone = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            gone.map_err(|source| MachineError::Write { path: path.clone(), source })?;
            removed.push(path);
        }
    }
    Ok(removed)
}

fn unreadable(path: &Path) -> impl Fn(std::io::Error) -> MachineError {
    let path = path.to_owned();
    move |source| MachineError::Read { path: path.clone(), source }
}
