//! The end of a lease: nothing billed at once, nothing left soon.

use super::cgroup;
use super::durable::UNFINISHED;
use super::error::MachineError;
use super::layout::Layout;
use super::record::{Held, NodeRecord, Phase, Verdict};
use super::{Machine, process};
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use welkin_provider::{LeaseId, UnixMillis};

/// How much of each log of a node stays after the lease is over, in bytes.
const KEPT_LOG: u64 = 64 << 10;

impl Machine {
    /// Gives a lease back.
    pub(crate) fn release(&self, id: &LeaseId) -> Result<(), MachineError> {
        let mut held = Held::take(&self.layout, id)?.ok_or_else(|| MachineError::NoLease(id.clone()))?;
        // What is lost already must not be told as released.
        self.settle(&mut held)?;
        if held.record.is_over() { Ok(()) } else { self.end(&mut held, Verdict::Released, self.now()) }
    }

    /// Drops the archive of a lease. One that is not there yet stays.
    pub(crate) fn forget(&self, id: &LeaseId) -> Result<(), MachineError> {
        let held = Held::take(&self.layout, id)?.filter(|held| held.is_archived(&self.layout));
        let Some(held) = held else { return Ok(()) };
        // Out of sight at once: whoever is killed in between leaves no half of it, and the sweep the rest.
        remove(&held.folder, id)
    }

    /// Ends a lease that is held and not over: the verdict first, then the processes, then the homes.
    pub(super) fn end(
        &self,
        held: &mut Held,
        verdict: Verdict,
        ended: UnixMillis,
    ) -> Result<(), MachineError> {
        // What was stopped has cost nothing since.
        let ended = held.record.ended.filter(|_| held.record.phase == Phase::Stopped).unwrap_or(ended);
        held.record.phase = Phase::Ended(verdict);
        held.record.ended = Some(ended.max(held.record.started));
        if held.save_for_good().is_err() {
            // What stands on a full disk cannot be written over, and most likely it is this lease's own
            // data that fill it. They go first then: a verdict that cannot be written must not keep
            // machines running. Whoever finds the record as it was finds its agents dead.
            quench(&self.layout, held)?;
            held.save_for_good()?;
        }
        finish(&self.layout, held)
    }
}

/// Takes back a lease that nobody was told of: its agents end, and it never was.
pub(super) fn undo(layout: &Layout, held: &Held) -> Result<(), MachineError> {
    quench(layout, held)?;
    remove(&held.folder, &held.record.id)
}

/// Removes the folder of a lease, hidden first.
fn remove(folder: &Path, id: &LeaseId) -> Result<(), MachineError> {
    let hidden = folder.with_file_name(format!("{UNFINISHED}{id}"));
    let removed = fs::rename(folder, &hidden).and_then(|()| fs::remove_dir_all(&hidden));
    absent_is_fine(removed).map_err(|source| MachineError::Write { path: folder.to_owned(), source })
}

/// Ends whatever is left of a lease whose verdict is final. May be begun any number of times.
pub(super) fn finish(layout: &Layout, held: &mut Held) -> Result<(), MachineError> {
    if held.is_archived(layout) {
        return Ok(());
    }
    quench(layout, held)?;
    held.archive(layout)
}

/// Ends the processes of a lease and removes what its nodes hold on this disk.
fn quench(layout: &Layout, held: &Held) -> Result<(), MachineError> {
    still(held)?;
    let fault = |source| MachineError::End { lease: held.record.id.0.clone(), source };
    for node in &held.record.nodes {
        clear(&layout.socket(&node.id), &Layout::node(&held.folder, node.rank)).map_err(fault)?;
    }
    Ok(())
}

/// Ends the processes of a lease, and removes their control groups.
pub(super) fn still(held: &Held) -> Result<(), MachineError> {
    let fault = |source| MachineError::End { lease: held.record.id.0.clone(), source };
    let mut elsewhere = BTreeSet::new();
    for node in &held.record.nodes {
        if !ended_below_its_agent(node).map_err(fault)? {
            elsewhere.insert(node.id.clone());
        }
    }
    if !elsewhere.is_empty() {
        process::end_all(&elsewhere).map_err(fault)?;
    }
    for node in &held.record.nodes {
        for group in &node.cgroups {
            cgroup::remove(group).map_err(fault)?;
        }
    }
    Ok(())
}

/// Whether all of a node was found below its agent, and ended there.
fn ended_below_its_agent(node: &NodeRecord) -> io::Result<bool> {
    match node.agent.filter(|_| node.adopts) {
        Some(agent) => Ok(process::family::end(agent)?.is_some()),
        None => Ok(false),
    }
}

/// Removes a node's home and socket, and all of its logs but their ends.
fn clear(socket: &Path, node: &Path) -> io::Result<()> {
    absent_is_fine(fs::remove_file(socket))?;
    for entry in super::durable::entries(node)? {
        let is_log = [super::boot::STDOUT, super::boot::STDERR].iter().any(|log| entry.ends_with(log));
        if is_log {
            keep_end(&entry)?;
        } else if entry.is_dir() && !entry.is_symlink() {
            remove_tree(&entry)?;
        } else {
            absent_is_fine(fs::remove_file(&entry))?;
        }
    }
    Ok(())
}

/// Tasks may leave folders behind that even their owner may not write: those are opened up first.
pub(super) fn remove_tree(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            open_up(folder)?;
            absent_is_fine(fs::remove_dir_all(folder))
        }
        result => absent_is_fine(result),
    }
}

fn open_up(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
    }
    Ok(())
}

fn keep_end(log: &Path) -> io::Result<()> {
    let mut file = fs::File::open(log)?;
    let length = file.metadata()?.len();
    if length <= KEPT_LOG {
        return Ok(());
    }
    file.seek(SeekFrom::Start(length - KEPT_LOG))?;
    let mut end = Vec::new();
    file.take(KEPT_LOG).read_to_end(&mut end)?;
    match super::durable::replace(log, &end) {
        // A full disk has no room for a second copy. The log is the last thing to keep a lease for.
        Err(_) => fs::remove_file(log),
        written => written,
    }
}

pub(super) fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ends_of_the_logs_stay() {
        let node = tempfile::tempdir().unwrap();
        let file = |name: &str| node.path().join(name);
        fs::create_dir_all(file("home/deep")).unwrap();
        fs::write(file("home/deep/file"), "x").unwrap();
        fs::write(file("note"), "x").unwrap();
        let mut long = vec![b'a'; 70_000];
        long.push(b'z');
        fs::write(file(super::super::boot::STDERR), &long).unwrap();
        fs::write(file(super::super::boot::STDOUT), "short").unwrap();
        clear(&file("no-socket"), node.path()).unwrap();
        assert_eq!(super::super::durable::entries(node.path()).unwrap().len(), 2);
        let kept = fs::read(file(super::super::boot::STDERR)).unwrap();
        assert_eq!((kept.len(), kept.last()), (65_536, Some(&b'z')));
        assert_eq!(fs::read(file(super::super::boot::STDOUT)).unwrap(), b"short");
    }

    #[test]
    fn a_link_to_a_folder_is_removed_and_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (node, outside) = (root.path().join("node"), root.path().join("outside"));
        fs::create_dir(&node).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "x").unwrap();
        std::os::unix::fs::symlink(&outside, node.join("link")).unwrap();
        clear(&root.path().join("no-socket"), &node).unwrap();
        assert!(outside.join("precious").exists() && !node.join("link").exists());
    }
}
