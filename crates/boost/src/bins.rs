//! Rows as the numbers of bins.
//!
//! Rows lie one behind the other, since a histogram adds up all features of one row after the other. Where most values are
//! missing, only those that are there are kept. Which of the two it is changes no sum.

use crate::cuts::{Counts, Cuts};
use crate::data::{Column, Features, Kind, category};
use crate::workers::{Workers, each, each_piece, piece_size};
use std::sync::Arc;

/// With fewer than one value in four, five bytes for one that is there are less to read than one for each.
const SPARSE: usize = 4;

/// Rows that one job turns into bins at least.
const LEAST_ROWS: usize = 4096;

/// How the values of all features are cut, and where their bins are in a histogram.
#[derive(Debug)]
pub(crate) struct Axes {
    pub(crate) cuts: Vec<Cuts>,
    /// Where each feature's bins begin in a histogram, and at the end how many there are. A feature has a bin behind its
    /// cuts for what is missing; where rows are bytes, all features have as many.
    pub(crate) offsets: Vec<usize>,
}

impl Axes {
    /// Each feature has `bins` of its cuts; when there are more than `in_all` of them, as hostile categories can bring
    /// about, says how many.
    fn new(cuts: Vec<Cuts>, bins: impl Fn(&Cuts) -> usize, in_all: usize) -> Result<Self, usize> {
        let mut offsets = vec![0];
        offsets.extend(cuts.iter().scan(0, |end, cuts| {
            *end += bins(cuts);
            Some(*end)
        }));
        match offsets.last().filter(|bins| **bins > in_all) {
            Some(bins) => Err(*bins),
            None => Ok(Self { cuts, offsets }),
        }
    }

    /// For histograms of rows that are elsewhere, however they lie there.
    pub(crate) fn of(cuts: Vec<Cuts>, in_all: usize) -> Result<Self, usize> {
        Self::new(cuts, |cuts| cuts.count() + 1, in_all)
    }

    /// How many features there are.
    pub(crate) fn features(&self) -> usize {
        self.cuts.len()
    }

    /// How many bins a histogram has.
    pub(crate) fn total(&self) -> usize {
        self.offsets.last().copied().unwrap_or_default()
    }

    /// The bin of a feature out of the bins of a row that lie sparsely; that behind the last of its cuts where it is
    /// missing.
    pub(crate) fn sparse_bin(&self, row: &[u32], feature: usize) -> usize {
        let (start, end) = (self.offsets[feature], self.offsets[feature + 1]);
        let first = row.partition_point(|bin| (*bin as usize) < start);
        let found = row.get(first).map(|bin| *bin as usize).filter(|bin| *bin < end);
        found.map_or(self.cuts[feature].count(), |bin| bin - start)
    }
}

/// All rows as numbers of bins.
#[derive(Debug)]
pub(crate) struct Bins {
    pub(crate) axes: Arc<Axes>,
    pub(crate) cells: Cells,
}

/// How bins lie in memory.
#[derive(Debug)]
pub(crate) enum Cells {
    /// One byte a cell, of which no feature uses more than [`FEW`] numbers.
    Few(Table<u8>),
    /// One byte a cell.
    Narrow(Table<u8>),
    /// Two bytes a cell.
    Wide(Table<u16>),
    /// Of each row, the bins of a histogram that it is in.
    Sparse {
        starts: Vec<usize>,
        bins: Vec<u32>,
        /// Feature after feature all cells as bytes, for rows to be parted by; empty where that would be far more memory.
        columns: Vec<u8>,
    },
}

/// The same cells twice: histograms are made row by row, rows are parted by one feature.
#[derive(Debug)]
pub(crate) struct Table<T> {
    /// Row after row.
    pub(crate) rows: Vec<T>,
    /// Feature after feature.
    pub(crate) columns: Vec<T>,
}

/// The numbers of a byte, and of the half of one.
pub(crate) const NARROW: usize = 256;
pub(crate) const FEW: usize = 16;

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
        Self::by(features, cuts.into_iter().flatten().collect(), in_all, workers)
    }

    /// The same by cuts that are known, one for each feature.
    pub(crate) fn by(
        features: &Features,
        cuts: Vec<Cuts>,
        in_all: usize,
        workers: &dyn Workers,
    ) -> Result<Self, usize> {
        let layout = Layout::of(features, &cuts);
        let axes = Axes::new(cuts, |cuts| layout.bins(cuts), in_all)?;
        let cuts = &axes.cuts;
        #[expect(clippy::cast_possible_truncation, reason = "the layout is that of the largest number")]
        let cells = match layout {
            Layout::Few => Cells::Few(table(features, cuts, workers, |bin| bin as u8)),
            Layout::Narrow => Cells::Narrow(table(features, cuts, workers, |bin| bin as u8)),
            Layout::Wide => Cells::Wide(table(features, cuts, workers, |bin| bin as u16)),
            Layout::Sparse => sparse(features, cuts, &axes.offsets, workers),
        };
        Ok(Self { axes: Arc::new(axes), cells })
    }

    /// The bin of a feature in a row; that behind the last of its cuts where it is missing.
    pub(crate) fn bin(&self, row: usize, feature: usize) -> usize {
        let at = row * self.axes.features() + feature;
        match &self.cells {
            Cells::Few(table) | Cells::Narrow(table) => usize::from(table.rows[at]),
            Cells::Wide(table) => usize::from(table.rows[at]),
            Cells::Sparse { starts, bins, .. } => {
                self.axes.sparse_bin(&bins[starts[row]..starts[row + 1]], feature)
            }
        }
    }
}

