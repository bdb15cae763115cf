//! One feature: its rows in the order of its bins, and the histograms of a level's nodes.
//!
//! 1. Rows are dealt to tiles of eight sequences. To each sequence so many empty rows are added that, sorted by bins, every bin
//!    begins at a multiple of the length of a chunk, and has a chunk at least. A network sorts them, and keeps the way
//!    ([`Order`]).
//! 2. A tree's gradients go that way once, and after each level one bit a row: to which side it went.
//! 3. For each node all rows are gone through; a mask decides whether a row's gradients count. Sums from the first row on
//!    are written down at the end of each chunk. The last chunk of a bin lies at another place in each sequence: those go
//!    to the front the way that was found once ([`Gather`]), and what differs between neighbours is the sum of a bin.
//! 4. Only left children are gone through; the right one has what is left of their parent.
//!
//! What that costs hangs on rows, features, bins and nodes. *Rejected:* going through all bins for each row, which for 256 bins is twenty
//! times as much; sorting by node and bin for each level, which is as much as the sort that is kept here, six times a tree.

use super::cuts::{self, Cuts};
use super::lanes::{Cell, Gather, LANES, Order};
use crate::fixed::Sums;

/// Groups of eight rows in a tile, at most: a tile's numbers stay near the second cache, and sums of halves fit 32 bits. What is done for
/// each chunk is done for half as many with tiles twice as large.
const TILE: usize = 16384;

/// How rows are dealt out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deal {
    /// Groups of eight rows in each tile.
    pub(super) groups: usize,
    pub(super) tiles: usize,
    pub(super) bins: usize,
    /// Groups between two places where a bin may begin.
    pub(super) chunk: usize,
}

impl Deal {
    pub(super) fn of(rows: usize, bins: usize) -> Self {
        let groups = rows.div_ceil(LANES);
        let tiles = groups.div_ceil(TILE).max(1);
        let groups = groups.div_ceil(tiles);
        // Empty rows are a quarter to a half of the others: shorter chunks would be more to bring to the front.
        let chunk = (groups / (4 * bins)).max(1).next_power_of_two();
        Self { groups, tiles, bins, chunk }
    }

    /// Rows with those that fill the last tile.
    pub(super) fn filled(&self) -> usize {
        self.tiles * self.groups * LANES
    }

    /// Memory of a feature: its bins, and for each element of a tile derivatives, node, side and decisions.
    pub(super) fn bytes(&self) -> u64 {
        let all = (self.chunks() * self.chunk) as u64;
        let (levels, steps) = (u64::from(all.ilog2()) + 1, u64::from(self.chunks().ilog2()) + 1);
        let elements = all * (80 + 1 + levels * (levels + 1) / 4);
        let sums = self.chunks() as u64 * (96 + steps);
        (self.tiles as u64).saturating_mul(elements + sums + 16 * self.groups as u64)
    }

    /// Chunks of a tile.
    fn chunks(&self) -> usize {
        self.groups.div_ceil(self.chunk) + self.bins
    }
}

/// What changes of a row: its derivatives in the order of rows, filled up with zeros.
pub(super) struct Derivatives {
    pub(super) g: Vec<i32>,
    pub(super) h: Vec<i32>,
}

/// See the head of the module.
pub(super) struct Column {
    pub(super) cuts: Cuts,
    /// In the order of rows; missing is the number of bins.
    pub(super) bins: Vec<u16>,
    deal: Deal,
    tiles: Vec<Tile>,
    /// Of the nodes of a level, bin by bin.
    histograms: Vec<Sums>,
    /// The same of the level before.
    before: Vec<Sums>,
}

impl Column {
    pub(super) fn new(values: &[f32], most: usize, deal: Deal) -> Self {
        let cuts = cuts::of(values, most);
        let mut bins = vec![Self::missing(deal); deal.filled()];
        cuts.bins(values, &mut bins);
        let tiles = bins.chunks(deal.groups * LANES).map(|bins| Tile::new(bins, deal)).collect();
        Self { cuts, bins, deal, tiles, histograms: Vec::new(), before: Vec::new() }
    }

    #[expect(clippy::cast_possible_truncation, reason = "the number of bins is bounded")]
    fn missing(deal: Deal) -> u16 {
        deal.bins as u16
    }

    /// Begins a tree: its histogram is that of all rows.
    pub(super) fn plant(&mut self, derivatives: &Derivatives) {
        let size = self.deal.groups * LANES;
        let parts = derivatives.g.chunks(size).zip(derivatives.h.chunks(size));
        self.histograms.clear();
        self.histograms.resize(self.deal.bins, Sums::default());
        for (tile, (g, h)) in self.tiles.iter_mut().zip(parts) {
            tile.plant(g, h);
            tile.add(0, self.deal, &mut self.histograms);
        }
        differences(&mut self.histograms);
    }

