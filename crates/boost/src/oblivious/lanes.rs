//! Eight sequences beside each other, which networks put in order.
//!
//! The bins of a feature never change, so that the way from the order of rows to the order of bins is found once: a sorting
//! network goes through their bins and writes down which pairs change places, a bit for each of eight sequences. Going that
//! way again, with other numbers of the same rows, needs no comparison; for single bits of the rows it is three operations
//! on a byte.

use std::hint::black_box;

/// How many sequences lie beside each other.
pub(super) const LANES: usize = 8;

/// An element of each.
pub(super) type Cell<T> = [T; LANES];

/// Pairs of neighbours: `count` from `first` on, each with the one that lies `apart` behind it.
#[derive(Clone, Copy)]
struct Run {
    first: usize,
    apart: usize,
    count: usize,
    /// Whether the lesser of a pair is to come first.
    up: bool,
}

/// Elements that are merged at a stroke: nearly all runs of a network are as short as those within so few.
const BLOCK: usize = 8;

/// The pairs of that: of elements that lie four apart, two and one.
const PAIRS: [(usize, usize); 12] =
    [(0, 4), (1, 5), (2, 6), (3, 7), (0, 2), (1, 3), (4, 6), (5, 7), (0, 1), (2, 3), (4, 5), (6, 7)];

/// What is done at the pairs of a network.
trait Network {
    fn run(&mut self, run: Run);

    /// Goes through the pairs of eight elements from `first` on.
    fn block(&mut self, first: usize, up: bool);
}

/// A bitonic network for any number of elements.
fn sorting(first: usize, count: usize, up: bool, network: &mut impl Network) {
    if count < 2 {
        return;
    }
    let half = count / 2;
    sorting(first, half, !up, network);
    sorting(first + half, count - half, up, network);
    merging(first, count, up, network);
}

fn merging(first: usize, count: usize, up: bool, network: &mut impl Network) {
    if count < 2 {
        return;
    }
    if count == BLOCK {
        network.block(first, up);
        return;
    }
    let half = count.next_power_of_two() / 2;
    network.run(Run { first, apart: half, count: count - half, up });
    merging(first, half, up, network);
    merging(first + half, count - half, up, network);
}

/// Which pairs of a sorting network change places, a byte for a pair and a bit for a lane.
pub(super) struct Order {
    count: usize,
    decisions: Vec<u8>,
}

impl Order {
    /// Sorts keys, and knows how.
    pub(super) fn of(keys: &mut [Cell<u16>]) -> Self {
        let count = keys.len();
        let mut finding = Finding { keys, decisions: Vec::new() };
        sorting(0, count, true, &mut finding);
        Self { count, decisions: finding.decisions }
    }

    /// Moves what belongs to the keys to where these went.
    pub(super) fn arrange(&self, first: &mut [Cell<i32>], second: &mut [Cell<i32>]) {
        sorting(0, self.count, true, &mut Moving { first, second, decisions: Ahead(&self.decisions) });
    }

    /// The same with a bit for each lane.
    pub(super) fn arrange_bits(&self, bits: &mut [u8]) {
        sorting(0, self.count, true, &mut MovingBits { bits, decisions: Ahead(&self.decisions) });
    }
}

/// Sorts, and writes down what it did.
struct Finding<'a> {
    keys: &'a mut [Cell<u16>],
    decisions: Vec<u8>,
}

impl Network for Finding<'_> {
    fn run(&mut self, run: Run) {
        let (a, b) = halves(self.keys, run);
        self.decisions.extend(a.iter_mut().zip(b).map(|(a, b)| sort(a, b, run.up)));
    }

    fn block(&mut self, first: usize, up: bool) {
        let block = &mut self.keys[first..][..BLOCK];
        self.decisions.extend(PAIRS.map(|(a, b)| {
            let (before, behind) = block.split_at_mut(b);
            sort(&mut before[a], &mut behind[0], up)
        }));
    }
}

/// Decisions that were not come to yet.
struct Ahead<'a>(&'a [u8]);

impl<'a> Ahead<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (next, behind) = self.0.split_at(count);
        self.0 = behind;
        next
    }
}

struct Moving<'a> {
    first: &'a mut [Cell<i32>],
    second: &'a mut [Cell<i32>],
    decisions: Ahead<'a>,
}

