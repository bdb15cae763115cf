//! The abstract placement problem and its exact solvers.
//!
//! Rich offers and places are mapped to dense integers before this module and back after it; here
//! there are only tasks with states, edges with prices, and a goal.
//!
//! *Properties wanted, each a test:* the solution is feasible; no worse than any single-place plan;
//! equal to brute force on small instances for every goal; the same on a second solve; independent
//! of the order of states.
//!
//! Which solver when:
//! 1. cost on forests (chains, trees) without shared volume tiers: [`forest`], one pass of dynamic
//!    programming, exact;
//! 2. anything with time on chains, out-trees and in-trees likewise: [`front`], dynamic programming over
//!    Pareto sets of (cost, time), exact, and the whole front at once;
//! 3. everything else: [`search`], branch and bound under a Lagrangian dual bound ([`dual`]), exact
//!    when it ends within its limit of work, else with a proven gap. Shared volume tiers ([`meters`]) are
//!    its business too; where every meter has one price left they fold into the edges first.
//!
//! *Rejected:* a 0-1 program per edge pair (tens of thousands of binaries for five tasks), and
//! variable elimination over pairs of places (its tables explode at the widths of ordinary graphs).

mod descent;
mod dual;
mod flow;
mod forest;
mod front;
mod meters;
mod part;
mod prices;
mod problem;
mod range;
mod rows;
mod schedule;
mod search;
mod seen;
mod standing;
mod step;
mod walk;
mod wander;

pub(crate) use meters::{Curve, Meters, SharedQuota};
pub(crate) use problem::{EdgePrices, Moves, Problem, State};
pub(crate) use range::{Amount, out_of_range};
use search::Known;
pub(crate) use search::Limits;
pub(crate) use walk::{Front, FrontPoint, pareto};

/// What to minimise, and under which limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Goal {
    /// Weight of one nano-dollar.
    pub(crate) cost_weight: f64,
    /// Weight of one millisecond of the makespan.
    pub(crate) time_weight: f64,
    /// Most nano-dollars.
    pub(crate) max_cost: Option<i64>,
    /// Longest makespan in milliseconds.
    pub(crate) max_time: Option<i64>,
}

impl Goal {
    /// Least cost.
    pub(crate) const COST: Self = Self { cost_weight: 1.0, time_weight: 0.0, max_cost: None, max_time: None };
    /// Least makespan.
    pub(crate) const TIME: Self = Self { cost_weight: 0.0, time_weight: 1.0, max_cost: None, max_time: None };

    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 nano-dollars, nine million dollars")]
    pub(crate) fn value(&self, cost: i64, time: i64) -> f64 {
        self.cost_weight * cost as f64 + self.time_weight * time as f64
    }

    pub(crate) fn allows(&self, cost: i64, time: i64) -> bool {
        self.max_cost.is_none_or(|most| cost <= most) && self.max_time.is_none_or(|most| time <= most)
    }

    /// Whether the makespan plays any part.
    fn heeds_time(&self) -> bool {
        self.time_weight > 0.0 || self.max_time.is_some() || self.max_cost.is_some()
    }

    /// The smallest difference of values that counts: single goals are integers.
    fn resolution(&self, value: f64) -> f64 {
        let single = (self.cost_weight == 1.0 && self.time_weight == 0.0)
            || (self.cost_weight == 0.0 && self.time_weight == 1.0);
        if single { 0.5_f64.max(value.abs() * 1e-15) } else { value.abs() * 1e-10 }
    }
}

/// A solved problem.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Solution {
    /// Chosen state of each task.
    pub(crate) states: Vec<u32>,
    /// Nano-dollars, volume tiers shared by all edges.
    pub(crate) cost: i64,
    /// Makespan in milliseconds.
    pub(crate) time: i64,
    /// No solution has a lower value than this.
    pub(crate) bound: f64,
    /// Whether the solution is proven best.
    pub(crate) exact: bool,
}

/// Why there is no solution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsolved {
    /// No assignment keeps the limits.
    Infeasible,
    /// None was found before the search was cut short.
    NotFound,
}