    /// Goes a level down: rows whose bit is set went right.
    pub(super) fn descend(&mut self, nodes: usize, sides: &[u8]) {
        let Deal { groups, bins, .. } = self.deal;
        std::mem::swap(&mut self.histograms, &mut self.before);
        self.histograms.clear();
        self.histograms.resize(2 * nodes * bins, Sums::default());
        for (tile, sides) in self.tiles.iter_mut().zip(sides.chunks(groups)) {
            tile.descend(sides);
        }
        let pairs = self.histograms.chunks_exact_mut(2 * bins).zip(self.before.chunks_exact(bins));
        for (node, (pair, parent)) in pairs.enumerate() {
            let (left, right) = pair.split_at_mut(bins);
            for tile in &mut self.tiles {
                #[expect(clippy::cast_possible_truncation, reason = "the depth is bounded")]
                tile.add(2 * node as u16, self.deal, left);
            }
            differences(left);
            for ((right, left), parent) in right.iter_mut().zip(left).zip(parent) {
                *right = *parent - *left;
            }
        }
    }

    /// The histogram of a node of the level.
    pub(super) fn histogram(&self, node: usize) -> &[Sums] {
        &self.histograms[node * self.deal.bins..][..self.deal.bins]
    }
}

/// Makes sums of bins out of sums from the first one on.
fn differences(sums: &mut [Sums]) {
    let mut before = Sums::default();
    for sum in sums {
        let own = *sum - before;
        before = *sum;
        *sum = own;
    }
}

/// Some rows.
struct Tile {
    order: Order,
    gather: Gather,
    g: Vec<Cell<i32>>,
    h: Vec<Cell<i32>>,
    nodes: Vec<Cell<u16>>,
    sides: Vec<u8>,
    /// Sums from the first chunk on, as [`packed`] has them.
    sums: Vec<[Cell<u32>; 3]>,
}

impl Tile {
    fn new(bins: &[u16], deal: Deal) -> Self {
        let (cells, _) = bins.as_chunks::<LANES>();
        let missing = Column::missing(deal);
        let mut keys = cells.to_vec();
        for bin in 0..missing {
            let mut counts = [0_u32; LANES];
            for cell in cells {
                for lane in 0..LANES {
                    counts[lane] += u32::from(cell[lane] == bin);
                }
            }
            keys.extend((0..deal.chunk).map(|number| counts.map(|count| filler(count, number, bin, deal))));
        }
        let all = deal.chunks() * deal.chunk;
        keys.resize(all, [missing; LANES]);
        let order = Order::of(&mut keys);
        let lasts: Vec<Cell<u16>> = keys.chunks_exact(deal.chunk).map(|chunk| chunk[0]).collect();
        let mut distances: Vec<Cell<u32>> = vec![[0; LANES]; lasts.len()];
        for (at, distance) in distances.iter_mut().enumerate() {
            let next = lasts.get(at + 1).copied().unwrap_or([missing; LANES]);
            for lane in 0..LANES {
                let key = lasts[at][lane];
                let asked = u32::from(key != next[lane]) & u32::from(key != missing);
                #[expect(clippy::cast_possible_truncation, reason = "tiles are small")]
                let behind = (at as u32).wrapping_sub(key.into());
                distance[lane] = behind & 0_u32.wrapping_sub(asked);
            }
        }
        let gather = Gather::of(&mut distances);
        Self {
            order,
            gather,
            g: vec![[0; LANES]; all],
            h: vec![[0; LANES]; all],
            nodes: vec![[0; LANES]; all],
            sides: vec![0; all],
            sums: vec![[[0; LANES]; 3]; lasts.len()],
        }
    }

    fn plant(&mut self, g: &[i32], h: &[i32]) {
        for (to, from) in [(&mut self.g, g), (&mut self.h, h)] {
            let (cells, _) = from.as_chunks::<LANES>();
            to[..cells.len()].copy_from_slice(cells);
            to[cells.len()..].fill([0; LANES]);
        }
        self.order.arrange(&mut self.g, &mut self.h);
        self.nodes.fill([0; LANES]);
    }

    fn descend(&mut self, sides: &[u8]) {
        self.sides[..sides.len()].copy_from_slice(sides);
        self.sides[sides.len()..].fill(0);
        self.order.arrange_bits(&mut self.sides);
        for (nodes, side) in self.nodes.iter_mut().zip(&self.sides) {
            for (lane, node) in nodes.iter_mut().enumerate() {
                *node = 2 * *node + u16::from(side >> lane & 1);
            }
        }
    }

