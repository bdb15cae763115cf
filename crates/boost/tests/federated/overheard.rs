//! What a coordinator could know: everything that it is told, and all that it could add up and subtract of it.

use crate::{Heard, LOGISTIC, Masks, dealt, plan, together};
use std::cell::RefCell;
use std::collections::HashSet;
use welkin_boost::federated::combine;

const PARTIES: usize = 3;

/// All sets of parties but that of all.
pub(super) const FEW: [&[usize]; 6] = [&[0], &[1], &[2], &[0, 1], &[0, 2], &[1, 2]];

/// Everything that the parties tell in one training, and its model.
pub(super) fn training(masks: Masks) -> (Vec<Heard>, Vec<u8>) {
    let order: Vec<u64> = (0..2000).collect();
    let parts = dealt(&order, PARTIES, true);
    let heard = RefCell::default();
    let model = together(&plan(LOGISTIC, &parts, true), &parts, masks, &[], Some(&heard));
    (heard.into_inner(), model)
}

/// What some parties told, added up.
pub(super) fn sum((run, answers): &Heard, parties: &[usize]) -> Vec<u8> {
    let mut sum = vec![0; run.bytes()];
    parties.iter().for_each(|party| combine(run.width, &mut sum, &answers[*party], true));
    sum
}

/// The same without what they told before.
fn change(before: &Heard, after: &Heard, parties: &[usize]) -> Vec<u8> {
    let mut change = sum(after, parties);
    combine(after.0.width, &mut change, &sum(before, parties), false);
    change
}

/// Bytes of a sum of gradients of 2000 rows, and of fewer of them.
const WIDTHS: std::ops::RangeInclusive<usize> = 5..=6;

/// Bins in which there are rows. One of random bytes is among them once in 2^64 tries.
fn bins(histogram: &[u8], width: usize) -> impl Iterator<Item = Vec<u8>> + '_ {
    // Second derivatives are positive.
    histogram
        .chunks_exact(2 * width)
        .filter(move |bin| bin[width..].iter().any(|byte| *byte > 0))
        .map(<[u8]>::to_vec)
}

fn is_histogram((run, _): &&Heard) -> bool {
    WIDTHS.contains(&run.width)
}

/// Histograms of the same shape, one told before the other.
fn pairs(heard: &[Heard]) -> impl Iterator<Item = (&Heard, &Heard)> {
    heard.iter().enumerate().filter(|(_, after)| is_histogram(after)).flat_map(move |(at, after)| {
        heard[..at].iter().filter(move |before| before.0 == after.0).map(move |before| (before, after))
    })
}

/// Places where what some parties told, at any byte of it, or what changed from one answer to another, is a bin of theirs.
fn found(told: &[Heard], meant: &[Heard]) -> (usize, usize) {
    let places = |bytes: &[u8], width: usize, among: &HashSet<Vec<u8>>| {
        bytes.windows(2 * width).filter(|window| among.contains(*window)).count()
    };
    let (mut alone, mut changes) = (0, 0);
    for few in FEW {
        for width in WIDTHS {
            let of_width = meant.iter().filter(|heard| heard.0.width == width);
            let known: HashSet<Vec<u8>> =
                of_width.flat_map(|heard| bins(&sum(heard, few), width).collect::<Vec<_>>()).collect();
            alone += told.iter().map(|heard| places(&sum(heard, few), width, &known)).sum::<usize>();
        }
        for ((before, after), (was, is)) in pairs(told).zip(pairs(meant)) {
            let width = is.0.width;
            let known: HashSet<Vec<u8>> = bins(&change(was, is, few), width).collect();
            changes += places(&change(before, after, few), width, &known);
        }
    }
    (alone, changes)
}

#[test]
fn no_bin_of_fewer_than_all_parties_is_in_what_the_coordinator_can_add_up() {
    let (plain, _) = training(Masks::None);
    assert_eq!(found(&training(Masks::New).0, &plain), (0, 0));
    // Where it is told, or masks are used twice, it is found.
    let (alone, changes) = found(&plain, &plain);
    assert!(alone > 5_000 && changes > 1_000, "{alone}, {changes}");
    let (alone, changes) = found(&training(Masks::Worn).0, &plain);
    assert!(alone == 0 && changes > 1_000, "{alone}, {changes}");
}
