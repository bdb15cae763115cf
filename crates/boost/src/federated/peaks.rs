//! How large the largest of all parties' numbers is, without a word about whose it is.
//!
//! A party says for each possible power of two whether it has a number that large: a random one where it has, and 0 where
//! it has not. The sum of a power is 0 if nobody has one, and a random number if somebody has, one or many. (It is 0 by
//! chance once in 2^64 times; the training is then still sound, and merely not the one that others would get.)

use super::numbers::WORD;
use crate::exact::Peak;

/// Which powers of two there can be: those of single or of double precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Single,
    Double,
}

impl Span {
    /// How much is said of one peak: a word for 0, which is no power, for each power, and for what is not finite.
    pub(crate) fn words(self) -> usize {
        let (lowest, highest) = self.ends();
        highest - lowest + 3
    }

    fn ends(self) -> (usize, usize) {
        match self {
            Self::Single => {
                let number = |value: f32| Peak::of_one(value.into()).number();
                (number(f32::from_bits(1)), number(f32::MAX))
            }
            Self::Double => (1, Peak::COUNT - 2),
        }
    }

    fn place(self, peak: Peak) -> usize {
        let (lowest, highest) = self.ends();
        match peak.number() {
            0 => 0,
            _ if !peak.is_finite() => self.words() - 1,
            number => number.clamp(lowest, highest) - lowest + 1,
        }
    }

    fn peak(self, place: usize) -> Option<Peak> {
        match place {
            0 => Some(Peak::default()),
            place if place + 1 == self.words() => Peak::at(Peak::COUNT - 1),
            place => Peak::at(self.ends().0 + place - 1),
        }
    }
}

/// What one party says of some peaks, with so much noise.
pub(crate) fn pack(span: Span, peaks: &[Peak], mut noise: Vec<u8>) -> Vec<u8> {
    for (peak, said) in peaks.iter().zip(noise.chunks_mut(span.words() * WORD)) {
        // 0 is no power: it is what nobody denies.
        said[(span.place(*peak) + 1) * WORD..].fill(0);
    }
    noise
}

/// The largest peaks of all, out of the sums.
pub(crate) fn unpack(span: Span, sums: &[u8]) -> Vec<Peak> {
    let largest = |sums: &[u8]| {
        let last = sums.as_chunks::<WORD>().0.iter().rposition(|word| *word != [0; WORD]);
        last.and_then(|place| span.peak(place)).unwrap_or_default()
    };
    sums.chunks(span.words() * WORD).map(largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federated::numbers::combine;

    fn noise(span: Span, salt: u64) -> Vec<u8> {
        (0..2 * span.words() as u64).flat_map(|at| crate::random::hash(&[at, salt]).to_le_bytes()).collect()
    }

    #[test]
    fn the_largest_is_found() {
        let span = Span::Double;
        let peaks = |a: f64, b: f64| [Peak::of_one(a), Peak::of_one(b)];
        let mut sum = pack(span, &peaks(0.0, 3e-300), noise(span, 1));
        combine(WORD, &mut sum, &pack(span, &peaks(0.0, f64::MAX), noise(span, 2)), true);
        combine(WORD, &mut sum, &pack(span, &peaks(0.0, 7.5), noise(span, 3)), true);
        assert_eq!(unpack(span, &sum), peaks(0.0, f64::MAX));
        let mut sum = pack(span, &peaks(f64::INFINITY, 1e-320), noise(span, 1));
        combine(WORD, &mut sum, &pack(span, &peaks(1.0, 0.0), noise(span, 2)), true);
        assert_eq!(unpack(span, &sum), peaks(f64::INFINITY, 1e-320));
    }

    #[test]
    fn single_precision_has_all_of_its_powers_and_fewer_words() {
        let span = Span::Single;
        assert!(span.words() < 300 && Span::Double.words() == Peak::COUNT);
        let peak = |value: f32| Peak::of_one(value.into());
        let (smallest, largest) = (f32::from_bits(1), f32::MAX);
        for value in [0.0, smallest, f32::MIN_POSITIVE, 0.25, 0.3, 1.0, largest, f32::INFINITY, f32::NAN] {
            let other = [peak(smallest), peak(value)];
            let mut sum = pack(span, &[peak(value), peak(0.0)], noise(span, 4));
            combine(WORD, &mut sum, &pack(span, &other, noise(span, 5)), true);
            assert_eq!(unpack(span, &sum), [peak(value).max(peak(smallest)), peak(value)], "{value}");
        }
    }
}
