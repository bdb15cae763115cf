//! Sums of gradients, bin by bin.

use crate::bins::{Axes, Bins, Cells, FEW, NARROW, Table};
use crate::fixed::{Pair, Sums};
use crate::workers::{Workers, each, each_piece, piece_size};

/// One sum for each bin of each feature. For rows that lie sparsely the bins of missing values stay empty: what is missing
/// is the node's sum without that of the feature's other bins, for both kinds of rows.
#[derive(Debug)]
pub(crate) struct Histogram {
    bins: Vec<Sums>,
}

/// Fewer rows are not worth a worker's own histogram, which must be cleared and added up.
const LEAST_ROWS: usize = 8192;

/// Fewer bins are added up by one worker.
const LEAST_BINS: usize = 1 << 15;

/// With so many features workers share these and not the rows: a histogram of a worker's own takes longer to clear and to add up then
/// than most nodes' rows do.
const WIDE: usize = 128;

/// Features that a job takes at least: as many cells of a row as lie in one line of a cache.
const LEAST_FEATURES: usize = 64;

impl Histogram {
    pub(crate) fn new(axes: &Axes) -> Self {
        Self { bins: vec![Sums::default(); axes.total()] }
    }

    /// How much memory one takes.
    pub(crate) fn bytes(axes: &Axes) -> usize {
        (axes.total() * size_of::<Sums>()).max(1)
    }

    /// The bins of a feature that are not for missing values.
    pub(crate) fn of(&self, axes: &Axes, feature: usize) -> &[Sums] {
        &self.bins[axes.offsets[feature]..][..axes.cuts[feature].count()]
    }

    /// The same, to be written.
    pub(crate) fn of_mut(&mut self, axes: &Axes, feature: usize) -> &mut [Sums] {
        &mut self.bins[axes.offsets[feature]..][..axes.cuts[feature].count()]
    }

    /// Takes the place of what was there, and gives the sum of all rows.
    pub(crate) fn fill(&mut self, workers: &dyn Workers, bins: &Bins, pairs: &[Pair], rows: &[u32]) -> Sums {
        let width = bins.axes.features();
        let shared = workers.count() > 1 && width >= WIDE;
        match &bins.cells {
            Cells::Few(table) if shared => self.fill_features::<FEW>(workers, table, width, pairs, rows),
            Cells::Narrow(table) if shared => {
                self.fill_features::<NARROW>(workers, table, width, pairs, rows)
            }
            _ => self.fill_rows(workers, bins, pairs, rows),
        }
    }

    /// Each job adds all rows to some features.
    fn fill_features<const BINS: usize>(
        &mut self,
        workers: &dyn Workers,
        table: &Table<u8>,
        width: usize,
        pairs: &[Pair],
        rows: &[u32],
    ) -> Sums {
        let size = piece_size(workers, width, LEAST_FEATURES, 1).next_multiple_of(TOGETHER);
        let (features, _) = self.bins.as_chunks_mut::<BINS>();
        let mut parts: Vec<_> = features.chunks_mut(size).map(|part| (part, Sums::default())).collect();
        each(workers, &mut parts, |index, (part, sums)| {
            part.fill([Sums::default(); BINS]);
            let mut block = Block::default();
            for rows in rows.chunks(BLOCK) {
                *sums += block.gather(pairs, rows);
                block.add_bytes(part, &table.rows[index * size..], width);
            }
        });
        // Each has seen all rows.
        parts.first().map(|(_, sums)| *sums).unwrap_or_default()
    }

    /// Each job adds some rows to a histogram of its own.
    fn fill_rows(&mut self, workers: &dyn Workers, bins: &Bins, pairs: &[Pair], rows: &[u32]) -> Sums {
        let size = piece_size(workers, rows.len(), LEAST_ROWS, 1);
        let mut pieces = rows.chunks(size);
        let first = pieces.next().unwrap_or_default();
        let rest = pieces.map(|rows| (rows, Self::new(&bins.axes)));
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
        let others = parts.map(|(_, part, sums)| {
            total += sums;
            part
        });
        let others: Vec<Self> = others.collect();
        if !others.is_empty() {
            let size = piece_size(workers, self.bins.len(), LEAST_BINS, 1);
            each_piece(workers, &mut self.bins, size, |first, own| {
                for other in &others {
                    own.iter_mut().zip(&other.bins[first..]).for_each(|(own, other)| *own += *other);
                }
            });
        }
        total
    }

