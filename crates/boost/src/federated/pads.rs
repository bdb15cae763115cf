//! Masks.
//!
//! Two parties that share a secret draw the same numbers from it, for each question others; one adds them to its answer and
//! the other subtracts them, so that they are gone from the sum and from nothing else. An answer of one party alone is,
//! to whoever lacks one of its secrets, numbers that are equally likely to be any.

use super::numbers::{self, AT_ONCE, COUNT, WORD, combine};
use crate::fixed::Sums;

/// Numbers that are drawn from secrets. They must look random to whoever has not the secret, and be the same whenever they
/// are drawn again for the same question.
pub trait Pads {
    /// How many other parties there are.
    fn others(&self) -> usize;

    /// Whether this party adds what it shares with another one, which then subtracts it.
    fn adds(&self, other: usize) -> bool;

    /// Draws what this party shares with another: piece number `piece` of the numbers for a question.
    fn shared(&self, other: usize, question: u64, piece: u32, into: &mut [u8]);

    /// Draws from a secret of this party alone.
    fn own(&self, question: u64, into: &mut [u8]);
}

/// No masks: for parties that trust whoever adds up.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bare;

impl Pads for Bare {
    fn others(&self) -> usize {
        0
    }

    fn adds(&self, _other: usize) -> bool {
        true
    }

    fn shared(&self, _other: usize, _question: u64, _piece: u32, _into: &mut [u8]) {}

    fn own(&self, _question: u64, into: &mut [u8]) {
        // Anything that is not 0 does: see `peaks`.
        into.fill(1);
    }
}

/// Bytes that are drawn at once: what a cipher begins and ends with is little beside them, and what is drawn from some secrets
/// at once stays in a near cache.
const PIECE: usize = 1 << 15;

/// Masks an answer of numbers of that width.
pub(crate) fn mask(pads: &dyn Pads, question: u64, width: usize, answer: &mut [u8]) {
    let size = PIECE / width * width;
    let mut drawn = vec![0; size.min(answer.len())];
    for other in 0..pads.others() {
        for (piece, answer) in (0..).zip(answer.chunks_mut(size)) {
            let drawn = &mut drawn[..answer.len()];
            pads.shared(other, question, piece, drawn);
            combine(width, answer, drawn, pads.adds(other));
        }
    }
}

/// Memory of answers that have been sent.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// As many as a piece can have, whatever was in them.
    words: Vec<u64>,
    drawn: [Vec<u8>; AT_ONCE],
}

/// An answer that is masked while it is made: sums go in, and what is sent comes out behind `into`.
///
/// A piece of it is all that there is without masks.
pub(crate) struct Masking<'a> {
    pads: &'a dyn Pads,
    question: u64,
    into: &'a mut Vec<u8>,
    memory: &'a mut Memory,
    piece: u32,
    /// How many words wait.
    count: usize,
    /// Their widths, and how many have each.
    waiting: Vec<(usize, usize)>,
    bytes: usize,
}

impl<'a> Masking<'a> {
    pub(crate) fn new(
        pads: &'a dyn Pads,
        question: u64,
        into: &'a mut Vec<u8>,
        memory: &'a mut Memory,
    ) -> Self {
        // Once for all answers: what is written over need not be cleared each time.
        memory.words.resize(PIECE / COUNT, 0);
        Self { pads, question, into, memory, piece: 0, count: 0, waiting: Vec::new(), bytes: 0 }
    }

    /// Takes sums in, and gives all bits that any of them has.
    pub(crate) fn sums(&mut self, width: usize, mut sums: &[Sums]) -> u64 {
        let mut bits = 0;
        while !sums.is_empty() {
            // A piece has as many whole sums as it has room for, however they come: others cut it alike.
            let room = (PIECE - self.bytes) / (2 * width);
            if room == 0 {
                self.flush();
                continue;
            }
            let (now, later) = sums.split_at(room.min(sums.len()));
            let words = self.memory.words[self.count..].as_chunks_mut::<2>().0;
            for (words, sums) in words.iter_mut().zip(now) {
                *words = [sums.g.cast_unsigned(), sums.h.cast_unsigned()];
            }
            bits |= super::bundle::bits_of(now);
            self.took(width, 2 * now.len());
            sums = later;
        }
        bits
    }

    /// Takes one word in.
    pub(crate) fn word(&mut self, word: u64) {
        if self.bytes + WORD > PIECE {
            self.flush();
        }
        self.memory.words[self.count] = word;
        self.took(WORD, 1);
    }

    fn took(&mut self, width: usize, numbers: usize) {
        self.count += numbers;
        self.waiting.push((width, numbers));
        self.bytes += width * numbers;
    }

