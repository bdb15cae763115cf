//! Repeated blocks of a forward pass: the layers that its author wrote in a loop.
//!
//! Operations are numbered by what they are, equal ones alike; a stretch in which every number comes again `period` places later
//! is a row of equal blocks. Where in the period blocks begin is where the fewest bytes cross.

use crate::intra::kinds;
use crate::model::Model;
use std::collections::BTreeMap;

/// Periods that are looked at: those that most products of matrices come again after.
const PERIODS: usize = 8;

/// Places in the program at which a block begins, the end of the last one after them; nothing where nothing comes again.
pub(super) fn blocks(model: &Model, forward: &[bool], crossing: &[f64]) -> Option<Vec<usize>> {
    let places: Vec<usize> = (0..model.ops.len()).filter(|at| forward[*at]).collect();
    let kinds = kinds(model);
    let kinds: Vec<usize> = places.iter().map(|at| kinds[*at]).collect();
    let heavy: Vec<bool> = places.iter().map(|at| model.ops[*at].flops > 0.0).collect();
    let row = periods(&kinds, &heavy).into_iter().filter_map(|period| longest(&kinds, period));
    // Two blocks at a time are a longer period of the same row.
    let row = row.max_by_key(|row| (row.end - row.first, std::cmp::Reverse(row.period)))?;
    let starts = row.first..row.first + row.period;
    let spare = (row.end - row.first) % row.period;
    let fewest = |a: &usize, b: &usize| crossing[places[*a]].total_cmp(&crossing[places[*b]]);
    let from = starts.take(spare + 1).chain(row.first + spare..row.first + row.period).min_by(fewest)?;
    let count = (row.end - from) / row.period;
    (count >= 2).then(|| {
        let end = |at: usize| places.get(at).copied().unwrap_or(model.ops.len());
        (0..=count).map(|block| end(from + block * row.period)).collect()
    })
}

/// A stretch whose operations come again.
struct Row {
    first: usize,
    end: usize,
    period: usize,
}

/// Distances between one product and the next equal one, the most frequent first.
fn periods(kinds: &[usize], heavy: &[bool]) -> Vec<usize> {
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    let mut votes: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, kind) in kinds.iter().enumerate().filter(|(at, _)| heavy[*at]) {
        if let Some(before) = last.insert(*kind, at) {
            *votes.entry(at - before).or_default() += 1;
        }
    }
    // Blocks in which a product comes several times have it again after all of them.
    let sums: Vec<usize> = votes.keys().copied().collect();
    let mut ranked: Vec<(usize, usize)> = votes.into_iter().map(|(period, votes)| (votes, period)).collect();
    ranked.sort_by(|a, b| b.cmp(a));
    let mut found: Vec<usize> = ranked.into_iter().map(|(_, period)| period).take(PERIODS).collect();
    let several = distances(kinds, heavy);
    found.extend(several.into_iter().filter(|period| !sums.contains(period)));
    found
}

/// Distances from the first of the rarest repeated products to the next.
fn distances(kinds: &[usize], heavy: &[bool]) -> Vec<usize> {
    let mut all: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, kind) in kinds.iter().enumerate().filter(|(at, _)| heavy[*at]) {
        all.entry(*kind).or_default().push(at);
    }
    let rarest = all.values().filter(|places| places.len() > 1).min_by_key(|places| places.len());
    rarest.map_or(Vec::new(), |places| {
        places[1..].iter().take(PERIODS).map(|place| place - places[0]).collect()
    })
}

fn longest(kinds: &[usize], period: usize) -> Option<Row> {
    let (mut best, mut from): (Option<Row>, usize) = (None, 0);
    for at in 0..=kinds.len() {
        if kinds.get(at + period).is_some_and(|next| *next == kinds[at]) {
            continue;
        }
        let longer = best.as_ref().is_none_or(|row| row.end - row.first < at - from + period);
        if at > from && longer {
            best = Some(Row { first: from, end: at + period, period });
        }
        from = at + 1;
    }
    best.filter(|row| row.end - row.first >= 2 * period)
}
