//! Numbers modulo a power of 256, beside each other, as parties send and coordinators add them up.
//!
//! A sum modulo 2^64 is the same whatever was added to its parts and subtracted from them again, which is what masks are.
//! How many bytes a number has is the same for all who take part.

use super::shape::{Run, Shape};

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

/// A word of which the lower bytes are a number with a sign.
pub(crate) fn signed(width: usize, word: u64) -> i64 {
    let free = 8 * (WORD - width);
    word.cast_signed() << free >> free
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

/// Lists that are added at once: the sum is read and written once for all of them.
pub(crate) const AT_ONCE: usize = 4;

/// Adds lists of numbers of at most eight bytes to words, or subtracts them: modulo 2^64, of which the upper bytes are nobody's.
/// The lists, no more than [`AT_ONCE`], have as many numbers as there are words, and may have anything behind them.
pub(crate) fn gather(width: usize, lists: &[&[u8]], into: &mut [u64], adds: bool) {
    match width {
        4 => gather_of::<4>(lists, into, adds),
        5 => gather_of::<5>(lists, into, adds),
        6 => gather_of::<6>(lists, into, adds),
        7 => gather_of::<7>(lists, into, adds),
        _ => gather_of::<8>(lists, into, adds),
    }
}

fn gather_of<const W: usize>(lists: &[&[u8]], into: &mut [u64], adds: bool) {
    match *lists {
        [] => {}
        [a] => gather_by::<W, 1>([a], into, adds),
        [a, b] => gather_by::<W, 2>([a, b], into, adds),
        [a, b, c] => gather_by::<W, 3>([a, b, c], into, adds),
        [a, b, c, d, ..] => gather_by::<W, 4>([a, b, c, d], into, adds),
    }
}

fn gather_by<const W: usize, const N: usize>(lists: [&[u8]; N], into: &mut [u64], adds: bool) {
    if adds {
        gather_with::<W, N>(lists, into, u64::wrapping_add);
    } else {
        gather_with::<W, N>(lists, into, u64::wrapping_sub);
    }
}

/// Numbers that are read together, so that it is looked once whether they are there.
const TOGETHER: usize = 8;

fn gather_with<const W: usize, const N: usize>(
    lists: [&[u8]; N],
    into: &mut [u64],
    add: impl Fn(u64, u64) -> u64,
) {
    // Eight bytes each, of which the upper ones are the next number's, as long as there are so many.
    let there = lists.iter().map(|list| list.len()).min().unwrap_or_default();
    let blocks = there.saturating_sub(WORD) / (TOGETHER * W);
    let (blocks, rest) = into.split_at_mut((blocks * TOGETHER).min(into.len() / TOGETHER * TOGETHER));
    let mut at = 0;
    for words in blocks.chunks_exact_mut(TOGETHER) {
        let numbers = lists.map(|list| &list[at..at + TOGETHER * W + WORD]);
        for (index, word) in words.iter_mut().enumerate() {
            let sum = numbers.iter().fold(0_u64, |sum, numbers| {
                let mut number = [0; WORD];
                number.copy_from_slice(&numbers[index * W..index * W + WORD]);
                sum.wrapping_add(u64::from_le_bytes(number))
            });
            *word = add(*word, sum);
        }
        at += TOGETHER * W;
    }
    for list in lists {
        let numbers = list[at..].as_chunks::<W>().0;
        rest.iter_mut().zip(numbers).for_each(|(word, bytes)| *word = add(*word, read(bytes)));
    }
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
    parts: Vec<Part>,
}

/// The sum of one run.
#[derive(Debug)]
struct Part {
    run: Run,
    /// Where it begins in an answer.
    start: usize,
    words: Vec<u64>,
    wide: Vec<u8>,
}

impl Total {
    /// Of none so far.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let part = |start: &mut usize, run: &Run| {
            let own = *start;
            *start += run.bytes();
            let (words, wide) = if run.width <= WORD { (run.numbers, 0) } else { (0, run.bytes()) };
            Some(Part { run: *run, start: own, words: vec![0; words], wide: vec![0; wide] })
        };
        Self { parts: shape.runs().iter().scan(0, part).collect() }
    }

    /// Adds a piece of an answer: bytes from `at` on. It begins and ends between two numbers.
    pub fn add(&mut self, mut at: usize, mut piece: &[u8]) {
        let first = self.parts.partition_point(|part| part.start + part.run.bytes() <= at);
        for part in &mut self.parts[first..] {
            let within = at - part.start;
            let (own, rest) = piece.split_at(piece.len().min(part.run.bytes() - within));
            if part.run.width > WORD {
                combine(part.run.width, &mut part.wide[within..within + own.len()], own, true);
            } else {
                let from = within / part.run.width;
                let words = &mut part.words[from..from + own.len() / part.run.width];
                gather(part.run.width, &[own], words, true);
            }
            (at, piece) = (at + own.len(), rest);
            if piece.is_empty() {
                return;
            }
        }
    }

    /// The sum.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in self.parts {
            bytes.extend(part.wide);
            scatter(part.run.width, &part.words, &mut bytes);
        }
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
            all in prop::collection::vec(any::<[u64; 5]>(), 0..50),
            width in 4_usize..=8,
            count in 0..=AT_ONCE,
            behind in 0_usize..20,
            adds: bool,
        ) {
            let written = |words: &[u64]| {
                let mut bytes = vec![99];
                scatter(width, words, &mut bytes);
                assert_eq!(bytes.remove(0), 99);
                bytes
            };
            let bytes = |at: usize| written(&all.iter().map(|words| words[at]).collect::<Vec<_>>());
            let first = bytes(AT_ONCE);
            prop_assert_eq!(first.len(), all.len() * width);
            let others: Vec<Vec<u8>> = (0..count).map(bytes).collect();
            // Whatever is behind them.
            let longer: Vec<Vec<u8>> = others.iter().map(|other| [&other[..], &vec![7; behind]].concat()).collect();
            let lists: Vec<&[u8]> = longer.iter().map(Vec::as_slice).collect();
            let mut words: Vec<u64> = vec![0; all.len()];
            gather(width, &[&first], &mut words, true);
            gather(width, &lists, &mut words, adds);
            let mut combined = first.clone();
            others.iter().for_each(|other| combine(width, &mut combined, other, adds));
            prop_assert_eq!(&written(&words), &combined);
        }

        #[test]
        fn answers_that_come_in_pieces_are_added_up(
            answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 16 * 63), 0..4),
            runs in prop::collection::vec((prop::sample::select(vec![4_usize, 5, 6, 7, 8, 16]), 0_usize..21), 0..4),
            most in 16_usize..200,
        ) {
            let mut shape = Shape::default();
            runs.iter().for_each(|(width, numbers)| shape.push(*width, *numbers));
            let (mut total, mut combined) = (Total::new(&shape), vec![0; shape.bytes()]);
            for answer in &answers {
                let answer = &answer[..shape.bytes()];
                let mut at = 0;
                while at < answer.len() {
                    let piece = shape.piece(at, most);
                    total.add(at, &answer[at..at + piece]);
                    at += piece;
                }
                let mut start = 0;
                for run in shape.runs() {
                    let own = start..start + run.bytes();
                    combine(run.width, &mut combined[own.clone()], &answer[own.clone()], true);
                    start = own.end;
                }
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