    /// Masks what waits, and writes it.
    fn flush(&mut self) {
        let Memory { words, drawn } = &mut *self.memory;
        let words = &mut words[..self.count];
        for adds in [true, false] {
            let alike: Vec<usize> =
                (0..self.pads.others()).filter(|other| self.pads.adds(*other) == adds).collect();
            for others in alike.chunks(AT_ONCE) {
                for (other, drawn) in others.iter().zip(&mut *drawn) {
                    // Room for the last number to be read as a word.
                    drawn.resize(self.bytes + WORD, 0);
                    self.pads.shared(*other, self.question, self.piece, &mut drawn[..self.bytes]);
                }
                let mut lists: Vec<&[u8]> = drawn[..others.len()].iter().map(Vec::as_slice).collect();
                let mut rest = &mut words[..];
                for (width, numbers) in &self.waiting {
                    let own = rest.split_off_mut(..*numbers).unwrap_or_default();
                    numbers::gather(*width, &lists, own, adds);
                    lists.iter_mut().for_each(|list| *list = &list[width * numbers..]);
                }
            }
        }
        let mut rest = &*words;
        for (width, numbers) in self.waiting.drain(..) {
            let (own, after) = rest.split_at(numbers);
            numbers::scatter(width, own, self.into);
            rest = after;
        }
        (self.count, self.bytes) = (0, 0);
        self.piece += 1;
    }

    /// The end of the answer.
    pub(crate) fn end(mut self) {
        if self.bytes > 0 {
            self.flush();
        }
    }
}

/// So many random words, for [`super::peaks`].
pub(crate) fn noise(pads: &dyn Pads, question: u64, words: usize) -> Vec<u8> {
    let mut noise = vec![0; words * WORD];
    pads.own(question, &mut noise);
    noise
}

/// A random word.
pub(crate) fn random(pads: &dyn Pads, question: u64) -> u64 {
    let mut word = [0; WORD];
    pads.own(question, &mut word);
    u64::from_le_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federated::shape::Shape;
    use proptest::prelude::*;

    /// Secrets of pairs of parties, as numbers that both know.
    struct Known {
        own: u64,
        parties: u64,
    }

    impl Known {
        fn other(&self, other: usize) -> u64 {
            (self.own + 1 + other as u64) % self.parties
        }
    }

    impl Pads for Known {
        fn others(&self) -> usize {
            self.parties as usize - 1
        }

        fn adds(&self, other: usize) -> bool {
            self.own < self.other(other)
        }

        fn shared(&self, other: usize, question: u64, piece: u32, into: &mut [u8]) {
            let (a, b) = (self.own.min(self.other(other)), self.own.max(self.other(other)));
            let key = [a, b, question, u64::from(piece)];
            for (at, into) in (0..).zip(into.chunks_mut(WORD)) {
                let drawn = crate::random::hash(&[key[0], key[1], key[2], key[3], at]).to_le_bytes();
                into.copy_from_slice(&drawn[..into.len()]);
            }
        }

        fn own(&self, question: u64, into: &mut [u8]) {
            self.shared(0, !question, 0, into);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Pieces are cut within runs, and where runs come in different portions.
        #[test]
        fn masks_of_all_parties_cancel_however_answers_are_put_together(
            parties in 1_u64..7,
            runs in prop::collection::vec((4_usize..=8, 1_usize..6000), 1..5),
            portion in 1_usize..5000,
        ) {
            let sums = |party: u64, count: usize| -> Vec<Sums> {
                (0..count as i64).map(|at| Sums { g: at - 70, h: at * (party as i64 + 3) }).collect()
            };
            let mut total = None;
            for own in 0..parties {
                let (mut answer, mut memory) = (vec![9; 3], Memory::default());
                let pads = Known { own, parties };
                let mut masking = Masking::new(&pads, 5, &mut answer, &mut memory);
                for (width, count) in &runs {
                    let portion = if own == 0 { portion } else { *count };
                    for sums in sums(own, *count).chunks(portion) {
                        masking.sums(*width, sums);
                    }
                }
                masking.word(own);
                masking.end();
                let mut shape = Shape::default();
                runs.iter().for_each(|(width, count)| shape.push(*width, 2 * count));
                shape.push(WORD, 1);
                prop_assert_eq!(answer.len(), 3 + shape.bytes());
                total.get_or_insert_with(|| numbers::Total::new(&shape)).add(0, &answer[3..]);
            }
            let bytes = total.map(numbers::Total::bytes).unwrap_or_default();
            let mut rest = &bytes[..];
            for (width, count) in &runs {
                let (own, after) = rest.split_at(2 * width * count);
                rest = after;
                let all = (0..parties).map(|party| sums(party, *count));
                let wanted = all.reduce(|a, b| a.iter().zip(b).map(|(a, b)| *a + b).collect()).unwrap_or_default();
                let got: Vec<i128> = numbers::unpack(*width, own).collect();
                let wanted: Vec<i128> = wanted.iter().flat_map(|sums| [sums.g.into(), sums.h.into()]).collect();
                prop_assert_eq!(got, wanted);
            }
            prop_assert_eq!(numbers::unpack(WORD, rest).next(), Some(i128::from((0..parties).sum::<u64>())));
        }
    }
}