/// Which of the ways to lay rows out fits them.
#[derive(Debug, Clone, Copy)]
enum Layout {
    Few,
    Narrow,
    Wide,
    Sparse,
}

impl Layout {
    fn of(features: &Features, cuts: &[Cuts]) -> Self {
        let columns = features.columns();
        let values = |column: &Column| match column {
            Column::Dense(values) | Column::Sparse { values, .. } => values.len(),
        };
        let present: usize = columns.iter().map(values).sum();
        if present < features.rows() * cuts.len() / SPARSE {
            return Self::Sparse;
        }
        // Values that are missing have the number behind the last; where none is, that number need not fit.
        let numbers = |(column, cuts): (&Column, &Cuts)| {
            cuts.count() + usize::from(column.present().count() < features.rows())
        };
        match columns.iter().zip(cuts).map(numbers).max() {
            Some(most) if most <= FEW => Self::Few,
            Some(most) if most > NARROW => Self::Wide,
            _ => Self::Narrow,
        }
    }

    /// How many bins of a histogram a feature has.
    fn bins(self, cuts: &Cuts) -> usize {
        match self {
            Self::Few => FEW,
            Self::Narrow => NARROW,
            Self::Wide | Self::Sparse => cuts.count() + 1,
        }
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

/// All cells, feature after feature.
fn columns<T: Copy + Default + Send + Sync>(
    features: &Features,
    cuts: &[Cuts],
    workers: &dyn Workers,
    narrow: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let (height, width) = (features.rows(), cuts.len());
    let mut columns = vec![T::default(); height * width];
    each_piece(workers, &mut columns, height, |first, cells| {
        let feature = first / height.max(1);
        let cuts = &cuts[feature];
        match &features.columns()[feature] {
            Column::Dense(values) => {
                let bin = |value: f32| if value.is_nan() { cuts.count() } else { cuts.bin(value) };
                cells.iter_mut().zip(values).for_each(|(cell, value)| *cell = narrow(bin(*value)));
            }
            Column::Sparse { rows, values } => {
                cells.fill(narrow(cuts.count()));
                rows.iter()
                    .zip(values)
                    .for_each(|(row, value)| cells[*row as usize] = narrow(cuts.bin(*value)));
            }
        }
    });
    columns
}

fn table<T: Copy + Default + Send + Sync>(
    features: &Features,
    cuts: &[Cuts],
    workers: &dyn Workers,
    narrow: impl Fn(usize) -> T + Sync,
) -> Table<T> {
    let (height, width) = (features.rows(), cuts.len());
    let columns = columns(features, cuts, workers, narrow);

    let mut rows = vec![T::default(); height * width];
    let size = piece_size(workers, height, LEAST_ROWS, 4);
    each_piece(workers, &mut rows, size * width, |first, cells| {
        let first = first / width.max(1);
        // So many rows at once that all of their cells are in the nearest cache while they are turned.
        for (block, cells) in cells.chunks_mut(TURNED * width).enumerate() {
            let first = first + block * TURNED;
            for (feature, column) in columns.chunks(height).enumerate() {
                let cells = cells.iter_mut().skip(feature).step_by(width);
                cells.zip(&column[first..]).for_each(|(cell, bin)| *cell = *bin);
            }
        }
    });
    Table { rows, columns }
}

/// Rows that are turned at once.
const TURNED: usize = 256;

/// With a value in twenty cells or more, bytes for all cells are no more than four times what the values take, and finding a
/// row's bin among them is several times faster.
const COLUMNS: usize = 20;

fn sparse(features: &Features, cuts: &[Cuts], offsets: &[usize], workers: &dyn Workers) -> Cells {
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
    let narrow = cuts.iter().all(|cuts| cuts.count() < NARROW);
    let columns = if narrow && features.rows() * cuts.len() / COLUMNS <= bins.len() {
        #[expect(clippy::cast_possible_truncation, reason = "all numbers were looked at")]
        columns(features, cuts, workers, |bin| bin as u8)
    } else {
        Vec::new()
    };
    Cells::Sparse { starts, bins, columns }
}
