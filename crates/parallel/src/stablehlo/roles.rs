//! Which arguments a step hands to the next, and as which of its results.
//!
//! The program says so where memory of arguments is given to results (`donate_argnums`); whoever plans it can say how many there are;
//! else the longest row of first arguments is taken whose types are those of the first results, in order.

use super::error::StableHloError;
use super::syntax::Function;
use super::types::{TypeId, Types};

/// How it is known which arguments are state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFrom {
    /// Memory of so many is given to results.
    Donated(usize),
    /// So many were said to be.
    Said(usize),
    /// The types of so many first arguments are those of the first results.
    Types(usize),
}

/// For each argument the result that takes its place.
pub(super) fn becomes(
    main: &Function<'_>,
    types: &Types<'_>,
    said: Option<usize>,
) -> Result<(Vec<Option<usize>>, StateFrom), StableHloError> {
    let args: Vec<TypeId> = main.args.iter().map(|arg| arg.kind).collect();
    let results: Vec<TypeId> = main.results.iter().map(|(kind, _)| *kind).collect();
    let same = |arg: usize, result: usize| {
        args.get(arg).zip(results.get(result)).is_some_and(|(a, b)| types.get(*a) == types.get(*b))
    };
    let first = |count: usize| (0..args.len()).map(|arg| (arg < count).then_some(arg)).collect();
    if let Some(count) = said {
        if let Some(other) = (0..count).find(|place| !same(*place, *place)) {
            return Err(StableHloError::State(format!(
                "the first {count} arguments cannot be state: argument {other} is of another type than result {other}, or one of them is missing"
            )));
        }
        return Ok((first(count), StateFrom::Said(count)));
    }
    let donated = donated(main, &same, results.len());
    let count = donated.iter().flatten().count();
    if count > 0 {
        return Ok((donated, StateFrom::Donated(count)));
    }
    let count = (0..args.len()).take_while(|place| same(*place, *place)).count();
    Ok((first(count), StateFrom::Types(count)))
}

/// Each result takes one place. What may go to any result goes to the first that has its type.
fn donated(main: &Function<'_>, same: &dyn Fn(usize, usize) -> bool, results: usize) -> Vec<Option<usize>> {
    let mut taken = vec![false; results];
    let mut becomes: Vec<Option<usize>> = main.args.iter().map(super::syntax::Arg::becomes).collect();
    for (arg, becomes) in becomes.iter_mut().enumerate() {
        *becomes = becomes.filter(|result| same(arg, *result) && !taken[*result]);
        if let Some(result) = becomes {
            taken[*result] = true;
        }
    }
    // Results of one type in their order: a step has few types, and as many donors at most as results.
    let mut from = std::collections::BTreeMap::new();
    for (arg, becomes) in becomes.iter_mut().enumerate().filter(|(arg, _)| main.args[*arg].given()) {
        if becomes.is_none() {
            let start = from.entry(main.args[arg].kind).or_insert(0);
            let found = (*start..results).find(|result| !taken[*result] && same(arg, *result));
            *start = found.map_or(results, |found| found + 1);
            *becomes = found;
            if let Some(result) = found {
                taken[result] = true;
            }
        }
    }
    becomes
}
