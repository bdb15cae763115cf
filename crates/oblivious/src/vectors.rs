//! What is done to a row of the grid of [`crate::lanes`], columns beside each other, each by itself; and to two runs of words of
//! [`crate::compact()`].

use crate::lanes::{LANES, Vector};

/// How wide the vectors are that it is done with.
pub(crate) trait Vectors: Copy {
    /// Puts the lesser of two rows first, by the first words, in each column.
    fn two<const KEYS: usize, const WIDTH: usize>(self, a: &mut Vector<WIDTH>, b: &mut Vector<WIDTH>);

    /// The same with the first and the third of four and the others, then with the first two and the last two.
    fn four<const KEYS: usize, const WIDTH: usize>(
        self,
        a: &mut Vector<WIDTH>,
        b: &mut Vector<WIDTH>,
        c: &mut Vector<WIDTH>,
        d: &mut Vector<WIDTH>,
    );

    /// Exchanges the words of two runs before a place, or, where `kept` is zero, from it on.
    fn exchange(self, from: u64, kept: u64, a: &mut [u64], b: &mut [u64]);
}

/// Those that every processor has of the kind that this was compiled for.
#[derive(Clone, Copy)]
pub(crate) struct Narrow;

impl Vectors for Narrow {
    // Never a part of what calls it: so the compiler knows that rows do not overlap.
    #[inline(never)]
    fn two<const KEYS: usize, const WIDTH: usize>(self, a: &mut Vector<WIDTH>, b: &mut Vector<WIDTH>) {
        two::<KEYS, WIDTH>(a, b);
    }

    #[inline(never)]
    fn four<const KEYS: usize, const WIDTH: usize>(
        self,
        a: &mut Vector<WIDTH>,
        b: &mut Vector<WIDTH>,
        c: &mut Vector<WIDTH>,
        d: &mut Vector<WIDTH>,
    ) {
        four::<KEYS, WIDTH>(a, b, c, d);
    }

    #[inline(never)]
    fn exchange(self, from: u64, kept: u64, a: &mut [u64], b: &mut [u64]) {
        exchange(from, kept, a, b);
    }
}

/// AVX2: vectors of four words.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) struct Wide(());

#[cfg(target_arch = "x86_64")]
impl Wide {
    /// Where this processor has them.
    pub(crate) fn here() -> Option<Self> {
        std::arch::is_x86_feature_detected!("avx2").then_some(Self(()))
    }
}

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calling what is compiled for a part of the processors is unsafe in itself")]
impl Vectors for Wide {
    fn two<const KEYS: usize, const WIDTH: usize>(self, a: &mut Vector<WIDTH>, b: &mut Vector<WIDTH>) {
        #[target_feature(enable = "avx2")]
        fn wide<const KEYS: usize, const WIDTH: usize>(a: &mut Vector<WIDTH>, b: &mut Vector<WIDTH>) {
            two::<KEYS, WIDTH>(a, b);
        }
        // SAFETY: there is no `Wide` but on a processor that was found to have AVX2.
        unsafe { wide::<KEYS, WIDTH>(a, b) }
    }

    fn four<const KEYS: usize, const WIDTH: usize>(
        self,
        a: &mut Vector<WIDTH>,
        b: &mut Vector<WIDTH>,
        c: &mut Vector<WIDTH>,
        d: &mut Vector<WIDTH>,
    ) {
        #[target_feature(enable = "avx2")]
        fn wide<const KEYS: usize, const WIDTH: usize>(
            a: &mut Vector<WIDTH>,
            b: &mut Vector<WIDTH>,
            c: &mut Vector<WIDTH>,
            d: &mut Vector<WIDTH>,
        ) {
            four::<KEYS, WIDTH>(a, b, c, d);
        }
        // SAFETY: as above.
        unsafe { wide::<KEYS, WIDTH>(a, b, c, d) }
    }

    fn exchange(self, from: u64, kept: u64, a: &mut [u64], b: &mut [u64]) {
        #[target_feature(enable = "avx2")]
        fn wide(from: u64, kept: u64, a: &mut [u64], b: &mut [u64]) {
            exchange(from, kept, a, b);
        }
        // SAFETY: as above.
        unsafe { wide(from, kept, a, b) }
    }
}

#[inline(always)]
fn two<const KEYS: usize, const WIDTH: usize>(a: &mut Vector<WIDTH>, b: &mut Vector<WIDTH>) {
    for lane in 0..LANES {
        let (mut x, mut y) = (taken(a, lane), taken(b, lane));
        order::<KEYS, WIDTH>(&mut x, &mut y);
        put(a, lane, &x);
        put(b, lane, &y);
    }
}

#[inline(always)]
fn four<const KEYS: usize, const WIDTH: usize>(
    a: &mut Vector<WIDTH>,
    b: &mut Vector<WIDTH>,
    c: &mut Vector<WIDTH>,
    d: &mut Vector<WIDTH>,
) {
    for lane in 0..LANES {
        let (mut x, mut y) = (taken(a, lane), taken(b, lane));
        let (mut z, mut t) = (taken(c, lane), taken(d, lane));
        order::<KEYS, WIDTH>(&mut x, &mut z);
        order::<KEYS, WIDTH>(&mut y, &mut t);
        order::<KEYS, WIDTH>(&mut x, &mut y);
        order::<KEYS, WIDTH>(&mut z, &mut t);
        put(a, lane, &x);
        put(b, lane, &y);
        put(c, lane, &z);
        put(d, lane, &t);
    }
}

#[inline(always)]
fn exchange(from: u64, kept: u64, a: &mut [u64], b: &mut [u64]) {
    for (number, (a, b)) in a.iter_mut().zip(b).enumerate() {
        // All ones before it: what is below zero is filled with its sign.
        let before = ((number as u64).wrapping_sub(from).cast_signed() >> 63).cast_unsigned();
        let change = (*a ^ *b) & (before ^ kept);
        *a ^= change;
        *b ^= change;
    }
}

#[inline(always)]
fn taken<const WIDTH: usize>(from: &Vector<WIDTH>, lane: usize) -> [u64; WIDTH] {
    let mut row = [0; WIDTH];
    for (to, from) in row.iter_mut().zip(&from.0) {
        *to = from[lane];
    }
    row
}

#[inline(always)]
fn put<const WIDTH: usize>(to: &mut Vector<WIDTH>, lane: usize, row: &[u64; WIDTH]) {
    for (to, value) in to.0.iter_mut().zip(row) {
        to[lane] = *value;
    }
}

/// Exchanges two rows where the second is the less. Both are written in any case: of a choice between two values the compiler makes stores
/// that are left out where nothing would change.
#[inline(always)]
fn order<const KEYS: usize, const WIDTH: usize>(a: &mut [u64; WIDTH], b: &mut [u64; WIDTH]) {
    let mut less = false;
    for (a, b) in a[..KEYS].iter().zip(&b[..KEYS]).rev() {
        let (a, b) = (f64::from_bits(*a), f64::from_bits(*b));
        less = (b < a) | ((b == a) & less);
    }
    let mask = 0_u64.wrapping_sub(u64::from(less));
    for (a, b) in a.iter_mut().zip(b) {
        let change = (*a ^ *b) & mask;
        *a ^= change;
        *b ^= change;
    }
}
