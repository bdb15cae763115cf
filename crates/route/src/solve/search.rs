//! Branch and bound on the amounts bought.
//!
//! 0. Merge places that stand in for each other ([`super::presolve`]), and cut capacities to what can flow.
//! 1. Solve the program over routes. Its value bounds everything below.
//! 2. Buy what the fractional amounts round up to, solve for the flow again: a first answer.
//! 3. Branch on the amount whose rounding matters most: at most its floor, or at least its ceiling. The
//!    nearer side is followed at once, the other waits in a heap by bound.
//! 4. Drop what cannot beat the best answer by more than the gap asked for.
//!
//! Guarantee: when the search ends within its limit, the answer is within [`GAP`] of the best one; cut
//! short, it carries the gap to the best bound of what is left. Work is counted ([`super::effort`]), in the search and
//! within each program.

use super::effort::{Effort, Share};
use super::master::{Ended, Master};
use super::presolve::Merged;
use super::problem::{Goal, Problem, Route, Solution, Unsolved};
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Relative gap at which an answer counts as exact: a tenth of what a price list is accurate to.
pub(crate) const GAP: f64 = 1e-4;
/// An amount this near to a whole number is whole.
const WHOLE: f64 = 1e-6;

/// A part of the search space.
#[derive(Debug)]
struct Part {
    bound: f64,
    bounds: Vec<(u32, u32)>,
    number: u64,
}

impl Ord for Part {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first: lowest bound, then the younger part, which is deeper.
        other.bound.total_cmp(&self.bound).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Part {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Part {}

/// The best answer so far, as the amounts that make it possible.
#[derive(Debug)]
struct Incumbent {
    value: f64,
    bought: Vec<u32>,
    routes: Vec<Route>,
}

struct Search<'p> {
    problem: &'p Problem,
    goal: Goal,
    share: Share<'p>,
    master: Master<'p>,
    incumbent: Option<Incumbent>,
    open: BinaryHeap<Part>,
    /// Lowest bound of all that was dropped without proof that it holds nothing better.
    dropped: f64,
    explored: u64,
}

/// Solves a problem for a goal.
///
/// # Errors
/// When no flow satisfies the goal, or none was found within the limit of work.
pub(crate) fn solve(
    problem: &Problem,
    merged: &Merged,
    goal: Goal,
    effort: &Effort,
) -> Result<Solution, Unsolved> {
    let solution = search(merged.reduced(problem), goal, effort.share())?;
    Ok(merged.expand(problem, solution))
}

/// No unit carries more than all of the flow, so capacities beyond that only loosen the bound of a part.
/// With a credit there is no such limit: more than what is demanded may flow.
fn capacities(problem: &Problem, goal: Goal, share: &Share<'_>) -> Vec<f64> {
    let given: Vec<f64> = problem.resources.iter().map(|resource| resource.capacity).collect();
    let most = match goal {
        Goal::Cost { rate, credit: 0.0, ceiling: None, .. } => rate,
        // Machines are paid for by time, so under a ceiling more than what is demanded may have to flow.
        Goal::Rate { ceiling } | Goal::Cost { credit: 0.0, ceiling, .. } => {
            match Master::new(problem, Goal::Rate { ceiling }, given.clone()).solve(share) {
                Ended::Optimal(value) => -value,
                Ended::Cut { bound, .. } => -bound,
                Ended::Infeasible => return given,
            }
        }
        Goal::Cost { .. } => return given,
    };
    // A tree may leave a node once for each sink; a path leaves and enters once.
    let copies: f64 = problem.sinks.iter().map(|_| 1.0).sum();
    let most = most * copies * (1.0 + WHOLE);
    let mut heaviest = vec![0.0_f64; problem.resources.len()];
    for (resource, used) in problem.arcs.iter().flat_map(|arc| &arc.uses) {
        heaviest[*resource] = heaviest[*resource].max(*used);
    }
    given.into_iter().zip(heaviest).map(|(given, heaviest)| given.min((most * heaviest).max(WHOLE))).collect()
}

fn search<'p>(problem: &'p Problem, goal: Goal, share: Share<'p>) -> Result<Solution, Unsolved> {
    let capacities = capacities(problem, goal, &share);
    let mut search = Search {
        problem,
        goal,
        share,
        master: Master::new(problem, goal, capacities),
        incumbent: None,
        open: BinaryHeap::new(),
        dropped: f64::INFINITY,
        explored: 0,
    };
    let bounds: Vec<(u32, u32)> = problem.purchases.iter().map(|purchase| (0, purchase.limit)).collect();
    search.open.push(Part { bound: f64::NEG_INFINITY, bounds, number: 0 });
    while let Some(part) = search.open.pop() {
        if search.hopeless(part.bound) || (search.explored > 0 && search.share.is_spent()) {
            // The heap gives the lowest bound first, so this is that of all that is left.
            search.dropped = search.dropped.min(part.bound);
            break;
        }
        search.dive(part);
    }
    search.finish()
}