impl Network for Moving<'_> {
    fn run(&mut self, run: Run) {
        let decisions = self.decisions.take(run.count);
        let (a, b) = halves(self.first, run);
        let (c, d) = halves(self.second, run);
        for ((((a, b), c), d), decision) in a.iter_mut().zip(b).zip(c).zip(d).zip(decisions) {
            let stay = stays(*decision);
            exchange(stay, a, b);
            exchange(stay, c, d);
        }
    }

    fn block(&mut self, first: usize, _up: bool) {
        let decisions = self.decisions.take(PAIRS.len());
        let (one, other) = (&mut self.first[first..][..BLOCK], &mut self.second[first..][..BLOCK]);
        for ((a, b), decision) in PAIRS.into_iter().zip(decisions) {
            let stay = stays(*decision);
            for block in [&mut *one, &mut *other] {
                let (before, behind) = block.split_at_mut(b);
                exchange(stay, &mut before[a], &mut behind[0]);
            }
        }
    }
}

struct MovingBits<'a> {
    bits: &'a mut [u8],
    decisions: Ahead<'a>,
}

impl Network for MovingBits<'_> {
    fn run(&mut self, run: Run) {
        let decisions = self.decisions.take(run.count);
        let (a, b) = halves(self.bits, run);
        for ((a, b), decision) in a.iter_mut().zip(b).zip(decisions) {
            let change = (*a ^ *b) & decision;
            *a ^= change;
            *b ^= change;
        }
    }

    fn block(&mut self, first: usize, _up: bool) {
        let decisions = self.decisions.take(PAIRS.len());
        let (bits, _) = self.bits[first..].as_chunks_mut::<BLOCK>();
        let (decisions, _) = decisions.as_chunks();
        bits[0] = moved(u64::from_le_bytes(bits[0]), decisions).to_le_bytes();
    }
}

/// Eight bytes whose bits changed places as the decisions for [`PAIRS`] say, four for each distance.
fn moved(bits: u64, decisions: &[[u8; 4]]) -> u64 {
    let [four, two, one] = [0, 1, 2].map(|distance| u64::from(u32::from_le_bytes(decisions[distance])));
    // Where the first bytes of pairs lie.
    const TWO: u64 = 0x0000_ffff_0000_ffff;
    const ONE: u64 = 0x00ff_00ff_00ff_00ff;
    let spread = |bytes: u64| (bytes | bytes << 16) & TWO;
    let change = |bits: u64, distance: u32, decisions: u64| {
        let change = (bits ^ bits >> distance) & decisions;
        bits ^ change ^ change << distance
    };
    let bits = change(bits, 32, four);
    let bits = change(bits, 16, spread(two));
    let one = spread(one);
    change(bits, 8, (one | one << 8) & ONE)
}

/// Both sides of the pairs.
fn halves<T>(all: &mut [T], run: Run) -> (&mut [T], &mut [T]) {
    let (before, behind) = all.split_at_mut(run.first + run.apart);
    (&mut before[run.first..][..run.count], &mut behind[..run.count])
}

/// Puts the lesser of two keys first in each lane, or last unless `up`, and says in which they changed places.
fn sort(a: &mut Cell<u16>, b: &mut Cell<u16>, up: bool) -> u8 {
    let (a, b) = if up { (a, b) } else { (b, a) };
    let mut decision = 0;
    let mut changes = [0_u16; LANES];
    for lane in 0..LANES {
        changes[lane] = u16::from(b[lane] < a[lane]);
    }
    for lane in 0..LANES {
        let change = (a[lane] ^ b[lane]) & 0_u16.wrapping_sub(changes[lane]);
        a[lane] ^= change;
        b[lane] ^= change;
    }
    for (lane, change) in changes.iter().enumerate() {
        decision |= change.to_le_bytes()[0] << lane;
    }
    decision
}

/// All ones for each lane whose bit is not set. The optimiser does not see that there are only two values: it would load from the one
/// address or the other instead of taking bits of both.
#[inline(always)]
fn stays(decision: u8) -> Cell<i32> {
    const BITS: Cell<i32> = [1, 2, 4, 8, 16, 32, 64, 128];
    black_box(BITS.map(|bit| -i32::from(i32::from(decision) & bit == 0)))
}

#[inline(always)]
fn exchange(stay: Cell<i32>, a: &mut Cell<i32>, b: &mut Cell<i32>) {
    for lane in 0..LANES {
        let change = (a[lane] ^ b[lane]) & !stay[lane];
        a[lane] ^= change;
        b[lane] ^= change;
    }
}

/// The way of some elements of each lane to the front, in their order: each goes left by a distance of its own, in steps of
/// powers of two from 1 on, so that no two of them meet (Goodrich 2011).
pub(super) struct Gather {
    count: usize,
    decisions: Vec<u8>,
}

