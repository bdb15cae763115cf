//! Numbers that look drawn, as functions of what they are for.

/// SplitMix64's step: a bijection whose output changes everywhere when one bit of its input does.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// One number for several.
pub(crate) fn hash(key: &[u64]) -> u64 {
    key.iter().fold(0, |state, part| mix(state ^ mix(*part)))
}

/// A number from 0 up to, and without, 1.
pub(crate) fn unit(hash: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let unit = (hash >> 11) as f64 / (1_u64 << 53) as f64;
    unit
}

/// Numbers one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Stream(u64);

impl Stream {
    pub(crate) fn new(key: &[u64]) -> Self {
        Self(hash(key))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(1);
        mix(self.0)
    }

    /// A number below `end`, which is not 0. One in 2^32 is more likely than another, where `end` is no power of two.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let wide = u128::from(self.next()) * end as u128;
        usize::try_from(wide >> 64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_evenly() {
        let mut stream = Stream::new(&[1, 2]);
        let mut counts = [0; 10];
        (0..10_000).for_each(|_| counts[stream.below(10)] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        let below = (0..10_000).filter(|id| unit(hash(&[7, *id])) < 0.3).count();
        assert!((2800..3200).contains(&below), "{below}");
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
    }
}
