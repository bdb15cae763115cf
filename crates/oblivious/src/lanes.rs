//! A sorting network for keys of few words, sixteen rows at a time.
//!
//! Rows lie in sixteen columns beside each other, the first sixteenth of them in the first column: a row of the grid is a vector for each
//! word. The network is bitonic. Whatever it compares within a column it compares in all columns at once, at the same heights, so that a
//! comparison is a handful of operations on vectors, and two of its passes are one that goes through memory once. Only the last
//! four merges compare across columns; squares of the grid are turned for that, so that columns become vectors.
//!
//! 1. Columns are sorted, every other one downwards: such a column has its keys negated, and all go upwards.
//! 2. Four times, pairs of runs of columns become one: keys are negated as the next merge wants it, columns compared, then what is in them.
//! 3. A run of any length that is even falls into two of which one has no greater rows. What is left of lengths that are no power of two
//!    is three rows, which a network of their own sorts. Rows that are greater than all others fill up the grid.
//!
//! **Comparing.** Processors that compare integers of 64 bits by vectors are not all there are; floating-point numbers all of them
//! compare. Positive ones are ordered as their bits are. So a word of a key has 62 bits, to which a number is added that makes it
//! a usual one: no zero, nothing subnormal, no infinity.
//!
//! *Guarantee:* what is read, written and executed depends on counts and widths. There is no mask that the optimiser cannot see through here,
//! as it would keep it from vectors; that it made vectors and no branches of each width is what `tests/trace.rs` looks at.
//!
//! *Rejected:* sorting keys and numbers of rows alone, and bringing rows after them. A network that brings rows to given places finds its
//! way by a sort of its own, which costs more than to carry some words along.

use crate::Rows;
use crate::sort::sort;
#[cfg(target_arch = "x86_64")]
use crate::vectors::Wide;
use crate::vectors::{Narrow, Vectors};

/// Rows that are compared at once.
pub(crate) const LANES: usize = 16;

/// Bits of a word that is compared.
pub(crate) const BITS: u32 = 62;

/// Above all numbers that are no usual ones, and with 62 bits more below all that are infinite.
const USUAL: u64 = 1 << 60;

const SIGN: u64 = 1 << 63;

/// A row of the grid: a vector for each word.
#[repr(align(64))]
#[derive(Clone, Copy)]
pub(crate) struct Vector<const WIDTH: usize>(pub(crate) [[u64; LANES]; WIDTH]);

/// Sorts as [`sort`] does, by words of 62 bits each, of which in no row all bits are set: some times as fast where rows have eight words
/// at most and keys four. Rows that are equal in their keys come in any order.
///
/// # Panics
/// Where rows have fewer words.
pub fn sort_packed(rows: &mut Rows, keys: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(wide) = Wide::here() {
        return sort_with(wide, rows, keys);
    }
    sort_packed_narrowly(rows, keys);
}

/// The same by vectors that every processor has.
#[doc(hidden)]
pub fn sort_packed_narrowly(rows: &mut Rows, keys: usize) {
    // What was not traced is not run.
    if cfg!(target_arch = "x86_64") { sort_with(Narrow, rows, keys) } else { sort(rows, keys) }
}

fn sort_with<V: Vectors>(vectors: V, rows: &mut Rows, keys: usize) {
    let network = match (keys, rows.width()) {
        (2, 3) => sorted::<2, 3, V>,
        (2, 4) => sorted::<2, 4, V>,
        (2, 5) => sorted::<2, 5, V>,
        (2, 6) => sorted::<2, 6, V>,
        (2, 7) => sorted::<2, 7, V>,
        (2, 8) => sorted::<2, 8, V>,
        (3, 3) => sorted::<3, 3, V>,
        (3, 4) => sorted::<3, 4, V>,
        (3, 5) => sorted::<3, 5, V>,
        (3, 6) => sorted::<3, 6, V>,
        (3, 7) => sorted::<3, 7, V>,
        (3, 8) => sorted::<3, 8, V>,
        (4, 4) => sorted::<4, 4, V>,
        (4, 5) => sorted::<4, 5, V>,
        (4, 6) => sorted::<4, 6, V>,
        (4, 7) => sorted::<4, 7, V>,
        (4, 8) => sorted::<4, 8, V>,
        _ => return sort(rows, keys),
    };
    network(vectors, rows);
}

