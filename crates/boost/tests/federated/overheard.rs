//! What a coordinator could know: everything that it is told, and all that it could add up and subtract of it.

use crate::{Heard, LOGISTIC, Masks, dealt, plan, together};
use std::cell::RefCell;
use std::collections::HashSet;
use welkin_boost::federated::{Shape, combine};

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
pub(super) fn sum((shape, answers): &Heard, parties: &[usize]) -> Vec<u8> {
    let mut sum = vec![0; shape.bytes()];
    parties.iter().for_each(|party| combine(shape.width, &mut sum, &answers[*party], true));
    sum
}

/// The same without what they told before.
fn change(before: &Heard, after: &Heard, parties: &[usize]) -> Vec<u8> {
    let mut change = sum(after, parties);
    combine(after.0.width, &mut change, &sum(before, parties), false);
    change
}

/// Bytes of a sum of gradients of 2000 rows, and of a bin, which has two of them.
const WIDTH: usize = 6;
const BIN: usize = 2 * WIDTH;

/// Bins in which there are rows. One of random bytes is among them once in 2^80 tries.
fn bins(histogram: &[u8]) -> impl Iterator<Item = [u8; BIN]> + '_ {
    // Second derivatives are positive.
    histogram.as_chunks().0.iter().filter(|bin: &&[u8; BIN]| bin[WIDTH..] != [0; WIDTH]).copied()
}

fn is_histogram((shape, _): &&Heard) -> bool {
    shape.width == WIDTH
}

/// Histograms of the same shape, one told before the other.
fn pairs(heard: &[Heard]) -> impl Iterator<Item = (&Heard, &Heard)> {
    let of_one_shape = |before: &&Heard, shape: Shape| before.0 == shape;
    heard.iter().enumerate().filter(|(_, after)| is_histogram(after)).flat_map(move |(at, after)| {
        heard[..at]
            .iter()
            .filter(move |before| of_one_shape(before, after.0))
            .map(move |before| (before, after))
    })
}

/// Places where what some parties told, at any byte of it, or what changed from one answer to another, is a bin of theirs.
fn found(told: &[Heard], meant: &[Heard]) -> (usize, usize) {
    let places = |bytes: &[u8], among: &HashSet<[u8; BIN]>| {
        bytes.windows(BIN).filter(|window| among.contains(*window)).count()
    };
    let (mut alone, mut changes) = (0, 0);
    for few in FEW {
        let known =
            meant.iter().filter(is_histogram).flat_map(|heard| bins(&sum(heard, few)).collect::<Vec<_>>());
        let known: HashSet<[u8; BIN]> = known.collect();
        alone += told.iter().map(|heard| places(&sum(heard, few), &known)).sum::<usize>();
        for ((before, after), (was, is)) in pairs(told).zip(pairs(meant)) {
            let known: HashSet<[u8; BIN]> = bins(&change(was, is, few)).collect();
            changes += places(&change(before, after, few), &known);
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
    assert!(alone > 5_000 && changes > 5_000, "{alone}, {changes}");
    let (alone, changes) = found(&training(Masks::Worn).0, &plain);
    assert!(alone == 0 && changes > 5_000, "{alone}, {changes}");
}
