//! Rows in, noisy sums out.

use crate::noise::{NoDraw, Random, Scale};
use std::collections::BTreeMap;

/// What a value is clamped to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The least.
    pub low: i64,
    /// The most; not below the least.
    pub high: i64,
}

/// What is summed up in each group; columns are those of the tally's bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Rows.
    Rows,
    /// Rows that have a value in the column.
    Present(usize),
    /// Clamped values.
    Sum(usize),
    /// Clamped values, each doubled and less the sum of its bounds: what an average is made of moves least around their middle.
    Centred(usize),
}

/// Somebody, told apart from others by 128 bits of a hash.
pub type Person = [u8; 16];

/// The part of epsilon that a measure has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Thousandths, for all measures together.
    pub epsilon_milli: u64,
    /// How many measures share them, in all tallies that are let out together.
    pub measures: u64,
}

/// Bounds so wide, or an epsilon so small, that no noise of this crate hides a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bounds are too wide for so small an epsilon")]
pub struct Wide;

/// Sums in the making.
#[derive(Debug)]
pub struct Tally {
    bounds: Vec<Bound>,
    measures: Vec<Measure>,
    scales: Vec<Scale>,
    /// Rows of one person that count.
    most: u64,
    counted: BTreeMap<Person, u64>,
    /// A row of measures for each group.
    sums: Vec<i128>,
}

/// What was let out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    width: usize,
    sums: Vec<i128>,
}

impl Tally {
    /// A tally over this many groups, of which a person has at most `most` rows in all.
    ///
    /// # Errors
    /// Where the noise would be larger than is drawn here.
    pub fn new(
        groups: usize,
        bounds: Vec<Bound>,
        measures: Vec<Measure>,
        most: u64,
        share: Share,
    ) -> Result<Self, Wide> {
        let scale = |measure: &Measure| {
            let parts = u128::from(share.measures).checked_mul(1000)?;
            let above = measure.sensitivity(&bounds, most).checked_mul(parts)?;
            Scale::new(above, u128::from(share.epsilon_milli))
        };
        let scales = measures.iter().map(scale).collect::<Option<_>>().ok_or(Wide)?;
        let sums = vec![0; groups * measures.len()];
        Ok(Self { bounds, measures, scales, most, counted: BTreeMap::new(), sums })
    }

    /// May one more row of this person count? It does then.
    pub fn admits(&mut self, person: Person) -> bool {
        let counted = self.counted.entry(person).or_default();
        let admits = *counted < self.most;
        *counted += u64::from(admits);
        admits
    }

    /// Adds a row to a group, with a value for each bound, if there is one.
    ///
    /// # Panics
    /// Where there is no such group, or a value is missing.
    pub fn add(&mut self, group: usize, values: &[Option<i128>]) {
        let width = self.measures.len();
        let sums = &mut self.sums[group * width..][..width];
        for (sum, measure) in sums.iter_mut().zip(&self.measures) {
            *sum = sum.saturating_add(measure.of(&self.bounds, values));
        }
    }

    /// The sums with their noise.
    ///
    /// # Errors
    /// Where there are no random numbers.
    pub fn release(self, random: &mut Random<'_>) -> Result<Released, NoDraw> {
        let (width, mut sums) = (self.measures.len(), self.sums);
        for row in sums.chunks_mut(width.max(1)) {
            for (sum, scale) in row.iter_mut().zip(&self.scales) {
                *sum = sum.saturating_add(scale.draw(random)?);
            }
        }
        Ok(Released { width, sums })
    }
}

impl Released {
    /// The noisy sum of a measure in a group.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn sum(&self, group: usize, measure: usize) -> i128 {
        self.sums[group * self.width..][..self.width][measure]
    }
}

impl Bound {
    fn clamp(self, value: i128) -> i128 {
        value.clamp(i128::from(self.low), i128::from(self.high))
    }
}

impl Measure {
    /// What a row adds.
    fn of(self, bounds: &[Bound], values: &[Option<i128>]) -> i128 {
        match self {
            Self::Rows => 1,
            Self::Present(column) => i128::from(values[column].is_some()),
            Self::Sum(column) => values[column].map_or(0, |value| bounds[column].clamp(value)),
            Self::Centred(column) => values[column].map_or(0, |value| {
                let bound = bounds[column];
                2 * bound.clamp(value) - i128::from(bound.low) - i128::from(bound.high)
            }),
        }
    }

    /// How far all rows of a person move the sums of all groups together, at most.
    fn sensitivity(self, bounds: &[Bound], most: u64) -> u128 {
        let row = match self {
            Self::Rows | Self::Present(_) => 1,
            Self::Sum(column) => {
                let Bound { low, high } = bounds[column];
                u128::from(low.unsigned_abs().max(high.unsigned_abs()))
            }
            Self::Centred(column) => {
                let Bound { low, high } = bounds[column];
                i128::from(high).abs_diff(i128::from(low))
            }
        };
        // 64 bits times 64 bits.
        row * u128::from(most)
    }
}

/// What an average is taken over at most, so that its products have 126 bits.
const MOST_ROWS: i128 = 1 << 60;

/// The average behind two noisy sums, within its bounds, in units of 10^-`digits` of the bounds'. It tells no more than the sums do.
#[must_use]
pub fn average(bound: Bound, centred: i128, present: i128, digits: u32) -> i128 {
    let (low, high) = (i128::from(bound.low), i128::from(bound.high));
    let rows = present.clamp(1, MOST_ROWS);
    let centred = centred.clamp((low - high) * rows, (high - low) * rows);
    let doubled = (low + high) * rows + centred;
    let (whole, rest) = (doubled / (2 * rows), doubled % (2 * rows));
    let units = 10_i128.pow(digits.min(18));
    whole.saturating_mul(units).saturating_add(rest * units / (2 * rows))
}
