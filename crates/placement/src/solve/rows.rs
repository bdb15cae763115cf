//! Places from which every movement costs and takes the same, whatever edge it is and wherever it goes.
//!
//! A provider's regions on one continent mostly have the same tariffs and rates: of some hundred and fifty places over five
//! price lists, some thirty are left. Whatever goes through all sources of an edge looks at one place of each kind, and at
//! what staying costs for each place by itself.

use super::problem::Problem;
use std::collections::BTreeMap;

/// For each place the first one that all its movements are priced like.
pub(super) fn alike(problem: &Problem) -> Vec<u16> {
    let (places, classes) = (problem.classes.len(), problem.class_count);
    let mut first: Vec<u16> = vec![0; places];
    let meters = problem.meters.iter().map(|meters| {
        let ids = meters.of_move.iter().map(|id| i64::from(*id));
        ids.collect::<Vec<i64>>()
    });
    let meters: Vec<Vec<i64>> = meters.collect();
    let tables = problem.tables().flat_map(|moves| [&moves.cost, &moves.time]).chain(&meters);
    for table in tables {
        let mut known: BTreeMap<(u16, &[i64]), u16> = BTreeMap::new();
        for (place, row) in table.chunks_exact(classes).enumerate() {
            let place = u16::try_from(place).unwrap_or(u16::MAX);
            let before = first[usize::from(place)];
            first[usize::from(place)] = *known.entry((before, row)).or_insert(place);
        }
    }
    first
}

/// For each place the meter that most of its movements count on.
pub(super) fn usual_meters(problem: &Problem) -> Vec<u16> {
    let Some(meters) = &problem.meters else { return vec![0; problem.classes.len()] };
    let usual = |row: &[u16]| {
        let count = |meter: u16| row.iter().filter(|other| **other == meter).count();
        row.iter().copied().max_by_key(|meter| (count(*meter), u16::MAX - meter)).unwrap_or(0)
    };
    meters.of_move.chunks_exact(problem.class_count).map(usual).collect()
}