impl Search<'_> {
    /// Whether a part with this bound can be dropped.
    fn hopeless(&self, bound: f64) -> bool {
        self.incumbent.as_ref().is_some_and(|best| bound >= best.value - GAP * self.measure(best.value))
    }

    /// Follows one branch down to an answer or to where it cannot be better.
    fn dive(&mut self, Part { mut bound, mut bounds, .. }: Part) {
        loop {
            self.explored += 1;
            self.master.restrict(&bounds);
            let (proven, value) = match self.master.solve(&self.share) {
                Ended::Optimal(value) => (value, Some(value)),
                Ended::Infeasible => return,
                Ended::Cut { bound, feasible } => (bound, feasible),
            };
            bound = bound.max(proven);
            let Some(value) = value.filter(|_| !self.hopeless(bound)) else { return self.drop_part(bound) };
            let amounts = self.master.amounts();
            let fractional = self.fractional(&amounts).or_else(|| self.forgotten(&amounts, &bounds));
            let Some((purchase, amount)) = fractional else {
                let bought = amounts.iter().map(|amount| rounded(amount.round())).collect();
                self.offer(value, bought);
                // Something better may be left where the program was cut short.
                if value > proven {
                    self.drop_part(bound);
                }
                return;
            };
            self.round_up(&amounts);
            // One that was cut short has been worked on enough.
            if self.hopeless(bound) || value > proven {
                return self.drop_part(bound);
            }
            if self.share.is_spent() {
                return self.open.push(Part { bound, bounds, number: self.explored });
            }
            let (floor, ceiling) = (rounded(amount.floor()), rounded(amount.ceil()));
            let mut other = bounds.clone();
            if amount - amount.floor() > 0.5 {
                bounds[purchase].0 = ceiling;
                other[purchase].1 = floor;
            } else {
                bounds[purchase].1 = floor;
                other[purchase].0 = ceiling;
            }
            self.open.push(Part { bound, bounds: other, number: self.explored });
        }
    }

    /// The purchase to branch on: the one whose rounding, either way, changes most.
    fn fractional(&self, amounts: &[f64]) -> Option<(usize, f64)> {
        let split = amounts.iter().enumerate().filter_map(|(purchase, amount)| {
            let part = amount - amount.floor();
            let off = part.min(1.0 - part);
            (off > WHOLE)
                .then(|| (purchase, *amount, off * self.problem.purchases[purchase].price.max(1e-12)))
        });
        split.max_by(|a, b| a.2.total_cmp(&b.2).then(b.0.cmp(&a.0))).map(|(at, amount, _)| (at, amount))
    }

    /// A purchase that routes go over and that would not be bought, since so little of it is used that its amount counts as
    /// none; between nothing of it and one.
    fn forgotten(&self, amounts: &[f64], bounds: &[(u32, u32)]) -> Option<(usize, f64)> {
        let routes = self.master.routes();
        let total: f64 = routes.iter().map(|route| route.rate).sum();
        let carrying = routes.iter().filter(|route| route.rate > WHOLE * total);
        let used = carrying.flat_map(|route| &route.arcs).flat_map(|arc| &self.problem.arcs[*arc].uses);
        let bought = used.map(|(resource, _)| self.problem.resources[*resource].purchase);
        bought.filter(|at| amounts[*at] < WHOLE && bounds[*at] != (0, 0)).min().map(|at| (at, 0.5))
    }

    /// Buys what the amounts round up to, and sees what flow that allows.
    fn round_up(&mut self, amounts: &[f64]) {
        let bought: Vec<u32> = amounts.iter().map(|amount| rounded((amount - WHOLE).ceil())).collect();
        let fixed: Vec<(u32, u32)> = bought.iter().map(|units| (*units, *units)).collect();
        self.master.restrict(&fixed);
        if let Ended::Optimal(value) | Ended::Cut { feasible: Some(value), .. } =
            self.master.solve(&self.share)
        {
            self.offer(value, bought);
        }
    }

    /// What a gap is a fraction of, in the master's scale.
    fn measure(&self, value: f64) -> f64 {
        value.abs().max(self.goal.reference() / self.master.scale())
    }

    fn drop_part(&mut self, bound: f64) {
        self.dropped = self.dropped.min(bound);
    }

    fn offer(&mut self, value: f64, bought: Vec<u32>) {
        if self.incumbent.as_ref().is_none_or(|best| value < best.value) {
            self.incumbent = Some(Incumbent { value, bought, routes: self.master.routes() });
        }
    }

    /// The flow of the best answer, with exactly what it buys.
    fn finish(mut self) -> Result<Solution, Unsolved> {
        let Some(best) = self.incumbent.take() else {
            let exhausted = self.dropped < f64::INFINITY;
            return Err(if exhausted { Unsolved::Exhausted } else { Unsolved::Infeasible });
        };
        let fixed: Vec<(u32, u32)> = best.bought.iter().map(|units| (*units, *units)).collect();
        self.master.restrict(&fixed);
        let routes = match self.master.solve(&self.share) {
            Ended::Optimal(value) if value <= best.value + GAP * self.measure(best.value) => {
                self.master.routes()
            }
            // As they were when it was found, with amounts that were whole to within rounding.
            Ended::Optimal(_) | Ended::Infeasible | Ended::Cut { .. } => best.routes,
        };
        let rate = routes.iter().map(|route| route.rate).sum();
        let flow_cost: f64 = routes.iter().map(|route| route.rate * self.problem.cost_of(&route.arcs)).sum();
        let purchases = self.problem.purchases.iter().zip(&best.bought);
        let price: f64 = purchases.map(|(purchase, units)| purchase.price * f64::from(*units)).sum();
        let off = (best.value - self.dropped).max(0.0);
        let measure = self.measure(best.value);
        if off > 0.0 && measure <= 0.0 {
            // Nothing flows in it, and something may.
            return Err(Unsolved::Exhausted);
        }
        let gap = if off > 0.0 { off / measure } else { 0.0 };
        Ok(Solution {
            routes,
            bought: best.bought,
            rate,
            cost: flow_cost + price,
            gap,
            explored: self.explored,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "amounts lie between 0 and a u32"
)]
fn rounded(amount: f64) -> u32 {
    amount.max(0.0) as u32
}
