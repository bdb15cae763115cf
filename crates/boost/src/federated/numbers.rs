//! Numbers modulo a power of 256, beside each other, as parties send and coordinators add them up.
//!
//! A sum modulo 2^64 is the same whatever was added to its parts and subtracted from them again, which is what masks are.
//! How many bytes a number has follows from how large a sum can become, and is the same for all who take part.

use super::question::Shape;

/// Bytes that a number can have: counts of rows have 4, sums of terms 16.
pub(crate) const COUNT: usize = 4;
pub(crate) const WORD: usize = 8;
pub(crate) const SUM: usize = 16;

/// Bytes for sums of gradients of so many rows: each has 30 bits and a sign.
pub(crate) fn width_of(rows: u64) -> usize {
    let bits = 32 + (u64::BITS - rows.leading_zeros()) as usize;
    bits.div_ceil(8).min(WORD)
}

/// Writes numbers.
pub(crate) fn pack(width: usize, numbers: impl Iterator<Item = i128>) -> Vec<u8> {
    let mut bytes = Vec::new();
    numbers.for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()[..width]));
    bytes
}

/// Reads numbers with a sign.
pub(crate) fn unpack(width: usize, bytes: &[u8]) -> impl Iterator<Item = i128> {
    let free = 128 - 8 * width;
    bytes.chunks_exact(width).map(move |chunk| {
        let mut wide = [0; SUM];
        wide[..width].copy_from_slice(chunk);
        i128::from_le_bytes(wide) << free >> free
    })
}

/// Adds numbers to others, or subtracts them. Both have the same length, a multiple of the width.
pub fn combine(width: usize, into: &mut [u8], other: &[u8], adds: bool) {
    match width {
        4 => short::<4>(into, other, adds),
        5 => short::<5>(into, other, adds),
        6 => short::<6>(into, other, adds),
        7 => short::<7>(into, other, adds),
        8 => short::<8>(into, other, adds),
        _ => wide(into, other, adds),
    }
}

/// Adds numbers of at most eight bytes to words, or subtracts them: modulo 2^64, of which the upper bytes are nobody's.
pub(crate) fn gather(width: usize, from: &[u8], into: &mut [u64], adds: bool) {
    match width {
        4 => gather_of::<4>(from, into, adds),
        5 => gather_of::<5>(from, into, adds),
        6 => gather_of::<6>(from, into, adds),
        7 => gather_of::<7>(from, into, adds),
        _ => gather_of::<8>(from, into, adds),
    }
}

fn gather_of<const W: usize>(from: &[u8], into: &mut [u64], adds: bool) {
    if adds {
        gather_by::<W>(from, into, u64::wrapping_add);
    } else {
        gather_by::<W>(from, into, u64::wrapping_sub);
    }
}

/// Numbers that are read together, so that it is looked once whether they are there.
const TOGETHER: usize = 8;

fn gather_by<const W: usize>(mut from: &[u8], into: &mut [u64], add: impl Fn(u64, u64) -> u64) {
    let mut words = into.chunks_exact_mut(TOGETHER);
    // Eight bytes each, of which the upper ones are the next number's, as long as there are so many.
    while from.len() >= TOGETHER * W + WORD {
        let Some(words) = words.next() else { return };
        let numbers = &from[..TOGETHER * W + WORD];
        for (at, word) in words.iter_mut().enumerate() {
            let mut number = [0; WORD];
            number.copy_from_slice(&numbers[at * W..at * W + WORD]);
            *word = add(*word, u64::from_le_bytes(number));
        }
        from = &from[TOGETHER * W..];
    }
    let rest = words.by_ref().flatten();
    let mut numbers = from.as_chunks::<W>().0.iter();
    rest.zip(&mut numbers).for_each(|(word, bytes)| *word = add(*word, read(bytes)));
    words.into_remainder().iter_mut().zip(numbers).for_each(|(word, bytes)| *word = add(*word, read(bytes)));
}

/// Writes the lower bytes of words beside each other, behind what is there.
pub(crate) fn scatter(width: usize, words: &[u64], into: &mut Vec<u8>) {
    let (start, end) = (into.len(), into.len() + words.len() * width);
    into.resize(end + WORD, 0);
    match width {
        4 => scatter_of::<4>(words, &mut into[start..]),
        5 => scatter_of::<5>(words, &mut into[start..]),
        6 => scatter_of::<6>(words, &mut into[start..]),
        7 => scatter_of::<7>(words, &mut into[start..]),
        _ => scatter_of::<8>(words, &mut into[start..]),
    }
    into.truncate(end);
}

fn scatter_of<const W: usize>(words: &[u64], mut into: &mut [u8]) {
    for word in words {
        // Each writes over what the one before it wrote too much.
        let Some(bytes) = into.first_chunk_mut() else { return };
        *bytes = word.to_le_bytes();
        into = &mut into[W..];
    }
}

/// A sum of answers of one shape, while they come.
///
/// Numbers of at most eight bytes are added up as words, which is several times faster than bytes.
#[derive(Debug)]
pub struct Total {
    shape: Shape,
    words: Vec<u64>,
    wide: Vec<u8>,
}

