//! Histograms on their way: which of their numbers are sent, and in how many bytes.
//!
//! Histograms are nearly all that is sent, masked and added up, and hardly any of their numbers needs the bytes that the sum
//! of all rows might. Two things are known to both sides, so that nothing of them is said number by number:
//!
//! 1. *Bins that branches have emptied.* Below a branch on a feature, rows are in the bins of one side of it. The others
//!    are not sent.
//! 2. *How wide numbers are.* Whoever adds up has the histogram of a node's parent, and asks, feature by feature, for as
//!    many bytes as its largest sum takes. A party whose own numbers might make the sum too large for them says so with a
//!    last number, as peaks are told ([`super::peaks`]): 0, or a random one, so that the sum tells that somebody said it and
//!    not who. The histograms are then asked for again, in full width.
//!
//! *Guarantee:* sums are exact. Each of `P` parties adds less than `1/P` of what a number can hold, or it says so.
//!
//! *Rejected:* a bound that holds in any case, since the sum of first derivatives has none but the number of rows, which
//! nobody is told for a node.

use super::numbers::{COUNT, WORD};
use super::shape::Shape;
use crate::bins::Axes;
use crate::fixed::Sums;
use crate::grow::Part;
use std::ops::Range;

/// A node whose histogram is wanted, and the bytes of a number for each feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) node: u32,
    pub(crate) widths: Vec<u8>,
}

impl Wanted {
    /// In full width.
    #[expect(clippy::cast_possible_truncation, reason = "a width has at most eight bytes")]
    pub(crate) fn whole(node: u32, features: usize, full: usize) -> Self {
        Self { node, widths: vec![full as u8; features] }
    }

    /// Whether a training asks for it: each feature has a width that numbers can have.
    pub(crate) fn is_sound(&self, features: usize, full: usize) -> bool {
        self.widths.len() == features
            && self.widths.iter().all(|width| (COUNT..=full).contains(&usize::from(*width)))
    }

    fn is_narrow(&self, full: usize) -> bool {
        self.widths.iter().any(|width| usize::from(*width) < full)
    }
}

/// Whether parties have to say if numbers are too small for some of these.
pub(crate) fn is_narrow(wanted: &[Wanted], full: usize) -> bool {
    wanted.iter().any(|one| one.is_narrow(full))
}

/// The bins of one feature that are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) feature: usize,
    pub(crate) bins: Range<usize>,
    pub(crate) width: usize,
}

/// Where the rows of a tree's nodes have gone.
#[derive(Debug)]
pub(crate) struct Ways {
    /// For each node but the first, in their order.
    steps: Vec<Step>,
}

/// From a node to one of its children.
#[derive(Debug)]
struct Step {
    parent: u32,
    feature: u32,
    /// How many bins go left; nothing where categories do.
    bins: Option<usize>,
    left: bool,
}

impl Ways {
    /// Of a tree that is its root alone.
    pub(crate) fn root() -> Self {
        Self { steps: Vec::new() }
    }

    /// Takes note of a branch, whose children are the next two nodes.
    pub(crate) fn part(&mut self, part: &Part) {
        let bins = part.cut.categories.is_none().then_some(part.cut.bins);
        let step = |left| Step { parent: part.node, feature: part.feature, bins, left };
        self.steps.extend([step(true), step(false)]);
    }

    /// What is sent of the histogram of a node.
    pub(crate) fn stretches<'a>(
        &self,
        axes: &'a Axes,
        wanted: &'a Wanted,
    ) -> impl Iterator<Item = Stretch> + use<'a> {
        let mut live: Vec<Range<usize>> = axes.cuts.iter().map(|cuts| 0..cuts.count()).collect();
        let mut node = wanted.node;
        while let Some(step) = (node as usize).checked_sub(1).and_then(|at| self.steps.get(at)) {
            let of = live.get_mut(step.feature as usize);
            if let (Some(of), Some(bins)) = (of, step.bins) {
                *of = if step.left { of.start..of.end.min(bins) } else { of.start.max(bins)..of.end };
            }
            node = step.parent;
        }
        let stretches = live.into_iter().zip(&wanted.widths).enumerate();
        stretches.filter(|(_, (bins, _))| !bins.is_empty()).map(|(feature, (bins, width))| Stretch {
            feature,
            bins,
            width: usize::from(*width),
        })
    }

    /// The shape of an answer with these histograms.
    pub(crate) fn shape(&self, axes: &Axes, wanted: &[Wanted], full: usize) -> Shape {
        let mut shape = Shape::default();
        wanted.iter().for_each(|one| self.add_to(&mut shape, axes, one));
        shape.push(WORD, usize::from(is_narrow(wanted, full)));
        shape
    }

    /// That of all rows, behind the sum of all of them.
    pub(crate) fn shape_of_root(&self, axes: &Axes, whole: &Wanted, full: usize) -> Shape {
        let mut shape = Shape::of(full, 2);
        self.add_to(&mut shape, axes, whole);
        shape
    }

    fn add_to(&self, shape: &mut Shape, axes: &Axes, wanted: &Wanted) {
        self.stretches(axes, wanted).for_each(|stretch| shape.push(stretch.width, 2 * stretch.bins.len()));
    }
}

