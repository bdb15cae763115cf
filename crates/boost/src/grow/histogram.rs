//! Sums of gradients, bin by bin.

use crate::bins::{Bins, Cells};
use crate::fixed::{Pair, Sums};
use crate::workers::{Workers, each, piece_size};

/// One sum for each bin of each feature. For rows that lie sparsely the bins of missing values stay empty: what is missing
/// is the node's sum without that of the feature's other bins, for both kinds of rows.
#[derive(Debug)]
pub(crate) struct Histogram {
    bins: Vec<Sums>,
}

/// Fewer rows are not worth a worker's own histogram, which must be cleared and added up.
const LEAST_ROWS: usize = 8192;

impl Histogram {
    pub(crate) fn new(bins: &Bins) -> Self {
        Self { bins: vec![Sums::default(); bins.total()] }
    }

    /// How much memory one takes.
    pub(crate) fn bytes(bins: &Bins) -> usize {
        (bins.total() * size_of::<Sums>()).max(1)
    }

    /// The bins of a feature that are not for missing values.
    pub(crate) fn of(&self, bins: &Bins, feature: usize) -> &[Sums] {
        &self.bins[bins.offsets[feature]..bins.offsets[feature + 1] - 1]
    }

    /// Takes the place of what was there, and gives the sum of all rows.
    pub(crate) fn fill(&mut self, workers: &dyn Workers, bins: &Bins, pairs: &[Pair], rows: &[u32]) -> Sums {
        let size = piece_size(workers, rows.len(), LEAST_ROWS, 1);
        let mut pieces = rows.chunks(size);
        let first = pieces.next().unwrap_or_default();
        let rest = pieces.map(|rows| (rows, Self::new(bins)));
        let own = std::mem::take(&mut self.bins);
        let mut parts = vec![(first, Self { bins: own }, Sums::default())];
        parts.extend(rest.map(|(rows, part)| (rows, part, Sums::default())));
        each(workers, &mut parts, |_, (rows, part, sums)| {
            part.bins.fill(Sums::default());
            *sums = part.add(bins, pairs, rows);
        });
        let mut parts = parts.into_iter();
        let mut total = Sums::default();
        for (_, part, sums) in parts.by_ref().take(1) {
            (self.bins, total) = (part.bins, sums);
        }
        for (_, part, sums) in parts {
            self.bins.iter_mut().zip(&part.bins).for_each(|(own, other)| *own += *other);
            total += sums;
        }
        total
    }

    /// What is left of it without another.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.bins.iter_mut().zip(&other.bins).for_each(|(own, other)| *own -= *other);
    }

    fn add(&mut self, bins: &Bins, pairs: &[Pair], rows: &[u32]) -> Sums {
        match &bins.cells {
            Cells::Narrow(cells) => self.dense(bins, cells, pairs, rows),
            Cells::Wide(cells) => self.dense(bins, cells, pairs, rows),
            Cells::Sparse { starts, bins } => {
                let mut sums = Sums::default();
                for row in rows {
                    let row = *row as usize;
                    let pair = pairs[row];
                    sums += pair;
                    bins[starts[row]..starts[row + 1]]
                        .iter()
                        .for_each(|bin| self.bins[*bin as usize] += pair);
                }
                sums
            }
        }
    }

    fn dense<T: Copy + Into<u32>>(&mut self, bins: &Bins, cells: &[T], pairs: &[Pair], rows: &[u32]) -> Sums {
        let width = bins.features();
        let offsets = &bins.offsets[..width];
        let mut sums = Sums::default();
        for row in rows {
            let row = *row as usize;
            let pair = pairs[row];
            sums += pair;
            let cells = &cells[row * width..(row + 1) * width];
            for (offset, bin) in offsets.iter().zip(cells) {
                let bin: u32 = (*bin).into();
                self.bins[offset + bin as usize] += pair;
            }
        }
        sums
    }
}
