//! Random numbers by key: SplitMix64 seeded from a seed and a label.
//!
//! Each decision of the cloud has a stream of its own (`acquire 3`, `fate 7`), so one more call in
//! one place shifts no decision in another, and a failing seed keeps failing while the code around
//! it is being repaired.
//!
//! *Source:* Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
//! *Rejected:* one stream for everything, whose meaning changes with each added call; a crate, for
//! thirty lines whose output must never change.

use welkin_units::Span;

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// A deterministic stream of random numbers.
#[derive(Debug, Clone)]
pub(super) struct Rng(u64);

impl Rng {
    /// The stream of decision number `index` of kind `label`.
    pub(super) fn keyed(seed: u64, label: &str, index: u64) -> Self {
        // Each part is mixed through the generator before the next is folded in, so that neighbouring
        // seeds and indices give unrelated streams.
        let mut rng = Self(seed);
        for part in label.bytes().map(u64::from).chain([index]) {
            rng = Self(rng.next() ^ part);
        }
        rng
    }

    /// 64 random bits.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN_GAMMA);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// True with `probability` (0 never, 1 always).
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        // 53 bits fill a double's mantissa: uniform on [0, 1), so 1 is always above.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit exactly")]
        let draw = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        draw < probability
    }

    /// A span from `low` to `high`, both included, in milliseconds.
    pub(super) fn span(&mut self, low: Span, high: Span) -> Span {
        let width = high.saturating_sub(low).millis();
        // The bias of the remainder is below width / 2⁶⁴: nothing here can see it.
        let draw = self.next();
        let offset = width.checked_add(1).map_or(draw, |count| draw % count);
        low + Span::from_millis(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_the_published_stream() {
        // First outputs of SplitMix64 for seed 1234567, as in its reference implementation.
        let mut rng = Rng(1_234_567);
        assert_eq!([rng.next(), rng.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn keys_separate_streams_and_repeat_them() {
        let first = |label, index| Rng::keyed(42, label, index).next();
        assert_eq!(first("fate", 1), first("fate", 1));
        assert_ne!(first("fate", 1), first("fate", 2));
        assert_ne!(first("fate", 1), first("list", 1));
        assert_ne!(first("fate", 1), Rng::keyed(43, "fate", 1).next());
    }

    #[test]
    fn chances_are_about_right() {
        let mut rng = Rng(7);
        let hits = (0..10_000).filter(|_| rng.chance(0.3)).count();
        assert!((2_800..3_200).contains(&hits), "{hits}");
        assert!((0..1_000).all(|_| rng.chance(1.0)));
        assert!((0..1_000).all(|_| !rng.chance(0.0)));
        let (low, high) = (Span::from_secs(1), Span::from_secs(2));
        assert!((0..1_000).map(|_| rng.span(low, high)).all(|span| (low..=high).contains(&span)));
    }
}
