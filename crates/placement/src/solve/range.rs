//! Whether every plan of a problem can be counted.
//!
//! Amounts are 64-bit integers. The dearest and slowest that any plan could be is known before one is
//! looked for: each task in its dearest state, each edge at its dearest price, each meter charged for all
//! the volume there is. Where that stays below the bounds here, no sum of the solvers leaves its type,
//! whatever they combine; where it does not, the job is refused by name instead of planned wrongly.
//!
//! *Rejected:* sums in 128 bits, since prices of single tasks are 64 bits wide before they come here, and
//! so is every amount that a plan shows.

use super::problem::{EdgePrices, Moves, Problem};
use std::collections::BTreeMap;
use std::rc::Rc;
use welkin_units::Bytes;

/// Most nano-dollars of the dearest plan: 1.15 billion dollars. Solvers add up to four such sums to
/// "dearer than anything", a quarter of the type's range, and still stay in it.
const MOST_COST: i128 = (i64::MAX / 8) as i128;
/// Most milliseconds of the slowest plan: 285,000 years, below which times are exact in floating point.
const MOST_TIME: i128 = 1 << 53;
/// Most bytes that move: 9 petabytes, likewise.
const MOST_VOLUME: i128 = 1 << 53;

/// What leaves the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Amount {
    /// Money.
    Cost,
    /// Time from start to the last task's end.
    Time,
    /// Data that moves.
    Volume,
}

/// A problem some of whose plans cannot be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutOfRange {
    pub(crate) amount: Amount,
    /// The task that can add most to it, what comes to it included.
    pub(crate) task: usize,
}

/// The amount that leaves its range, if one does.
pub(crate) fn out_of_range(problem: &Problem) -> Option<OutOfRange> {
    let limits = [(Amount::Volume, MOST_VOLUME), (Amount::Time, MOST_TIME), (Amount::Cost, MOST_COST)];
    limits.into_iter().find_map(|(amount, most)| {
        let worst = worst(problem, amount);
        let task = (0..worst.len()).max_by_key(|task| (worst[*task], usize::MAX - task))?;
        (worst.iter().sum::<i128>() > most).then_some(OutOfRange { amount, task })
    })
}

/// The most that each task, with the data that comes to it, can add to an amount.
fn worst(problem: &Problem, amount: Amount) -> Vec<i128> {
    let most = |values: &[i64]| values.iter().map(|value| size(*value)).max().unwrap_or(0);
    // By table, which many edges share.
    let tables = problem.tables().map(|moves| {
        let amounts = match amount {
            Amount::Cost => most(&moves.cost).max(most(&moves.stay_cost)),
            Amount::Time => most(&moves.time).max(most(&moves.stay_time)),
            Amount::Volume => 0,
        };
        (std::ptr::from_ref(moves), amounts)
    });
    let tables: BTreeMap<*const Moves, i128> = tables.collect();
    let own = |task: usize| {
        let states = problem.tasks[task].iter().map(|state| match amount {
            Amount::Cost => size(state.cost),
            Amount::Time => size(state.time),
            Amount::Volume => 0,
        });
        let coming = problem.incoming[task].iter().map(|&edge| {
            let EdgePrices { volume, moves, .. } = &problem.edges[edge];
            let most = tables.get(&Rc::as_ptr(moves)).copied().unwrap_or_default();
            match amount {
                Amount::Cost => most + dearest(problem, *volume),
                Amount::Time => most,
                Amount::Volume => i128::from(*volume),
            }
        });
        states.max().unwrap_or(0) + coming.sum::<i128>()
    };
    (0..problem.tasks.len()).map(own).collect()
}

/// The most that so many bytes cost on any meter, whatever was sent before.
fn dearest(problem: &Problem, volume: u64) -> i128 {
    let curves = problem.meters.iter().flat_map(|meters| &meters.curves);
    let price = curves.map(|curve| size(curve.tariff.highest().per_gb_over(Bytes::new(volume)).nanos()));
    price.max().unwrap_or(0)
}

fn size(value: i64) -> i128 {
    i128::from(value).abs()
}
