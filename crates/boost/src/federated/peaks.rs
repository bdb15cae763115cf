//! How large the largest of all parties' numbers is, without a word about whose it is.
//!
//! A party says for each possible power of two whether it has a number that large: a random one where it has, and 0 where
//! it has not. The sum of a power is 0 if nobody has one, and a random number if somebody has, one or many. (It is 0 by
//! chance once in 2^64 times; the training is then still sound, and merely not the one that others would get.)

use super::numbers::WORD;
use crate::exact::Peak;

/// What is said of one peak.
pub(crate) const BYTES: usize = Peak::COUNT * WORD;

/// What one party says of some peaks, with so much noise.
pub(crate) fn pack(peaks: &[Peak], mut noise: Vec<u8>) -> Vec<u8> {
    for (peak, said) in peaks.iter().zip(noise.chunks_mut(BYTES)) {
        // 0 is no power: it is what nobody denies.
        said[(peak.number() + 1) * WORD..].fill(0);
    }
    noise
}

/// The largest peaks of all, out of the sums.
pub(crate) fn unpack(sums: &[u8]) -> Vec<Peak> {
    let largest = |sums: &[u8]| {
        let last = sums.as_chunks::<WORD>().0.iter().rposition(|word| *word != [0; WORD]);
        last.and_then(Peak::at).unwrap_or_default()
    };
    sums.chunks(BYTES).map(largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federated::numbers::combine;

    #[test]
    fn the_largest_is_found() {
        let noise = |salt: u64| {
            let words =
                (0..2 * Peak::COUNT as u64).flat_map(|at| crate::random::hash(&[at, salt]).to_le_bytes());
            words.collect::<Vec<u8>>()
        };
        let peaks = |a: f64, b: f64| [Peak::of_one(a), Peak::of_one(b)];
        let mut sum = pack(&peaks(0.0, 3e-300), noise(1));
        combine(WORD, &mut sum, &pack(&peaks(0.0, f64::MAX), noise(2)), true);
        combine(WORD, &mut sum, &pack(&peaks(0.0, 7.5), noise(3)), true);
        assert_eq!(unpack(&sum), peaks(0.0, f64::MAX));
        let mut sum = pack(&peaks(f64::INFINITY, 1e-320), noise(1));
        combine(WORD, &mut sum, &pack(&peaks(1.0, 0.0), noise(2)), true);
        assert_eq!(unpack(&sum), peaks(f64::INFINITY, 1e-320));
    }
}