    /// What is left of it without another.
    pub(crate) fn subtract(&mut self, workers: &dyn Workers, other: &Self) {
        let size = piece_size(workers, self.bins.len(), LEAST_BINS, 1);
        each_piece(workers, &mut self.bins, size, |first, own| {
            own.iter_mut().zip(&other.bins[first..]).for_each(|(own, other)| *own -= *other);
        });
    }

    fn add(&mut self, bins: &Bins, pairs: &[Pair], rows: &[u32]) -> Sums {
        let width = bins.axes.features();
        let mut block = Block::default();
        let mut sums = Sums::default();
        for rows in rows.chunks(BLOCK) {
            sums += block.gather(pairs, rows);
            match &bins.cells {
                Cells::Few(table) => {
                    block.touch(table, width);
                    block.add_bytes::<FEW>(self.bins.as_chunks_mut().0, &table.rows, width);
                }
                Cells::Narrow(table) => {
                    block.touch(table, width);
                    block.add_bytes::<NARROW>(self.bins.as_chunks_mut().0, &table.rows, width);
                }
                Cells::Wide(table) => {
                    block.add_wide(&mut self.bins, &bins.axes.offsets[..width], &table.rows)
                }
                Cells::Sparse { starts, bins, .. } => block.add_sparse(&mut self.bins, starts, bins),
            }
        }
        sums
    }
}

/// Rows that are added together. Their gradients are 16 KiB.
const BLOCK: usize = 1024;

/// Features that are added together: with 256 bins their part of the histogram is 16 KiB, and stays in the nearest cache
/// beside the block.
const TOGETHER: usize = 4;

/// Some rows, with what they add.
#[derive(Default)]
struct Block {
    rows: Vec<(usize, Sums)>,
}

impl Block {
    /// Takes rows with their gradients, and gives their sum. Doing so apart from what follows lets the processor wait for
    /// many rows at once.
    fn gather(&mut self, pairs: &[Pair], rows: &[u32]) -> Sums {
        let mut all = Sums::default();
        self.rows.clear();
        self.rows.extend(rows.iter().map(|row| {
            let row = *row as usize;
            let mut sums = Sums::default();
            sums += pairs[row];
            all += sums;
            (row, sums)
        }));
        all
    }

    /// Looks at the first and the last cell of each row, for the same reason.
    fn touch(&self, table: &Table<u8>, width: usize) {
        let seen = self
            .rows
            .iter()
            .fold(0, |seen, (row, _)| seen ^ table.rows[row * width] ^ table.rows[row * width + width - 1]);
        std::hint::black_box(seen);
    }

    /// Adds rows of bytes to a histogram that has `BINS` bins for each feature.
    fn add_bytes<const BINS: usize>(&self, bins: &mut [[Sums; BINS]], cells: &[u8], width: usize) {
        let (together, rest) = bins.as_chunks_mut::<TOGETHER>();
        for (group, bins) in together.iter_mut().enumerate() {
            for (row, sums) in &self.rows {
                let at = row * width + group * TOGETHER;
                let Some((cells, _)) = cells[at..].split_first_chunk::<TOGETHER>() else { return };
                for (bins, cell) in bins.iter_mut().zip(cells) {
                    // The remainder changes nothing, and tells the compiler that the bin is there.
                    bins[usize::from(*cell) % BINS] += *sums;
                }
            }
        }
        let done = together.len() * TOGETHER;
        for (feature, bins) in rest.iter_mut().enumerate() {
            for (row, sums) in &self.rows {
                bins[usize::from(cells[row * width + done + feature]) % BINS] += *sums;
            }
        }
    }

    fn add_wide(&self, bins: &mut [Sums], offsets: &[usize], cells: &[u16]) {
        let width = offsets.len();
        for (row, sums) in &self.rows {
            let cells = &cells[row * width..(row + 1) * width];
            offsets.iter().zip(cells).for_each(|(offset, cell)| bins[offset + usize::from(*cell)] += *sums);
        }
    }

    fn add_sparse(&self, bins: &mut [Sums], starts: &[usize], cells: &[u32]) {
        for (row, sums) in &self.rows {
            cells[starts[*row]..starts[row + 1]].iter().for_each(|bin| bins[*bin as usize] += *sums);
        }
    }
}