impl Total {
    /// Of none so far.
    #[must_use]
    pub fn new(shape: Shape) -> Self {
        let (words, wide) = if shape.width <= WORD { (shape.numbers, 0) } else { (0, shape.bytes()) };
        Self { shape, words: vec![0; words], wide: vec![0; wide] }
    }

    /// Adds a piece of an answer: bytes from `at` on, both multiples of the width.
    pub fn add(&mut self, at: usize, piece: &[u8]) {
        let Self { shape: Shape { width, .. }, words, wide } = self;
        if *width <= WORD {
            gather(*width, piece, words.get_mut(at / *width..).unwrap_or_default(), true);
        } else if let Some(into) = wide.get_mut(at..at + piece.len()) {
            combine(*width, into, piece, true);
        }
    }

    /// The sum.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = self.wide;
        scatter(self.shape.width, &self.words, &mut bytes);
        bytes
    }
}

fn read<const W: usize>(bytes: &[u8; W]) -> u64 {
    let mut word = [0; WORD];
    word[..W].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

fn short<const W: usize>(into: &mut [u8], other: &[u8], adds: bool) {
    for (into, other) in into.as_chunks_mut::<W>().0.iter_mut().zip(other.as_chunks::<W>().0) {
        let (a, b) = (read(into), read(other));
        let sum = if adds { a.wrapping_add(b) } else { a.wrapping_sub(b) };
        into.copy_from_slice(&sum.to_le_bytes()[..W]);
    }
}

fn wide(into: &mut [u8], other: &[u8], adds: bool) {
    for (into, other) in into.as_chunks_mut::<SUM>().0.iter_mut().zip(other.as_chunks::<SUM>().0) {
        let (a, b) = (u128::from_le_bytes(*into), u128::from_le_bytes(*other));
        *into = if adds { a.wrapping_add(b) } else { a.wrapping_sub(b) }.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_come_back_with_their_sign(
            parts in prop::collection::vec(prop::collection::vec(-(1_i64 << 30)..1 << 30, 5), 1..20),
            mask in prop::collection::vec(any::<u8>(), 16 * 5),
            width in prop::sample::select(vec![5_usize, 6, 7, 8, 16]),
        ) {
            let mut all = pack(width, std::iter::repeat_n(0, 5));
            for part in &parts {
                combine(width, &mut all, &pack(width, part.iter().map(|n| i128::from(*n))), true);
            }
            combine(width, &mut all, &mask[..5 * width], true);
            combine(width, &mut all, &mask[..5 * width], false);
            let sums: Vec<i128> = (0..5).map(|at| parts.iter().map(|part| i128::from(part[at])).sum()).collect();
            prop_assert_eq!(unpack(width, &all).collect::<Vec<_>>(), sums);
        }
    }

    proptest! {
        #[test]
        fn words_are_gathered_and_scattered_as_numbers_are_combined(
            all in prop::collection::vec(any::<[u64; 3]>(), 0..50),
            width in 4_usize..=8,
            adds: bool,
        ) {
            let written = |words: &[u64]| {
                let mut bytes = vec![99];
                scatter(width, words, &mut bytes);
                assert_eq!(bytes.remove(0), 99);
                bytes
            };
            let bytes = |at: usize| written(&all.iter().map(|words| words[at]).collect::<Vec<_>>());
            let (one, other) = (bytes(0), bytes(1));
            prop_assert_eq!(one.len(), all.len() * width);
            let mut words: Vec<u64> = vec![0; all.len()];
            gather(width, &one, &mut words, true);
            gather(width, &other, &mut words, adds);
            let mut combined = one.clone();
            combine(width, &mut combined, &other, adds);
            prop_assert_eq!(&written(&words), &combined);
        }

        #[test]
        fn answers_that_come_in_pieces_are_added_up(
            answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 16 * 21), 0..4),
            width in prop::sample::select(vec![4_usize, 5, 6, 7, 8, 16]),
            unit in 1_usize..9,
        ) {
            let shape = Shape { width, numbers: 21 };
            let (mut total, mut combined) = (Total::new(shape), vec![0; shape.bytes()]);
            for answer in &answers {
                let answer = &answer[..shape.bytes()];
                for (at, piece) in answer.chunks(unit * width).enumerate() {
                    total.add(at * unit * width, piece);
                }
                combine(width, &mut combined, answer, true);
            }
            prop_assert_eq!(total.bytes(), combined);
        }
    }

    #[test]
    fn there_is_room_for_the_largest_sum_of_gradients() {
        for rows in [1_u64, 2, 255, 256, 1_000_000, 1 << 20, 1 << 31] {
            let width = width_of(rows);
            let largest = i128::from(rows) << 30;
            for sum in [largest, -largest] {
                assert_eq!(unpack(width, &pack(width, [sum].into_iter())).next(), Some(sum), "{rows} rows");
            }
        }
        assert_eq!([width_of(255), width_of(60_000), width_of(1_000_000)], [5, 6, 7]);
    }
}
