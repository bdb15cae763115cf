//! What must hold for any bytes at all, for what members of a team send. For the target in `fuzz/`, and for the test below,
//! which mutates a sound example with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.

use crate::routes::uploads::unpack;
use std::fs;
use std::io;
use std::path::Path;

/// An upload as it came, and with sums that are right: unpacked as plain files below its own folder, or refused as the fault
/// of whoever sent it, and then nothing is left of it there.
///
/// # Panics
/// Where that does not hold.
pub fn upload(bytes: &[u8]) {
    for sent in [bytes.to_vec(), mended(bytes)] {
        in_folder(|root| {
            let digest = blake3::hash(&sent).to_hex().to_string();
            let folder = root.join("member");
            let unpacked = folder.join(format!("{digest}.unpacked"));
            fs::create_dir(&folder).expect("there is room");
            fs::write(folder.join(&digest), &sent).expect("there is room");
            match unpack(&folder, &digest) {
                Ok(to) => {
                    assert_eq!(to, unpacked);
                    assert!(plain_bytes(&to) <= sent.len() as u64, "more than was sent");
                }
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
                    assert!(!unpacked.exists());
                }
            }
            assert_eq!(fs::read_dir(root).expect("it is there").count(), 1, "something lies outside");
        });
    }
}

/// Bytes in the files below a folder, all of which are plain.
fn plain_bytes(folder: &Path) -> u64 {
    let each = |entry: io::Result<fs::DirEntry>| {
        let path = entry.expect("it can be looked at").path();
        let about = fs::symlink_metadata(&path).expect("it is there");
        assert!(about.is_dir() || about.is_file(), "{}", path.display());
        if about.is_dir() { plain_bytes(&path) } else { about.len() }
    };
    fs::read_dir(folder).expect("it is there").map(each).sum()
}

/// Those bytes with the sum of each header made right.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut mended = bytes.to_vec();
    let mut at = 0_usize;
    while let Some(block) = mended.get_mut(at..at.saturating_add(512)) {
        let mut header = tar::Header::from_byte_slice(block).clone();
        let is_end = block.iter().all(|byte| *byte == 0);
        let size = if is_end { 0 } else { header.entry_size().unwrap_or(0) };
        if !is_end {
            header.set_cksum();
            block.copy_from_slice(header.as_bytes());
        }
        at = at
            .saturating_add(512)
            .saturating_add(usize::try_from(size).unwrap_or(usize::MAX).div_ceil(512).saturating_mul(512));
    }
    mended
}

fn in_folder(work: impl FnOnce(&Path)) {
    // In memory where that is possible: a disk would be waited for with each input.
    let shared = Path::new("/dev/shm");
    let made = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() };
    work(made.expect("a folder can be made").path());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use welkin_mutate::{mutations, seed};

    fn example() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let long = "long/".repeat(40) + "name";
        for (name, content) in [("a/b", "hi"), ("a/c", ""), (long.as_str(), "there")] {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            builder.append_data(&mut header, name, content.as_bytes()).expect("memory takes it");
        }
        builder.into_inner().expect("memory takes it")
    }

    #[test]
    fn a_sound_example_holds() {
        let example = example();
        assert_eq!(mended(&example), example, "what is whole is left as it is");
        seed(&example);
        (0..=example.len()).step_by(37).for_each(|end| upload(&example[..end]));
    }

    proptest! {
        #[test]
        fn mutated_examples_hold(mutation in mutations()) {
            upload(&mutation.of(&example()));
        }
    }
}