    /// Adds the sums from the first bin on of a node's rows.
    fn add(&mut self, node: u16, deal: Deal, to: &mut [Sums]) {
        let Self { g, h, nodes, sums, .. } = self;
        let chunks =
            g.chunks_exact(deal.chunk).zip(h.chunks_exact(deal.chunk)).zip(nodes.chunks_exact(deal.chunk));
        let mut so_far = [[0_u32; LANES]; 4];
        for (sums, ((g, h), nodes)) in sums.iter_mut().zip(chunks) {
            for ((g, h), nodes) in g.iter().zip(h).zip(nodes) {
                add(&mut so_far, g, h, nodes, node);
            }
            *sums = packed(&so_far);
        }
        self.gather.arrange(&mut self.sums);
        for (to, sums) in to.iter_mut().zip(&self.sums) {
            for lane in 0..LANES {
                *to += unpacked(sums.map(|part| part[lane]));
            }
        }
    }
}

/// The key of the empty row with that number among those that a bin may get: of the bin itself, as long as its chunks are not full.
fn filler(count: u32, number: usize, bin: u16, deal: Deal) -> u16 {
    #[expect(clippy::cast_possible_truncation, reason = "chunks are short")]
    let (chunk, number) = (deal.chunk as u32, number as u32);
    // Of a power of two the remainder is bits. A bin without rows gets a whole chunk.
    let open = count.wrapping_neg() & (chunk - 1);
    let needs = open + chunk * u32::from(count == 0);
    let own = 0_u16.wrapping_sub(u16::from(number < needs));
    (bin & own) | (Column::missing(deal) & !own)
}

#[inline(always)]
fn add(sums: &mut [Cell<u32>; 4], g: &Cell<i32>, h: &Cell<i32>, nodes: &Cell<u16>, node: u16) {
    for lane in 0..LANES {
        let own = -i32::from(nodes[lane] == node);
        let (g, h) = (g[lane] & own, h[lane] & own);
        sums[0][lane] = sums[0][lane].wrapping_add((g & 0xffff).cast_unsigned());
        sums[1][lane] = sums[1][lane].wrapping_add((g >> 16).cast_unsigned());
        sums[2][lane] = sums[2][lane].wrapping_add((h & 0xffff).cast_unsigned());
        sums[3][lane] = sums[3][lane].wrapping_add((h >> 16).cast_unsigned());
    }
}

/// Sums in fewer words, since these go a long way: the lower words of both, and the rest of both, which is below 2^15 in a tile.
#[inline(always)]
fn packed([g_low, g_high, h_low, h_high]: &[Cell<u32>; 4]) -> [Cell<u32>; 3] {
    let mut packed = [[0; LANES]; 3];
    for lane in 0..LANES {
        let (g, g_rest) = whole(g_low[lane], g_high[lane]);
        let (h, h_rest) = whole(h_low[lane], h_high[lane]);
        packed[0][lane] = g;
        packed[1][lane] = h;
        packed[2][lane] = (g_rest & 0xffff) | (h_rest << 16);
    }
    packed
}

/// The sum of numbers whose halves have these sums, in two words.
#[inline(always)]
fn whole(low: u32, high: u32) -> (u32, u32) {
    let sum = low.wrapping_add(high << 16);
    let carry = u32::from(sum < low);
    (sum, (high.cast_signed() >> 16).cast_unsigned().wrapping_add(carry))
}

fn unpacked([g, h, rest]: [u32; 3]) -> Sums {
    let sum = |low: u32, rest: i32| (i64::from(rest) << 32) + i64::from(low);
    Sums { g: sum(g, (rest << 16).cast_signed() >> 16), h: sum(h, rest.cast_signed() >> 16) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_the_same_in_fewer_words() {
        let all = (TILE as i64) << 30;
        for (g, h) in [
            (0, 0),
            (1, -1),
            (-1, 1),
            (all, -all),
            (-all, all),
            (0xffff_ffff, -0x1_0000_0000),
            (-65536, 65535),
        ] {
            let halves = |sum: i64| [(sum & 0xffff) as u32, (sum >> 16) as u32];
            // Halves whose sums have carries of their own.
            let [g_low, g_high] = halves(g);
            let [h_low, h_high] = halves(h);
            let four = [g_low + (9 << 16), g_high.wrapping_sub(9), h_low, h_high].map(|part| [part; LANES]);
            assert_eq!(unpacked(packed(&four).map(|part| part[3])), Sums { g, h }, "{g} {h}");
        }
    }
}