impl Gather {
    /// For elements that are to go so far; 0 for those that nobody asks for.
    pub(super) fn of(distances: &mut [Cell<u32>]) -> Self {
        let count = distances.len();
        let mut decisions = Vec::new();
        each_step(count, |step| {
            let bit = step.trailing_zeros();
            for at in 0..count - step {
                let (before, behind) = distances.split_at_mut(at + step);
                let (to, from) = (&mut before[at], &mut behind[0]);
                let mut decision = 0;
                for lane in 0..LANES {
                    let moves = (from[lane] >> bit) & 1;
                    let mask = 0_u32.wrapping_sub(moves);
                    to[lane] ^= (to[lane] ^ from[lane]) & mask;
                    from[lane] &= !mask;
                    decision |= moves.to_le_bytes()[0] << lane;
                }
                decisions.push(decision);
            }
        });
        Self { count, decisions }
    }

    /// Goes it; what lies behind the elements that were asked for is of no use then.
    pub(super) fn arrange<const PARTS: usize>(&self, all: &mut [[Cell<u32>; PARTS]]) {
        let mut rest = &self.decisions[..];
        let count = self.count;
        each_step(count, |step| {
            let (decisions, behind) = rest.split_at(count - step);
            rest = behind;
            for (at, decision) in decisions.iter().enumerate() {
                let stay = stays(*decision);
                let (before, behind) = all.split_at_mut(at + step);
                for (to, from) in before[at].iter_mut().zip(&behind[0]) {
                    for lane in 0..LANES {
                        to[lane] ^= (to[lane] ^ from[lane]) & !stay[lane].cast_unsigned();
                    }
                }
            }
        });
    }
}

fn each_step(count: usize, mut each: impl FnMut(usize)) {
    let mut step = 1;
    while step < count {
        each(step);
        step *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    #[test]
    fn what_belongs_to_keys_goes_where_they_go() {
        let mut random = Stream::new(&[1]);
        for count in [0, 1, 2, 3, 7, 8, 9, 16, 64, 100, 257] {
            let mut keys: Vec<Cell<u16>> =
                (0..count).map(|_| [(); LANES].map(|()| random.below(9) as u16)).collect();
            let mut numbers: Vec<Cell<i32>> = keys
                .iter()
                .enumerate()
                .map(|(at, cell)| cell.map(|key| i32::from(key) * 1000 + at as i32))
                .collect();
            let mut others = numbers.clone();
            let mut bits: Vec<u8> =
                keys.iter().map(|cell| (0..LANES).map(|lane| (cell[lane] as u8 & 1) << lane).sum()).collect();
            let order = Order::of(&mut keys);
            order.arrange(&mut numbers, &mut others);
            order.arrange_bits(&mut bits);
            assert!((0..LANES).all(|lane| keys.is_sorted_by_key(|cell| cell[lane])));
            assert_eq!(numbers, others);
            for (at, cell) in keys.iter().enumerate() {
                for lane in 0..LANES {
                    assert_eq!(numbers[at][lane] / 1000, i32::from(cell[lane]));
                    assert_eq!(bits[at] >> lane & 1, cell[lane] as u8 & 1);
                }
            }
            for lane in 0..LANES {
                let mut places: Vec<i32> = numbers.iter().map(|cell| cell[lane] % 1000).collect();
                places.sort_unstable();
                assert_eq!(places, (0..count).collect::<Vec<i32>>(), "nothing is lost");
            }
        }
    }

    #[test]
    fn those_that_are_asked_for_come_to_the_front() {
        let mut random = Stream::new(&[2]);
        for count in [1, 2, 5, 31, 100, 200] {
            let marks: Vec<Cell<bool>> =
                (0..count).map(|_| [(); LANES].map(|()| random.below(3) == 0)).collect();
            let mut distances = vec![[0; LANES]; count];
            let mut expected = vec![Vec::new(); LANES];
            for (at, cell) in marks.iter().enumerate() {
                for lane in (0..LANES).filter(|lane| cell[*lane]) {
                    distances[at][lane] = (at - expected[lane].len()) as u32;
                    expected[lane].push(at as u32);
                }
            }
            let gather = Gather::of(&mut distances);
            let mut all: Vec<[Cell<u32>; 1]> = (0..count as u32).map(|at| [[at; LANES]]).collect();
            gather.arrange(&mut all);
            for (lane, expected) in expected.iter().enumerate() {
                let got: Vec<u32> = all.iter().take(expected.len()).map(|parts| parts[0][lane]).collect();
                assert_eq!(&got, expected);
            }
        }
    }
}