fn sorted<const KEYS: usize, const WIDTH: usize, V: Vectors>(vectors: V, rows: &mut Rows) {
    if rows.count() < 2 {
        return;
    }
    let height = height(rows.count());
    let network = Network::<KEYS, WIDTH, V> { vectors, least: height >> height.trailing_zeros() };
    let mut grid = spread::<KEYS, WIDTH>(rows, height);
    network.sort(&mut grid, true);
    for level in 1..=LANES.trailing_zeros() {
        network.across(&mut grid, level);
        network.merge(&mut grid, true);
    }
    gather::<KEYS, WIDTH>(&grid, rows);
}

/// Rows of the grid: a power of two or one and a half of it. More lengths would have fewer rows that are there for nothing, and networks of
/// five or seven rows at the end of halves, which take longer than those rows.
fn height(count: usize) -> usize {
    let height = count.div_ceil(LANES);
    let power = height.next_power_of_two();
    let less = power / 4 * 3;
    if less < height { power } else { less }
}

fn spread<const KEYS: usize, const WIDTH: usize>(rows: &Rows, height: usize) -> Vec<Vector<WIDTH>> {
    let (words, _) = rows.words().as_chunks::<WIDTH>();
    let greatest = [(1 << BITS) - 1; WIDTH];
    let row = |number: usize| {
        let mut vector = Vector([[0; LANES]; WIDTH]);
        for lane in 0..LANES {
            let row = words.get(lane * height + number).unwrap_or(&greatest);
            for (word, (to, value)) in vector.0.iter_mut().zip(row).enumerate() {
                let key = value.wrapping_add(USUAL) ^ turned(lane, 0);
                to[lane] = if word < KEYS { key } else { *value };
            }
        }
        vector
    };
    (0..height).map(row).collect()
}

fn gather<const KEYS: usize, const WIDTH: usize>(grid: &[Vector<WIDTH>], rows: &mut Rows) {
    let (words, _) = rows.words_mut().as_chunks_mut::<WIDTH>();
    for (number, vector) in grid.iter().enumerate() {
        for lane in 0..LANES {
            let Some(row) = words.get_mut(lane * grid.len() + number) else { break };
            for (word, (to, values)) in row.iter_mut().zip(&vector.0).enumerate() {
                let value = values[lane];
                *to = if word < KEYS { value.wrapping_sub(USUAL) } else { value };
            }
        }
    }
}

/// The sign of the keys in a column, where runs of so many columns (two to the power of the level) are sorted.
fn turned(lane: usize, level: u32) -> u64 {
    (lane as u64 >> level & 1) * SIGN
}

struct Network<const KEYS: usize, const WIDTH: usize, V> {
    vectors: V,
    /// An odd number of rows: what halves end with.
    least: usize,
}

impl<const KEYS: usize, const WIDTH: usize, V: Vectors> Network<KEYS, WIDTH, V> {
    /// Puts the lesser rows of each column first.
    fn two(&self, a: &mut Vector<WIDTH>, b: &mut Vector<WIDTH>) {
        self.vectors.two::<KEYS, WIDTH>(a, b);
    }

    fn runs(&self, a: &mut [Vector<WIDTH>], b: &mut [Vector<WIDTH>]) {
        a.iter_mut().zip(b).for_each(|(a, b)| self.two(a, b));
    }

    /// Sorts all columns.
    fn sort(&self, rows: &mut [Vector<WIDTH>], up: bool) {
        if rows.len() == self.least {
            return self.few(rows, up);
        }
        let (first, second) = rows.split_at_mut(rows.len() / 2);
        self.sort(first, up);
        self.sort(second, !up);
        self.merge(rows, up);
    }

    /// Of columns that rise and then fall, wherever they begin with it.
    fn merge(&self, rows: &mut [Vector<WIDTH>], up: bool) {
        let count = rows.len();
        if count == self.least {
            return self.few(rows, up);
        }
        let (first, second) = rows.split_at_mut(count / 2);
        if count == 2 * self.least {
            if up {
                self.runs(first, second)
            } else {
                self.runs(second, first)
            }
            self.few(first, up);
            return self.few(second, up);
        }
        // Halves and quarters at once.
        let ((a, b), (c, d)) = (first.split_at_mut(count / 4), second.split_at_mut(count / 4));
        let [a, b, c, d] = if up { [a, b, c, d] } else { [d, c, b, a] };
        for (((a, b), c), d) in a.iter_mut().zip(b).zip(c).zip(d) {
            self.vectors.four::<KEYS, WIDTH>(a, b, c, d);
        }
        rows.chunks_exact_mut(count / 4).for_each(|quarter| self.merge(quarter, up));
    }

    /// One row or three, in any order.
    fn few(&self, rows: &mut [Vector<WIDTH>], up: bool) {
        let [a, b, c] = rows else { return };
        let [a, c] = if up { [a, c] } else { [c, a] };
        self.two(a, c);
        self.two(a, b);
        self.two(b, c);
    }

