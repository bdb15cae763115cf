//! Journals and manifests.

use crate::journal::{Journal, Manifest, fuzz_line, write_manifest};
use std::fs;
use std::path::Path;

/// A journal of those bytes, and one of those lines with sums that are right. What a look at it says is what
/// going on with it says, and going on twice changes nothing.
///
/// # Panics
/// Where that does not hold.
pub fn journal(bytes: &[u8]) {
    in_folder(|folder| {
        let path = folder.join("journal");
        fs::write(&path, bytes).expect("there is room");
        read_journal(&path);
        let lines: Vec<u8> = bytes.split(|byte| *byte == b'\n').flat_map(fuzz_line).collect();
        fs::write(&path, lines).expect("there is room");
        read_journal(&path);
    });
}

fn read_journal(path: &Path) {
    let looked = Journal::peek(path);
    let mut count = 0;
    let replayed = Journal::replay(path, |_| count += 1);
    if let Ok(mut past) = Journal::past(path) {
        while past.next_done().expect("it was read before").is_some() {}
    }
    let manifest = path.with_extension("manifest");
    if write_manifest(path, &manifest, "t", "a", "b").is_ok() {
        assert!(replayed.is_ok(), "a manifest of a damaged journal");
        let _ = read_manifest(&manifest);
    }
    let Ok((_, once)) = Journal::open(path, "t", "w", 1) else { return };
    let looked = looked.expect("what is gone on with can be looked at");
    assert_eq!((&once.id, &once.what, &once.uploads), (&looked.id, &looked.what, &looked.uploads));
    let (_, twice) = Journal::open(path, "t", "w", 1).expect("what was written anew can be gone on with");
    assert_eq!(twice.uploads, once.uploads);
    assert_eq!(twice.intents, once.intents);
}

/// The manifest of a transfer: read to its end or to what is wrong with it.
///
/// # Panics
/// Where that does not hold.
pub fn transfer_manifest(bytes: &[u8]) {
    in_folder(|folder| {
        let path = folder.join("manifest");
        fs::write(&path, bytes).expect("there is room");
        let _ = read_manifest(&path);
        // The same with a last line that is right.
        let digest = blake3::hash(bytes).to_hex();
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        let foot =
            format!("{{\"objects\":{},\"bytes\":0,\"digest\":\"{digest}\"}}\n", lines.saturating_sub(1));
        fs::write(&path, [bytes, foot.as_bytes()].concat()).expect("there is room");
        let _ = read_manifest(&path);
    });
}

fn read_manifest(path: &Path) -> Option<u64> {
    let mut manifest = Manifest::open(path).ok()?;
    let mut count = 0;
    while manifest.next_entry().ok()?.is_some() {
        count += 1;
    }
    Some(count)
}

/// The manifest of a tree.
///
/// # Panics
/// Where a property does not hold.
pub fn tree_manifest(bytes: &[u8]) {
    crate::tree::fuzz_manifest(bytes);
}

fn in_folder(work: impl FnOnce(&Path)) {
    // In memory where that is possible: a disk would be waited for with each input.
    let shared = Path::new("/dev/shm");
    let beside = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    let folder = beside.expect("a folder can be made");
    work(folder.path());
}
