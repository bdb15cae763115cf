//! Rows as the numbers of bins.
//!
//! Rows lie one behind the other, since a histogram adds up all features of one row after the other. Where most values are
//! missing, only those that are there are kept. Which of the two it is changes no sum.

use crate::cuts::{Counts, Cuts};
use crate::data::{Column, Features, Kind, category};
use crate::workers::{Workers, each, each_piece, piece_size};

/// With fewer than one value in four, five bytes for one that is there are less to read than one for each.
const SPARSE: usize = 4;

/// Rows that one job turns into bins at least.
const LEAST_ROWS: usize = 4096;

/// All rows, and how their values were cut.
#[derive(Debug)]
pub(crate) struct Bins {
    pub(crate) cuts: Vec<Cuts>,
    /// Where each feature's bins begin in a histogram, and at the end how many there are. A feature has one bin more than
    /// its cuts, for what is missing.
    pub(crate) offsets: Vec<usize>,
    pub(crate) cells: Cells,
}

/// How bins lie in memory.
#[derive(Debug)]
pub(crate) enum Cells {
    /// One byte a cell.
    Narrow(Vec<u8>),
    /// Two bytes a cell.
    Wide(Vec<u16>),
    /// Of each row, the bins of a histogram that it is in.
    Sparse { starts: Vec<usize>, bins: Vec<u32> },
}

impl Bins {
    /// Cuts features into at most `most` bins each, that of missing values included. When there are more than `in_all` of
    /// them, as hostile categories can bring about, says how many and takes no memory for them.
    pub(crate) fn of(
        features: &Features,
        most: usize,
        in_all: usize,
        workers: &dyn Workers,
    ) -> Result<Self, usize> {
        let mut cuts: Vec<Option<Cuts>> = vec![None; features.count()];
        each(workers, &mut cuts, |index, slot| *slot = Some(cut(features, index, most)));
        let cuts: Vec<Cuts> = cuts.into_iter().flatten().collect();
        let mut offsets = vec![0];
        offsets.extend(cuts.iter().scan(0, |end, cuts| {
            *end += cuts.count() + 1;
            Some(*end)
        }));
        if let Some(bins) = offsets.last().filter(|bins| **bins > in_all) {
            return Err(*bins);
        }
        let cells = cells(features, &cuts, &offsets, workers);
        Ok(Self { cuts, offsets, cells })
    }

    /// How many features there are.
    pub(crate) fn features(&self) -> usize {
        self.cuts.len()
    }

    /// How many bins a histogram has.
    pub(crate) fn total(&self) -> usize {
        self.offsets.last().copied().unwrap_or_default()
    }

    /// The bin of a feature in a row, nothing where it is missing.
    pub(crate) fn bin(&self, row: usize, feature: usize) -> Option<usize> {
        let missing = self.cuts[feature].count();
        let at = row * self.features() + feature;
        let bin = match &self.cells {
            Cells::Narrow(cells) => usize::from(cells[at]),
            Cells::Wide(cells) => usize::from(cells[at]),
            Cells::Sparse { starts, bins } => {
                let row = &bins[starts[row]..starts[row + 1]];
                let first = row.partition_point(|bin| (*bin as usize) < self.offsets[feature]);
                let found =
                    row.get(first).map(|bin| *bin as usize).filter(|bin| *bin < self.offsets[feature + 1]);
                found.map_or(missing, |bin| bin - self.offsets[feature])
            }
        };
        (bin < missing).then_some(bin)
    }
}

fn cut(features: &Features, index: usize, most: usize) -> Cuts {
    let column = &features.columns()[index];
    match features.kinds()[index] {
        Kind::Category => Cuts::categories(column.present().filter_map(|(_, value)| category(value)).max()),
        Kind::Number => {
            let counts = Counts::of(column);
            let present = column.present().count();
            // A byte holds 256 numbers: where values are missing, that takes one of them.
            let bins = if present < features.rows() { most.saturating_sub(1) } else { most };
            Cuts::of(&counts, bins.max(2))
        }
    }
}

fn cells(features: &Features, cuts: &[Cuts], offsets: &[usize], workers: &dyn Workers) -> Cells {
    let width = cuts.len();
    let all = features.rows() * width;
    let present: usize = features
        .columns()
        .iter()
        .map(|column| match column {
            Column::Dense(values) => values.len(),
            Column::Sparse { values, .. } => values.len(),
        })
        .sum();
    if present < all / SPARSE {
        return sparse(features, cuts, offsets);
    }
    // Values that are missing have the number behind the last; where none is, that number need not fit.
    let numbers = |index: usize| {
        let missing = features.columns()[index].present().count() < features.rows();
        cuts[index].count() + usize::from(missing)
    };
    if (0..width).all(|index| numbers(index) <= 1 << 8) {
        #[expect(clippy::cast_possible_truncation, reason = "no feature has more than 256 numbers")]
        Cells::Narrow(dense(features, cuts, workers, |bin| bin as u8))
    } else {
        #[expect(clippy::cast_possible_truncation, reason = "categories and max_bin end below 65,535")]
        Cells::Wide(dense(features, cuts, workers, |bin| bin as u16))
    }
}

fn dense<T: Copy + Default + Send>(
    features: &Features,
    cuts: &[Cuts],
    workers: &dyn Workers,
    narrow: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let width = cuts.len();
    let mut cells = vec![T::default(); features.rows() * width];
    let rows = piece_size(workers, features.rows(), LEAST_ROWS, 4);
    each_piece(workers, &mut cells, rows * width, |first, cells| {
        let first = first / width.max(1);
        let rows = cells.len() / width.max(1);
        for (feature, (column, cuts)) in features.columns().iter().zip(cuts).enumerate() {
            let cells = cells.iter_mut().skip(feature).step_by(width);
            match column {
                Column::Dense(values) => {
                    let bin = |value: f32| if value.is_nan() { cuts.count() } else { cuts.bin(value) };
                    cells.zip(&values[first..]).for_each(|(cell, value)| *cell = narrow(bin(*value)));
                }
                Column::Sparse { rows: places, values } => {
                    let mut bins = vec![cuts.count(); rows];
                    let from = places.partition_point(|place| (*place as usize) < first);
                    let own = places[from..].iter().zip(&values[from..]);
                    for (place, value) in own.take_while(|(place, _)| (**place as usize) < first + rows) {
                        bins[*place as usize - first] = cuts.bin(*value);
                    }
                    cells.zip(bins).for_each(|(cell, bin)| *cell = narrow(bin));
                }
            }
        }
    });
    cells
}

fn sparse(features: &Features, cuts: &[Cuts], offsets: &[usize]) -> Cells {
    let mut starts = vec![0_usize; features.rows() + 1];
    for column in features.columns() {
        column.present().for_each(|(row, _)| starts[row + 1] += 1);
    }
    for row in 0..features.rows() {
        starts[row + 1] += starts[row];
    }
    let mut bins = vec![0_u32; starts[features.rows()]];
    let mut ends = starts.clone();
    for (feature, column) in features.columns().iter().enumerate() {
        for (row, value) in column.present() {
            #[expect(clippy::cast_possible_truncation, reason = "2^20 features of 2^16 bins would be needed")]
            let bin = (offsets[feature] + cuts[feature].bin(value)) as u32;
            bins[ends[row]] = bin;
            ends[row] += 1;
        }
    }
    Cells::Sparse { starts, bins }
}