    /// Pairs of runs of columns, of which the first rises and the second falls, become runs of twice as many: each row has its
    /// lesser ones in the first half of them, and so on in halves of halves down to single columns.
    fn across(&self, rows: &mut [Vector<WIDTH>], level: u32) {
        let mut turn = [[0; LANES]; WIDTH];
        for lane in 0..LANES {
            let sign = turned(lane, level - 1) ^ turned(lane, level);
            turn[..KEYS].iter_mut().for_each(|word| word[lane] = sign);
        }
        // A column of the square is a row here.
        let mut columns = [Vector([[0; LANES]; WIDTH]); LANES];
        for square in rows.chunks_mut(LANES) {
            for (number, row) in square.iter().enumerate() {
                for (word, (values, turn)) in row.0.iter().zip(&turn).enumerate() {
                    for ((column, value), turn) in columns.iter_mut().zip(values).zip(turn) {
                        column.0[word][number] = value ^ turn;
                    }
                }
            }
            for apart in (0..level).rev().map(|step| 1 << step) {
                for lane in (0..LANES).filter(|lane| lane & apart == 0) {
                    let (first, second) = columns.split_at_mut(lane + apart);
                    self.two(&mut first[lane], &mut second[0]);
                }
            }
            for (number, row) in square.iter_mut().enumerate() {
                for (word, values) in row.0.iter_mut().enumerate() {
                    for (value, column) in values.iter_mut().zip(&columns) {
                        *value = column.0[word][number];
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose last words tell where they come from.
    fn random(count: usize, width: usize, random: &mut fastrand::Rng) -> Rows {
        let mut rows = Rows::zeros(count, width);
        // Few values, so that later words decide, and the highest and lowest.
        rows.words_mut().fill_with(|| [0, 1, 2, (1 << 62) - 2, 1 << 61, 1 << 52][random.usize(..6)]);
        rows
    }

    fn assert_sorts(rows: &Rows, keys: usize) {
        let all = |rows: &Rows| {
            let mut all: Vec<Vec<u64>> = rows.iter().map(<[u64]>::to_vec).collect();
            all.sort();
            all
        };
        for by in [sort_packed, sort_packed_narrowly] {
            let mut sorted = rows.clone();
            by(&mut sorted, keys);
            let got: Vec<&[u64]> = sorted.iter().map(|row| &row[..keys]).collect();
            assert!(got.is_sorted(), "{} rows of {}, by {keys}", rows.count(), rows.width());
            assert_eq!(all(&sorted), all(rows), "no row is lost, none is made up");
        }
    }

    #[test]
    fn rows_of_any_count_and_width_are_sorted_by_their_first_words() {
        let mut from = fastrand::Rng::with_seed(9);
        for count in (0..140).chain([255, 256, 257, 700, 1100, 2049, 5000]) {
            for (keys, width) in [(2, 3), (2, 4), (3, 5), (4, 4)] {
                assert_sorts(&random(count, width, &mut from), keys);
            }
        }
        for (keys, width) in (2..6).flat_map(|keys| (keys..10).map(move |width| (keys, width))) {
            assert_sorts(&random(333, width, &mut from), keys);
        }
    }

    #[test]
    fn zeros_and_ones_in_every_order_are_sorted() {
        // What sorts all of these sorts everything.
        for count in [2, 3, 5, 9, 12] {
            for bits in 0..1_u64 << count {
                let mut rows = Rows::zeros(count, 3);
                (0..count).for_each(|row| rows.row_mut(row)[1] = bits >> row & 1);
                assert_sorts(&rows, 2);
            }
        }
        let mut random = fastrand::Rng::with_seed(4);
        for height in 1..=20 {
            for _ in 0..200 {
                let ones = random.usize(..=16 * height);
                let mut rows = Rows::zeros(16 * height, 3);
                (0..ones).for_each(|row| rows.row_mut(row)[0] = 1);
                let mut order: Vec<usize> = (0..16 * height).collect();
                random.shuffle(&mut order);
                let mut mixed = Rows::zeros(16 * height, 3);
                order.iter().zip(rows.iter()).for_each(|(to, row)| mixed.row_mut(*to).copy_from_slice(row));
                assert_sorts(&mixed, 2);
            }
        }
    }

    #[test]
    fn few_rows_are_there_for_nothing() {
        for count in 1..10_000 {
            let height = height(count);
            let least = height >> height.trailing_zeros();
            assert!(height * LANES >= count && (least == 1 || least == 3), "{count}");
            assert!(height * LANES <= (count + LANES) * 3 / 2, "{count}: {height}");
        }
    }
}
