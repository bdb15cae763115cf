//! Noise, drawn exactly: each outcome has the probability that the formula says, as far as the bits that are drawn from are even.

/// 64 even bits, or why there are none.
pub type Random<'a> = dyn FnMut() -> Result<u64, NoDraw> + 'a;

/// There are no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are no random numbers")]
pub struct NoDraw;

/// The scale of discrete Laplace noise, in lowest terms: an integer x has a probability in proportion to e^(-|x| ÷ scale).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    above: u128,
    below: u128,
}

/// The largest numerator: noise is larger than 2^16 scales with a probability of e^-65536, and 110 + 16 bits are a sum's.
const MOST: u128 = 1 << 110;

impl Scale {
    /// `above ÷ below`; none where it is larger than 2^110 or no number.
    #[must_use]
    pub fn new(above: u128, below: u128) -> Option<Self> {
        let common = divisor(above, below);
        let (above, below) = (above.checked_div(common)?, below.checked_div(common)?);
        (below > 0 && above <= MOST).then_some(Self { above, below })
    }

    /// Noise of this scale. Scale zero has none.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn draw(self, random: &mut Random<'_>) -> Result<i128, NoDraw> {
        let Self { above, below } = self;
        if above == 0 {
            return Ok(0);
        }
        loop {
            // A magnitude in steps of 1 ÷ above, of which `below` make one.
            let fine = even(above, random)?;
            if !coin_exp(fine, above, random)? {
                continue;
            }
            let mut whole = 0_u128;
            while coin_exp(1, 1, random)? {
                whole += 1;
            }
            let steps = whole.checked_mul(above).and_then(|whole| whole.checked_add(fine));
            // Longer than the machine lasts: see `MOST`.
            let magnitude = i128::try_from(steps.ok_or(NoDraw)? / below).map_err(|_| NoDraw)?;
            let negative = random()? & 1 == 1;
            // Zero would come twice as often as it should.
            if !(negative && magnitude == 0) {
                return Ok(if negative { -magnitude } else { magnitude });
            }
        }
    }
}

fn divisor(mut a: u128, mut b: u128) -> u128 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// One of 0 to `count` - 1.
fn even(count: u128, random: &mut Random<'_>) -> Result<u128, NoDraw> {
    let bits = u128::BITS - (count - 1).leading_zeros();
    if bits == 0 {
        return Ok(0);
    }
    loop {
        let low = u128::from(random()?);
        let (drawn, there) = if bits > 64 { (low | (u128::from(random()?) << 64), 128) } else { (low, 64) };
        // What is too large is drawn anew: a remainder would make some more likely than others.
        let drawn = drawn >> (there - bits);
        if drawn < count {
            return Ok(drawn);
        }
    }
}

/// True with the probability `a ÷ b`, which is at most 1.
fn coin(a: u128, b: u128, random: &mut Random<'_>) -> Result<bool, NoDraw> {
    Ok(even(b, random)? < a)
}

