//! What to relax when a task has no offer: the smallest sets of conditions whose removal leaves some.
//!
//! Sets of one condition are tried first, then pairs, then threes; the first size with an answer is
//! reported whole. Exact within that bound; a task that needs four conditions dropped is described
//! by what removed its offers instead.

use crate::candidates::{Effort, count_with};
use crate::request::Request;
use serde::Serialize;
use welkin_job::{Market, Task, TimeEstimate};

/// A set of conditions and what dropping it would leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relaxation {
    /// The conditions, as job files spell them.
    pub drop: Vec<&'static str>,
    /// Distinct offers that would be left.
    pub leaves: usize,
}

/// Largest set that is tried: sixteen conditions give 16 + 120 + 560 filters at most, a fraction of a
/// second over the largest catalog.
const MAX_SET: usize = 3;
/// Sets reported.
const MAX_REPORTED: usize = 5;

/// One condition: its name, whether the task has it, and how to drop it.
type Condition = (&'static str, fn(&Task) -> bool, fn(&mut Task));

const CONDITIONS: [Condition; 16] = [
    (
        "accelerators",
        |t| t.options.iter().any(|o| o.accelerator.is_some()),
        |t| t.options.iter_mut().for_each(|o| o.accelerator = None),
    ),
    (
        "cpus",
        |t| t.options.iter().any(|o| o.cpus.is_some()),
        |t| t.options.iter_mut().for_each(|o| o.cpus = None),
    ),
    (
        "memory",
        |t| t.options.iter().any(|o| o.memory_gib.is_some() || o.memory_per_cpu_milli.is_some()),
        |t| {
            t.options.iter_mut().for_each(|o| {
                o.memory_gib = None;
                o.memory_per_cpu_milli = None;
            });
        },
    ),
    (
        "arch",
        |t| t.options.iter().any(|o| o.arch.is_some()),
        |t| t.options.iter_mut().for_each(|o| o.arch = None),
    ),
    (
        "instance_type",
        |t| t.options.iter().any(|o| o.instance_type.is_some()),
        |t| t.options.iter_mut().for_each(|o| o.instance_type = None),
    ),
    (
        "infra",
        |t| t.options.iter().any(|o| o.infra != welkin_job::Infra::default()),
        |t| t.options.iter_mut().for_each(|o| o.infra = welkin_job::Infra::default()),
    ),
    (
        "use_spot",
        |t| t.options.iter().any(|o| o.market == Market::Spot),
        |t| t.options.iter_mut().for_each(|o| o.market = Market::Any),
    ),
    (
        "max_hourly_cost",
        |t| t.policy.max_hourly_cost.is_some() || t.options.iter().any(|o| o.max_hourly_cost.is_some()),
        |t| {
            t.policy.max_hourly_cost = None;
            t.options.iter_mut().for_each(|o| o.max_hourly_cost = None);
        },
    ),
    ("needs.tee", |t| !t.needs.tee.is_empty(), |t| t.needs.tee.clear()),
    ("policy.residency", |t| !t.policy.residency.is_empty(), |t| t.policy.residency.clear()),
    (
        "policy.providers",
        |t| !t.policy.allow_providers.is_empty() || !t.policy.deny_providers.is_empty(),
        |t| {
            t.policy.allow_providers.clear();
            t.policy.deny_providers.clear();
        },
    ),
    ("policy.certs", |t| !t.policy.certs.is_empty(), |t| t.policy.certs.clear()),
    ("policy.where", |t| !t.policy.r#where.is_empty(), |t| t.policy.r#where.clear()),
    ("time", |t| t.time != TimeEstimate::Unstated, |t| t.time = TimeEstimate::Unstated),
    ("policy.deadline", |t| t.policy.deadline.is_some(), |t| t.policy.deadline = None),
    ("policy.budget", |t| t.policy.budget.is_some(), |t| t.policy.budget = None),
];

/// The smallest sets of conditions to relax, most offers first.
pub(crate) fn relaxations(request: &Request<'_>, task: &Task, effort: &Effort) -> Vec<Relaxation> {
    let present: Vec<&Condition> = CONDITIONS.iter().filter(|(_, present, _)| present(task)).collect();
    for size in 1..=MAX_SET.min(present.len()) {
        let mut found: Vec<Relaxation> = subsets(present.len(), size)
            .into_iter()
            .filter_map(|set| {
                let mut relaxed = task.clone();
                set.iter().for_each(|index| (present[*index].2)(&mut relaxed));
                let leaves = count_with(request, &relaxed, effort);
                let drop = set.iter().map(|index| present[*index].0).collect();
                (leaves > 0).then_some(Relaxation { drop, leaves })
            })
            .collect();
        if !found.is_empty() {
            found.sort_by_key(|relaxation| std::cmp::Reverse(relaxation.leaves));
            found.truncate(MAX_REPORTED);
            return found;
        }
    }
    Vec::new()
}

/// Subsets of `size` of the first `count` numbers, in lexicographic order.
fn subsets(count: usize, size: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size {
        all = all
            .into_iter()
            .flat_map(|set| {
                let from = set.last().map_or(0, |last| last + 1);
                (from..count).map(move |next| [set.clone(), vec![next]].concat())
            })
            .collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_in_order() {
        assert_eq!(subsets(4, 2), [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]);
        assert_eq!(subsets(3, 1).len(), 3);
    }
}
