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

/// A bitonic network for any number of elements, run by run.
fn sorting(first: usize, count: usize, up: bool, each: &mut dyn FnMut(Run)) {
    if count < 2 {
        return;
    }
    let half = count / 2;
    sorting(first, half, !up, each);
    sorting(first + half, count - half, up, each);
    merging(first, count, up, each);
}

fn merging(first: usize, count: usize, up: bool, each: &mut dyn FnMut(Run)) {
    if count < 2 {
        return;
    }
    let half = count.next_power_of_two() / 2;
    each(Run { first, apart: half, count: count - half, up });
    merging(first, half, up, each);
    merging(first + half, count - half, up, each);
}

/// Which pairs of a sorting network change places, a byte for a pair and a bit for a lane.
pub(super) struct Order {
    count: usize,
    decisions: Vec<u8>,
}

impl Order {
    /// Sorts keys, and knows how.
    pub(super) fn of(keys: &mut [Cell<u16>]) -> Self {
        let mut decisions = Vec::new();
        sorting(0, keys.len(), true, &mut |run| {
            let (a, b) = halves(keys, run);
            if run.up {
                decisions.extend(a.iter_mut().zip(b).map(|(a, b)| sort(a, b)));
            } else {
                decisions.extend(a.iter_mut().zip(b).map(|(a, b)| sort(b, a)));
            }
        });
        Self { count: keys.len(), decisions }
    }

    /// Moves what belongs to the keys to where these went.
    pub(super) fn arrange(&self, first: &mut [Cell<i32>], second: &mut [Cell<i32>]) {
        self.each(|run, decisions| {
            let (a, b) = halves(first, run);
            let (c, d) = halves(second, run);
            for ((((a, b), c), d), decision) in a.iter_mut().zip(b).zip(c).zip(d).zip(decisions) {
                let stay = stays(*decision);
                exchange(stay, a, b);
                exchange(stay, c, d);
            }
        });
    }

    /// The same with a bit for each lane.
    pub(super) fn arrange_bits(&self, bits: &mut [u8]) {
        self.each(|run, decisions| {
            let (a, b) = halves(bits, run);
            for ((a, b), decision) in a.iter_mut().zip(b).zip(decisions) {
                let change = (*a ^ *b) & decision;
                *a ^= change;
                *b ^= change;
            }
        });
    }

    fn each(&self, mut run: impl FnMut(Run, &[u8])) {
        let mut rest = &self.decisions[..];
        sorting(0, self.count, true, &mut |of| {
            let (decisions, behind) = rest.split_at(of.count);
            rest = behind;
            run(of, decisions);
        });
    }
}

/// Both sides of the pairs.
fn halves<T>(all: &mut [T], run: Run) -> (&mut [T], &mut [T]) {
    let (before, behind) = all.split_at_mut(run.first + run.apart);
    (&mut before[run.first..][..run.count], &mut behind[..run.count])
}

/// Puts the lesser of two keys first in each lane, and says in which they changed places.
fn sort(a: &mut Cell<u16>, b: &mut Cell<u16>) -> u8 {
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
                let from = all[at + step];
                for (to, from) in all[at].iter_mut().zip(from) {
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
        for count in [0, 1, 2, 3, 7, 64, 100, 257] {
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