/// True with the probability e^(-a ÷ b), for a ≤ b: coins of (a ÷ b) ÷ 1, ÷ 2, ÷ 3, … until one fails, an even number of which come true.
fn coin_exp(a: u128, b: u128, random: &mut Random<'_>) -> Result<bool, NoDraw> {
    let mut turn = 1;
    while coin(a, b, random)? && coin(1, turn, random)? {
        turn += 1;
    }
    Ok(turn % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64, for a seed: numbers that are the same in every run.
    fn seeded(mut state: u64) -> impl FnMut() -> Result<u64, NoDraw> {
        move || {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            Ok(mixed ^ (mixed >> 31))
        }
    }

    const DRAWS: usize = 200_000;
    /// Cells -8 to 8, and what lies beyond on either side.
    const CELLS: usize = 19;
    /// 18 degrees of freedom pass this once in a million seeds.
    const CRITICAL: f64 = 63.0;

    fn cell(value: i128) -> usize {
        usize::try_from(value.clamp(-9, 9) + 9).unwrap()
    }

    /// The probabilities of the cells, from the formula.
    fn exact(scale: f64) -> [f64; CELLS] {
        let q = (-1.0 / scale).exp();
        let mut cells = [0.0; CELLS];
        for (number, cell) in cells.iter_mut().enumerate() {
            let distance = i32::try_from(number).unwrap() - 9;
            let tail = if distance.abs() == 9 { 1.0 / (1.0 - q) } else { 1.0 };
            *cell = (1.0 - q) / (1.0 + q) * q.powi(distance.abs()) * tail;
        }
        cells
    }

    fn chi_square(counts: &[u32; CELLS], exact: &[f64; CELLS]) -> f64 {
        let cells = counts.iter().zip(exact).map(|(count, probability)| {
            let expected = probability * DRAWS as f64;
            (f64::from(*count) - expected).powi(2) / expected
        });
        cells.sum()
    }

    fn counted(mut value: impl FnMut() -> i128) -> [u32; CELLS] {
        let mut counts = [0; CELLS];
        (0..DRAWS).for_each(|_| counts[cell(value())] += 1);
        counts
    }

    #[test]
    fn noise_has_the_probabilities_of_the_formula() {
        for (seed, (above, below)) in
            [(1, 1), (2, 1), (4, 1), (5, 2), (7, 3), (2000, 700)].into_iter().enumerate()
        {
            let mut random = seeded(seed as u64);
            let scale = Scale::new(above, below).unwrap();
            let counts = counted(|| scale.draw(&mut random).unwrap());
            let found = chi_square(&counts, &exact(above as f64 / below as f64));
            assert!(found < CRITICAL, "{above}/{below}: {found}, {counts:?}");
        }
    }

    /// The test finds what is only nearly right: another scale, zero twice as often, and noise that was rounded.
    #[test]
    fn noise_that_is_nearly_right_is_found_out() {
        let exact = exact(2.0);
        let mut random = seeded(9);
        let other = Scale::new(205, 100).unwrap();
        let counts = counted(|| other.draw(&mut random).unwrap());
        assert!(chi_square(&counts, &exact) > CRITICAL);
        let scale = Scale::new(2, 1).unwrap();
        let mut shifted = || scale.draw(&mut random).unwrap();
        let counts = counted(|| match shifted() {
            1 => 0,
            other => other,
        });
        assert!(chi_square(&counts, &exact) > CRITICAL);
        let mut uniform = seeded(3);
        let counts = counted(|| {
            let unit = (uniform().unwrap() >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
            let laplace = -2.0 * unit.signum() * (1.0 - 2.0 * unit.abs()).ln();
            laplace.round() as i128
        });
        assert!(chi_square(&counts, &exact) > CRITICAL, "continuous noise, rounded");
    }

    #[test]
    fn coins_have_their_probabilities() {
        for (a, b) in [(0, 5), (1, 3), (2, 3), (1, 1)] {
            let mut random = seeded(7);
            let exp =
                (0..DRAWS).filter(|_| coin_exp(a, b, &mut random).unwrap()).count() as f64 / DRAWS as f64;
            let expected = (-(a as f64) / b as f64).exp();
            // Five standard deviations of the most uncertain coin.
            assert!((exp - expected).abs() < 5.0 * 0.5 / (DRAWS as f64).sqrt(), "{a}/{b}: {exp}, {expected}");
        }
    }

    #[test]
    fn numbers_below_any_count_are_even() {
        let mut random = seeded(1);
        for count in [1_u128, 2, 3, 5, 1 << 64, (1 << 64) + 1, 1 << 110] {
            let drawn: Vec<u128> = (0..1000).map(|_| even(count, &mut random).unwrap()).collect();
            assert!(drawn.iter().all(|drawn| *drawn < count), "{count}");
            if count > 1 {
                let above = drawn.iter().filter(|drawn| **drawn >= count / 2).count();
                assert!((400..=720).contains(&above), "{count}: {above}");
            }
        }
    }

    #[test]
    fn scales_are_fractions_within_limits() {
        assert_eq!(Scale::new(4, 2), Scale::new(2, 1));
        assert_eq!(Scale::new(0, 7), Scale::new(0, 1));
        for (above, below) in [(1, 0), (0, 0), (MOST + 1, 1), (u128::MAX, 1)] {
            assert_eq!(Scale::new(above, below), None);
        }
        let mut random = seeded(1);
        assert_eq!(Scale::new(0, 1).unwrap().draw(&mut random), Ok(0));
        let large = Scale::new(MOST, 1).unwrap().draw(&mut random).unwrap();
        assert!(large.unsigned_abs() > 1 << 90, "{large}");
        let mut none = || Err(NoDraw);
        assert_eq!(Scale::new(1, 1).unwrap().draw(&mut none), Err(NoDraw));
    }
}
