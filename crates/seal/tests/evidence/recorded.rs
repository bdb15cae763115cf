//! Where recorded evidence lies, and what every format is put through.

use std::path::{Path, PathBuf};
use std::thread;
use welkin_seal::Evidence;

/// The folder of fetched crates; `None` after the test's name and the reason were printed.
pub(crate) fn find(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let evidence = folder.join("evidence");
    if evidence.exists() {
        return Some(evidence);
    }
    let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", evidence.display());
    println!("skipped: {test}: did not run: recorded evidence is not installed (see .ci/stand-ins.sh)");
    None
}

pub(crate) fn read(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Changes one bit of each byte in turn, and gives back where the change was not refused.
pub(crate) fn accepted(bytes: &[u8], with: impl Fn(Vec<u8>) -> Evidence + Sync, now: u64) -> Vec<usize> {
    let half = bytes.len() / 2;
    let some = |range: std::ops::Range<usize>| {
        let changed = range.filter(|at| {
            let mut bytes = bytes.to_vec();
            bytes[*at] ^= 1 << (at % 8);
            with(bytes).verify(now).is_ok()
        });
        changed.collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| some(0..half));
        let second = some(half..bytes.len());
        [first.join().unwrap(), second].concat()
    })
}

/// Cuts the bytes at every length, and asks for no more than an answer.
pub(crate) fn cut_everywhere(bytes: &[u8], with: impl Fn(Vec<u8>) -> Evidence, now: u64) {
    for length in 0..bytes.len() {
        assert!(with(bytes[..length].to_vec()).verify(now).is_err(), "cut at {length}");
    }
}
