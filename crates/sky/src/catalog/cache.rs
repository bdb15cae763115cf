//! The catalog on disk: built once, mapped into memory by every command that needs it.
//!
//! 1. The file's name holds a fingerprint of this binary, so that one `open` both finds the catalog
//!    and shows that this version wrote it: the starter prices are part of the binary.
//! 2. A file that is missing, torn, damaged or of another schema is built again from the starter
//!    prices and the price lists that were imported ([`super::lists`]).
//! 3. Files are replaced by renaming, never written in place.
//!
//! *Guarantee:* no state of the folder makes a command fail that would succeed without the folder; a
//! catalog that cannot be written is used from memory.
//!
//! *Rejected:* reading the file into memory: a plan touches a tenth of the columns, and 91,000 offers
//! are 4 MB that the page cache already holds.

use super::lists::PriceLists;
use super::machine::this_machine;
use crate::error::SkyError;
use crate::hosts;
use crate::private::make_private;
use memmap2::Mmap;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use welkin_catalog::tables::Tables;
use welkin_catalog::{AlignedBytes, Catalog, Merge, OpenError};

/// Opens the catalog, building it first where there is none that can be used. It stays mapped for the
/// rest of the process.
pub(crate) fn open(dir: &Path) -> Result<Catalog<'static>, SkyError> {
    let path = file(dir);
    if let Some(catalog) = map(&path) {
        return Ok(catalog);
    }
    let alone = alone(dir);
    // Somebody else may have built it while this one waited.
    match alone.as_ref().and_then(|_| map(&path)) {
        Some(catalog) => Ok(catalog),
        None => rebuilt(dir, Merge::default()),
    }
}

/// Those who build wait for each other: of two the second knows all lists that the first went by, and those that came meanwhile.
/// Nothing where the folder cannot be used, and what is built lies in no folder.
fn alone(dir: &Path) -> Option<File> {
    make_private(dir).ok()?;
    let folder = File::open(dir).ok()?;
    folder.lock().ok().map(|()| folder)
}

/// Builds the catalog and opens it. Lists that were read already are in `read`: those that are kept of other providers
/// are added.
pub(crate) fn rebuild_with(dir: &Path, read: Merge) -> Result<Catalog<'static>, SkyError> {
    let _alone = alone(dir);
    rebuilt(dir, read)
}

fn rebuilt(dir: &Path, read: Merge) -> Result<Catalog<'static>, SkyError> {
    let bytes = build(dir, read)?;
    let path = file(dir);
    // A folder that cannot be written costs a few milliseconds on every start, nothing else.
    let written = write(dir, &path, &bytes).is_ok();
    if written && let Some(catalog) = map(&path) {
        return Ok(catalog);
    }
    let bytes: &'static AlignedBytes = Box::leak(Box::new(AlignedBytes::copy_from(&bytes)));
    Catalog::open(bytes.as_bytes()).map_err(|error| SkyError::Catalog(Box::new(error)))
}

/// Tells one catalog on disk from another: its name, which says of what hosts it is, its inode and its time.
pub(crate) type Stamp = (PathBuf, u64, i64, i64);

/// The stamp of the catalog that [`open`] would find.
pub(crate) fn stamp(dir: &Path) -> Option<Stamp> {
    let path = file(dir);
    let about = fs::metadata(&path).ok()?;
    Some((path, about.ino(), about.mtime(), about.mtime_nsec()))
}

fn file(dir: &Path) -> PathBuf {
    dir.join(format!("offers-{:016x}.bin", fingerprint(dir)))
}

/// Tells one build of this program from another, by size and time of the binary, and one state of the
/// user's own hosts. Asking the operating system costs less than hashing the starter prices would.
fn fingerprint(dir: &Path) -> u64 {
    let about = std::env::current_exe().and_then(fs::metadata).ok();
    let modified = about.as_ref().and_then(|about| about.modified().ok());
    let nanos =
        modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |age| age.as_nanos());
    let size = about.map_or(0, |about| about.len());
    let stock = hosts::found(dir).map(|found| found.stock).unwrap_or_default();
    let hosts = serde_json::to_string(&stock).unwrap_or_default();
    let hash = blake3::hash(format!("{} {size} {nanos} {hosts}", env!("CARGO_PKG_VERSION")).as_bytes());
    hash.as_bytes().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Maps a file; `None` when it is not a catalog that this program can use.
fn map(path: &Path) -> Option<Catalog<'static>> {
    let file = File::open(path).ok()?;
    #[expect(unsafe_code, reason = "mapping a file is unsafe in itself")]
    // SAFETY: a mapping is undefined behaviour only if the file changes beneath it. Catalog files are
    // written under another name, renamed into place and never written again; renaming or deleting
    // leaves the mapped file as it is. Whoever edits files below Welkin's folder by hand while it runs
    // can crash it, as they could by editing its binary.
    let mapped = unsafe { Mmap::map(&file) }.ok()?;
    let opened: Result<Catalog<'static>, OpenError> = Catalog::open(Box::leak(Box::new(mapped)));
    opened.ok()
}

fn build(dir: &Path, mut merge: Merge) -> Result<Vec<u8>, SkyError> {
    for list in PriceLists::of(dir).read_all() {
        // Its text is the one that was just read.
        if merge.has(&list.about.provider) {
            continue;
        }
        // A list that cannot be read leaves its provider with the starter's prices.
        if let Ok(Ok(imported)) = list.import(Tables::embedded()) {
            merge.add(&imported.rows)?;
        }
    }
    let mut own = vec![this_machine()];
    own.extend(hosts::found(dir).map(|found| found.rows()).unwrap_or_default());
    Ok(merge.finish(&welkin_catalog::starter::rows(), &own)?)
}

/// Puts the file into place and removes those of other versions.
fn write(dir: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    make_private(dir)?;
    let mut draft = tempfile::NamedTempFile::new_in(dir)?;
    draft.write_all(bytes)?;
    draft.persist(path)?;
    for entry in fs::read_dir(dir)?.flatten() {
        let name = entry.file_name();
        let is_catalog = name.to_string_lossy().starts_with("offers-");
        if is_catalog && entry.path() != path {
            // Another process may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalog_is_built_once_and_again_when_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).unwrap();
        let path = file(dir.path());
        let written = fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(open(dir.path()).unwrap().digest(), first.digest());
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);

        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() / 2], b"not a catalog", b""] {
            fs::remove_file(&path).unwrap();
            fs::write(&path, damaged).unwrap();
            assert_eq!(open(dir.path()).unwrap().digest(), first.digest());
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
    }

    /// One that had read the lists before another one was kept put the catalog without it in the place of the one with it.
    #[test]
    fn who_builds_waits_for_whoever_builds_already() {
        let dir = tempfile::tempdir().unwrap();
        let first = open(dir.path()).unwrap().digest();
        let (built, told) = std::sync::mpsc::channel();
        let held = alone(dir.path()).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| built.send(rebuild_with(dir.path(), Merge::default()).unwrap().digest()));
            assert!(told.recv_timeout(std::time::Duration::from_millis(500)).is_err());
            drop(held);
            assert_eq!(told.recv().unwrap(), first);
        });
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_done_without() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let catalog = open(&file.path().join("below")).unwrap();
        assert!(catalog.places().any(|(_, place)| place.provider == "local"));
    }
}