/// The best assignment for `goal`; among equals of a time goal, the cheapest, and among equals of others one that neither a
/// task by itself nor all of them at one place make faster.
pub(crate) fn solve(problem: &Problem, goal: &Goal, limits: &Limits) -> Result<Solution, Unsolved> {
    if problem.tasks.iter().any(Vec::is_empty) {
        return Err(Unsolved::Infeasible);
    }
    let first = solve_once(problem, goal, limits)?;
    if goal.cost_weight > 0.0 {
        let states = descent::quicken(problem, goal, first.states);
        let (cost, time) = problem.evaluate(&states);
        return Ok(Solution { states, cost, time, ..first });
    }
    let cheapest = Goal { max_time: Some(first.time), ..Goal::COST };
    let second = solve_once(problem, &cheapest, limits)?;
    let kept = goal.allows(second.cost, second.time);
    let exact = first.exact && second.exact;
    Ok(if kept { Solution { bound: first.bound, exact, ..second } } else { Solution { exact, ..first } })
}

fn solve_once(problem: &Problem, goal: &Goal, limits: &Limits) -> Result<Solution, Unsolved> {
    if let Some(plain) = problem.unmetered() {
        return solve_once(&plain, goal, limits);
    }
    if problem.is_pairwise() && !goal.heeds_time() && problem.shape().forest {
        let states = forest::cheapest(problem);
        let (cost, time) = problem.evaluate(&states);
        return Ok(Solution { states, cost, time, bound: goal.value(cost, time), exact: true });
    }
    if problem.is_pairwise()
        && goal.heeds_time()
        && let Some(points) = front::front(problem, limits)
    {
        let best = points
            .into_iter()
            .filter(|point| goal.allows(point.cost, point.time))
            .min_by(|a, b| goal.value(a.cost, a.time).total_cmp(&goal.value(b.cost, b.time)));
        let point = best.ok_or(Unsolved::Infeasible)?;
        let bound = goal.value(point.cost, point.time);
        return Ok(Solution { states: point.states, cost: point.cost, time: point.time, bound, exact: true });
    }
    // What less work finds comes first, so that more of it never makes a plan worse.
    let mut known = Known::NOTHING;
    let mut found = Err(Unsolved::NotFound);
    for limits in limits.steps() {
        found = if goal.max_time.is_some() && goal.cost_weight > 0.0 {
            under_deadline(problem, goal, &limits, &known)
        } else {
            search::search(problem, goal, &limits, &known)
        };
        match &found {
            Ok(solution) if solution.exact => break,
            Ok(solution) => known = Known { bound: solution.bound, plans: vec![solution.states.clone()] },
            Err(Unsolved::Infeasible) => break,
            Err(Unsolved::NotFound) => {}
        }
    }
    found
}

/// A deadline is left out first: then most states are out of the question soon, and what is proven of all plans is proven
/// of those that keep it.
fn under_deadline(
    problem: &Problem,
    goal: &Goal,
    limits: &Limits,
    before: &Known,
) -> Result<Solution, Unsolved> {
    let free = Goal { max_time: None, ..*goal };
    let limits_of_free = Limits { updates: limits.updates / FREE_OF_DEADLINE, ..*limits };
    let mut known = Known { bound: before.bound, plans: before.plans.clone() };
    match search::search(problem, &free, &limits_of_free, &Known::NOTHING) {
        Err(Unsolved::Infeasible) => return Err(Unsolved::Infeasible),
        Err(Unsolved::NotFound) => {}
        Ok(found) => {
            let states = descent::quicken(problem, &free, found.states);
            let (cost, time) = problem.evaluate(&states);
            if found.exact && goal.allows(cost, time) {
                return Ok(Solution { states, cost, time, ..found });
            }
            known.bound = known.bound.max(found.bound);
            known.plans.push(states);
        }
    }
    search::search(problem, goal, limits, &known)
}

/// Share of the work that a search without the deadline may take.
const FREE_OF_DEADLINE: usize = 4;

#[cfg(test)]
mod tests;
