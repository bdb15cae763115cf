//! Joins by a foreign key: each row of the left finds at most one on the right.
//!
//! Both sides are sorted by the key together, the right side's row before those of the left that mean it, and one pass hands each
//! its columns. What is left has the number of the left's rows, whatever was found.

use crate::bits::assign;
use crate::pack::Layout;
use crate::plan::Unfit;
use crate::table::{Kind, Table};
use crate::{Rows, compact};

/// The columns of both, if their keys can be compared.
pub(crate) fn kinds(left: &[Kind], right: &[Kind], on: &[(usize, usize)]) -> Result<Vec<Kind>, Unfit> {
    for (a, b) in on {
        let pair = left.get(*a).zip(right.get(*b));
        pair.and_then(|(a, b)| a.common(*b)).ok_or_else(|| Unfit("keys of a join of two kinds".into()))?;
    }
    if on.is_empty() {
        return Err(Unfit("a join without a key".into()));
    }
    Ok([left, right].concat())
}

/// The left's rows with the right's columns, and a mask of whether the right has a key twice.
pub(crate) fn join(left: &Table, right: &Table, on: &[(usize, usize)], outer: bool) -> (Table, u64) {
    let common = |(a, b): &(usize, usize)| {
        left.kinds[*a].common(right.kinds[*b]).expect("kinds were asked for before")
    };
    let most = left.count().max(right.count());
    let of_left: Vec<(usize, Kind)> = on.iter().map(|pair| (pair.0, common(pair))).collect();
    let of_right: Vec<(usize, Kind)> = on.iter().map(|pair| (pair.1, common(pair))).collect();
    let mut of_left = Layout::joined(&left.kinds, &of_left, most);
    let mut of_right = Layout::joined(&right.kinds, &of_right, most);
    of_left.widen(of_right.width());
    of_right.widen(of_left.width());
    let mut packed = Rows::zeros(left.count() + right.count(), of_left.width());
    let (first, second) = packed.words_mut().split_at_mut(right.count() * of_left.width());
    of_right.pack(&right.rows, 0, first);
    of_left.pack(&left.rows, Layout::second(most), second);
    of_left.sort(&mut packed);

    let found = Found::of(&of_left, &packed);
    let mut joined = Table::empty([&left.kinds[..], &right.kinds].concat(), packed.count());
    of_left.unpack(&packed, &mut joined.rows, (0, 0));
    of_right.unpack(&found.rows, &mut joined.rows, (left.rows.width() - 1, left.kinds.len()));
    let of_right = bits(right.kinds.len()) << (left.kinds.len() + 1);
    for (row, (meets, counts)) in joined.rows.iter_mut().zip(found.meets.iter().zip(&found.counts)) {
        row[0] = row[0] & !1 | (!meets & of_right) | (if outer { counts } else { meets } & 1);
    }
    // No more rows count than the left has.
    compact(&mut joined.rows);
    joined.rows.truncate(left.count());
    (joined, found.twice)
}

/// What rows of the left found.
struct Found {
    /// The right's rows, as they are packed, each for those of the left that found it.
    rows: Rows,
    /// Masks of who found one.
    meets: Vec<u64>,
    /// Masks of rows of the left that count.
    counts: Vec<u64>,
    /// A mask of whether a key was there twice.
    twice: u64,
}

impl Found {
    fn of(layout: &Layout, packed: &Rows) -> Self {
        let (of_left, counts) = layout.sides(packed);
        let (lost, same) = (layout.masks(packed, 0), layout.same(packed));
        let mut rows = Rows::zeros(packed.count(), packed.width());
        let mut meets = Vec::with_capacity(packed.count());
        let mut held = vec![0; packed.width()];
        let (mut known, mut twice) = (0, 0);
        for (number, (row, to)) in packed.iter().zip(rows.iter_mut()).enumerate() {
            // The key of the row before, which the right has; those that nobody finds have no such key.
            known &= same[number];
            let begins = !of_left[number] & !lost[number];
            twice |= begins & known;
            known |= begins;
            assign(begins, &mut held, row);
            let meet = of_left[number] & known;
            to.iter_mut().zip(&held).for_each(|(to, word)| *to = word & meet);
            meets.push(meet);
        }
        let counts = counts.iter().zip(&of_left).map(|(counts, of_left)| counts & of_left).collect();
        Self { rows, meets, counts, twice }
    }
}

/// So many ones.
fn bits(count: usize) -> u64 {
    (1 << count) - 1
}
