//! The BLAKE3 hash of an object from the hashes of its parts, whatever order they came in.
//!
//! BLAKE3 is a binary tree over chunks of 1 KiB in which each left subtree is the largest power of two
//! that leaves something for the right one. A part that begins at a multiple of its power-of-two length
//! is a subtree, so the chaining values of the parts merge upwards into the same hash that `b3sum`
//! prints for the whole object. Source: the BLAKE3 specification, section 2.1, and its reference
//! implementation's `hazmat` module.

use blake3::Hash;
use blake3::hazmat::{self, Mode};
use std::fmt;

/// Shortest part: one chunk of BLAKE3.
pub const MIN_PART_BYTES: u64 = 1024;

/// Hash of a part: of a subtree, or of a whole object where that is one part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ChainingValue([u8; 32]);

impl ChainingValue {
    /// Of a part that is not the whole object.
    #[must_use]
    pub const fn subtree(value: [u8; 32]) -> Self {
        Self(value)
    }

    /// Of an object in one part.
    #[must_use]
    pub const fn root(hash: Hash) -> Self {
        Self(*hash.as_bytes())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads what [`fmt::Display`] writes.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        Hash::from_hex(text).ok().map(Self::root)
    }
}

impl fmt::Display for ChainingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hash::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for ChainingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hash of an object of parts of `part_bytes`, but the last, in order.
///
/// # Panics
/// When there is no part, or `part_bytes` is no power of two of at least [`MIN_PART_BYTES`].
#[must_use]
pub fn merge(parts: &[ChainingValue], part_bytes: u64) -> Hash {
    assert!(part_bytes.is_power_of_two() && part_bytes >= MIN_PART_BYTES, "parts of {part_bytes} bytes");
    match parts {
        [] => panic!("an object has at least one part"),
        [only] => Hash::from_bytes(only.0),
        _ => {
            let (left, right) = split(parts);
            hazmat::merge_subtrees_root(&subtree(left), &subtree(right), Mode::Hash)
        }
    }
}

fn subtree(parts: &[ChainingValue]) -> [u8; 32] {
    match parts {
        [only] => only.0,
        _ => {
            let (left, right) = split(parts);
            hazmat::merge_subtrees_non_root(&subtree(left), &subtree(right), Mode::Hash)
        }
    }
}

/// At the largest power of two below the count. Every part but the last is a full power-of-two subtree, so splitting by
/// parts is splitting by bytes.
fn split(parts: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    parts.split_at(parts.len().next_power_of_two() / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::{BlockWriter, Buffer};
    use proptest::prelude::*;

    fn by_parts(content: &[u8], part_bytes: usize) -> Hash {
        let whole = content.len() <= part_bytes;
        let parts = content.chunks(part_bytes).enumerate().map(|(number, part)| {
            let offset = (number * part_bytes) as u64;
            let mut writer = BlockWriter::new(Buffer::detached(part.len()), offset, part.len(), whole);
            assert_eq!(writer.extend(part), part.len());
            writer.finish().unwrap().chaining()
        });
        merge(&parts.collect::<Vec<_>>(), part_bytes as u64)
    }

    #[test]
    fn parts_of_every_count_merge_into_the_plain_hash() {
        let content: Vec<u8> = (0..40 * 1024 + 17).map(|at: u32| (at * 31 / 7) as u8).collect();
        for length in (1..content.len()).step_by(509).chain([1024, 2048, 4096, 8192, 32 * 1024]) {
            for part_bytes in [1024, 2048, 8192] {
                let content = &content[..length];
                assert_eq!(by_parts(content, part_bytes), blake3::hash(content), "{length} in {part_bytes}");
            }
        }
    }

    proptest! {
        #[test]
        fn merging_equals_hashing(content in prop::collection::vec(any::<u8>(), 1..60_000), power in 10_u32..15) {
            prop_assert_eq!(by_parts(&content, 1 << power), blake3::hash(&content));
        }
    }
}
