//! A bucket that is a formula: any number of objects, none of them in memory.
//!
//! Object `i` has the key `d{i / 1000}/o{i % 1000}` with leading zeros, so keys sort as their numbers
//! do, any position is found by bisection, and a delimiter groups them by thousands. Its bytes are one
//! pseudo-random block repeated from a start that depends on the seed and on `i`. The block's length
//! is a prime, so no two parts of an object whose sizes are powers of two are equal.
//!
//! *Guarantee:* the same description gives the same keys, sizes, ETags and bytes, in any process.

use std::sync::OnceLock;

use bytes::Bytes;

/// The largest prime below 2^20.
const BLOCK_BYTES: u64 = 1_048_573;

/// Objects of one folder.
const FOLDER: u64 = 1_000;

/// Describes the objects of a synthetic bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synthetic {
    /// How many objects there are; at most 10^10, so that keys have one width.
    pub objects: u64,
    /// The size of each.
    pub bytes: u64,
    /// What their bytes depend on.
    pub seed: u64,
}

impl Synthetic {
    /// The key of object `index`.
    pub fn key(&self, index: u64) -> String {
        format!("d{:07}/o{:03}", index / FOLDER, index % FOLDER)
    }

    /// The number of the object with this key.
    pub fn index(&self, key: &str) -> Option<u64> {
        let index = self.first_at_or_after(key);
        (index < self.objects && self.key(index) == key).then_some(index)
    }

    /// The number of the first object whose key is not less than `key`; `objects` where none is.
    pub(super) fn first_at_or_after(&self, key: &str) -> u64 {
        let (mut low, mut high) = (0, self.objects);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.key(middle).as_str() < key { low = middle + 1 } else { high = middle }
        }
        low
    }

    pub(super) fn content(&self, index: u64) -> Generated {
        Generated { start: mixed(self.seed ^ mixed(index)) % BLOCK_BYTES, len: self.bytes }
    }

    pub(super) fn etag(&self, index: u64) -> String {
        format!("{:016x}{:016x}-1", mixed(self.seed), mixed(index))
    }
}

/// The bytes of one synthetic object.
#[derive(Clone, Debug)]
pub(super) struct Generated {
    start: u64,
    len: u64,
}

impl Generated {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// From `offset` to the end of the block, or of the object.
    pub(super) fn from(&self, offset: u64) -> Bytes {
        let within = (self.start + offset) % BLOCK_BYTES;
        let end = BLOCK_BYTES.min(within.saturating_add(self.len - offset));
        block().slice(within as usize..end as usize)
    }
}

/// One block for all buckets of the process.
fn block() -> &'static Bytes {
    static BLOCK: OnceLock<Bytes> = OnceLock::new();
    BLOCK.get_or_init(|| {
        let words = (0..BLOCK_BYTES.div_ceil(8)).flat_map(|word| mixed(word).to_le_bytes());
        words.take(BLOCK_BYTES as usize).collect::<Vec<u8>>().into()
    })
}

/// SplitMix64: each bit of the result depends on each of the argument.
pub(crate) fn mixed(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: Synthetic = Synthetic { objects: 1_234_567, bytes: 3_000_000, seed: 5 };

    #[test]
    fn keys_sort_as_their_numbers_and_are_found() {
        for index in [0, 1, 999, 1_000, 1_234_566] {
            assert_eq!(MANY.index(&MANY.key(index)), Some(index));
            assert!(MANY.key(index) < MANY.key(index + 1));
        }
        assert_eq!(MANY.index(&MANY.key(1_234_567)), None);
        assert_eq!(MANY.first_at_or_after("d0000002"), 2_000);
        assert_eq!(MANY.first_at_or_after("e"), MANY.objects);
    }

    #[test]
    fn parts_of_an_object_differ_and_objects_do() {
        let content = MANY.content(7);
        let at = |offset| content.from(offset).slice(..16);
        assert_ne!(at(0), at(1 << 20));
        assert_ne!(at(0), MANY.content(8).from(0).slice(..16));
        assert_eq!(at(3), content.from(0).slice(3..19));
    }
}