/// How far from 0 a number is, but for one: all of its bits but the sign's.
pub(crate) fn magnitude(number: i64) -> u64 {
    (number ^ (number >> (i64::BITS - 1))).cast_unsigned()
}

/// All bits that any of these sums has.
pub(crate) fn bits_of(sums: &[Sums]) -> u64 {
    sums.iter().fold(0, |bits, sums| bits | magnitude(sums.g) | magnitude(sums.h))
}

/// Whether a sum of so many parties' numbers might be too large for numbers of that width, where one party's have these bits.
pub(crate) fn might_be_beyond(bits: u64, width: usize, parties: usize) -> bool {
    let share = parties.next_power_of_two().trailing_zeros() as usize;
    let room = (8 * width).saturating_sub(1 + share);
    room < u64::BITS as usize && bits >> room > 0
}

/// The width for sums whose parent's have so many bits, and `slack` bits more.
pub(crate) fn width_for(bits: u32, slack: u32, full: usize) -> usize {
    // One for the sign.
    ((bits + 1 + slack).div_ceil(8) as usize).clamp(COUNT, full)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cuts::Cuts;
    use crate::grow::Cut;
    use proptest::prelude::*;

    /// Bins of a feature that has so many, where the order of bins is that of values.
    fn numbers(count: u16) -> Cuts {
        Cuts::Numbers { ends: (0..count).map(f32::from).collect(), start: -1.0 }
    }

    fn axes() -> Axes {
        Axes::of(vec![numbers(10), Cuts::Categories(4), numbers(6)], usize::MAX).unwrap()
    }

    fn part(node: u32, feature: u32, bins: usize, categories: Option<Vec<u32>>) -> Part {
        let cut = Cut { bins, categories, default_left: true };
        Part { node, feature, cut, left: 0, right: 0 }
    }

    fn bins(ways: &Ways, axes: &Axes, node: u32) -> Vec<(usize, Range<usize>)> {
        let wanted = Wanted::whole(node, 3, 6);
        ways.stretches(axes, &wanted).map(|stretch| (stretch.feature, stretch.bins)).collect()
    }

    #[test]
    fn bins_that_branches_have_emptied_are_left_out() {
        let (axes, mut ways) = (axes(), Ways::root());
        assert_eq!(bins(&ways, &axes, 0), [(0, 0..10), (1, 0..4), (2, 0..6)]);
        ways.part(&part(0, 0, 4, None));
        ways.part(&part(2, 0, 7, None));
        ways.part(&part(3, 1, 0, Some(vec![2])));
        ways.part(&part(5, 0, 4, None));
        ways.part(&part(5, 2, 0, None));
        assert_eq!(bins(&ways, &axes, 1), [(0, 0..4), (1, 0..4), (2, 0..6)]);
        assert_eq!(bins(&ways, &axes, 2), [(0, 4..10), (1, 0..4), (2, 0..6)]);
        assert_eq!(bins(&ways, &axes, 3), [(0, 4..7), (1, 0..4), (2, 0..6)]);
        assert_eq!(bins(&ways, &axes, 6), [(0, 4..7), (1, 0..4), (2, 0..6)], "categories have no order");
        assert_eq!(bins(&ways, &axes, 7), [(1, 0..4), (2, 0..6)], "what is missing can be all that is left");
        assert_eq!(bins(&ways, &axes, 9), [(0, 4..7), (1, 0..4)]);
        assert_eq!(ways.shape(&axes, &[Wanted::whole(9, 3, 6)], 6), Shape::of(6, 14));
        let narrow = Wanted { node: 9, widths: vec![5, 6, 4] };
        assert_eq!(ways.shape(&axes, &[narrow], 6).bytes(), 6 * 5 + 8 * 6 + 8);
    }

    #[test]
    fn widths_that_no_training_asks_for_are_none() {
        assert!(Wanted::whole(0, 3, 7).is_sound(3, 7));
        assert!(Wanted { node: 0, widths: vec![4, 5, 7] }.is_sound(3, 7));
        for widths in [vec![7; 2], vec![7; 4], vec![3, 7, 7], vec![7, 8, 7]] {
            assert!(!Wanted { node: 0, widths }.is_sound(3, 7));
        }
    }

    proptest! {
        #[test]
        fn what_nobody_says_is_beyond_comes_back_exactly(
            own in prop::collection::vec(prop_oneof![any::<i64>(), -(1_i64 << 40)..1 << 40, -256_i64..256], 1..70),
            shift in 0_u32..40,
            width in 4_usize..8,
        ) {
            let own: Vec<i64> = own.iter().map(|number| number >> shift).collect();
            let beyond = own.iter().any(|number| might_be_beyond(magnitude(*number), width, own.len()));
            let sum: i128 = own.iter().map(|number| i128::from(*number)).sum();
            let most = 1_i128 << (8 * width - 1);
            prop_assert!(beyond || (-most..most).contains(&sum));
        }

        #[test]
        fn a_sum_has_room_in_the_width_for_its_bits(sum: i64, shift in 0_u32..64, slack in 0_u32..9) {
            let sum = sum >> shift;
            let width = width_for(64 - magnitude(sum).leading_zeros(), slack, 8);
            let most = 1_i128 << (8 * width - 1);
            prop_assert!((-most..most).contains(&i128::from(sum)));
            prop_assert!(width == 8 || i128::from(sum).abs() <= most >> slack);
        }
    }
}
