//! Every plan that no other beats in both cost and time.
//!
//! Where dynamic programming applies ([`super::front`]) the front is all there is. Elsewhere it is walked
//! from its cheap end, each point the cheapest plan that is faster than the last:
//! 1. the cheapest plan that ends before the last point does;
//! 2. where it is proven cheapest, the fastest of those that cost no more;
//! 3. where it is not, the cheapest that ends when that one does, again while this finds a cheaper one: then a
//!    plan asked for with the deadline of the point is no cheaper than the point.
//!
//! Where searches are cut short, as many seconds as there are points would pass: a few such points are spread over the
//! times down to the quickest plan's, and the front says that others may lie between.
//!
//! *Guarantee:* no point beats another, each is as cheap as the plan for its own deadline, and each says
//! what is proven of it. *Rejected:* the labels of dynamic programming priced anew where edges share volume
//! tiers: it drops labels by prices that are not those of the plan, and what it drops can be the best.

use super::problem::{Assignment, Problem};
use super::{Goal, Limits, Solution, Unsolved, front, solve_once};

/// A point of the front.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FrontPoint {
    /// Nano-dollars.
    pub(crate) cost: i64,
    /// Makespan in milliseconds.
    pub(crate) time: i64,
    /// Chosen state of each task.
    pub(crate) states: Assignment,
    /// No plan that is as fast costs less than this.
    pub(crate) bound: f64,
    /// Whether no plan that is as fast costs less.
    pub(crate) exact: bool,
}

/// The points of a front, and what is known of those that are not there.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Front {
    /// By rising cost and falling time.
    pub(crate) points: Vec<FrontPoint>,
    /// Whether these are proven to be all there are.
    pub(crate) complete: bool,
    /// Whether nothing is faster than the last point; false where the walk was cut short before its end.
    pub(crate) ended: bool,
}

/// The front within the limits of a goal.
pub(crate) fn pareto(problem: &Problem, within: &Goal, limits: &Limits) -> Front {
    if problem.tasks.iter().any(Vec::is_empty) {
        return Front { points: Vec::new(), complete: true, ended: true };
    }
    if let Some(plain) = problem.unmetered() {
        return pareto(&plain, within, limits);
    }
    let whole = if problem.is_pairwise() { front::front(problem, limits) } else { None };
    let Some(points) = whole else { return walk(problem, within, limits) };
    let points = points.into_iter().filter(|point| within.allows(point.cost, point.time));
    let points = points.map(|point| FrontPoint {
        cost: point.cost,
        time: point.time,
        states: point.states,
        bound: Goal::COST.value(point.cost, point.time),
        exact: true,
    });
    Front { points: points.collect(), complete: true, ended: true }
}

fn walk(problem: &Problem, within: &Goal, limits: &Limits) -> Front {
    let mut points: Vec<FrontPoint> = Vec::new();
    let mut max_time = within.max_time;
    let mut complete = true;
    let mut ended = false;
    let quickest = Goal { max_time, max_cost: within.max_cost, ..Goal::TIME };
    let quickest = solve_once(problem, &quickest, limits).map_or(0, |quickest| quickest.time);
    let mut cuts = limits.front_cuts;
    while points.len() < limits.front_points && cuts > 0 {
        let goal = Goal { max_time, max_cost: within.max_cost, ..Goal::COST };
        let cheapest = match solve_once(problem, &goal, limits) {
            Ok(cheapest) => cheapest,
            Err(unsolved) => {
                ended = unsolved == Unsolved::Infeasible;
                break;
            }
        };
        let (point, cut) = settled(problem, &goal, limits, cheapest);
        complete &= cut == 0;
        cuts = cuts.saturating_sub(cut);
        max_time = Some(point.time - step(point.time - quickest, cuts, limits));
        points.push(point);
    }
    // The quickest, where the steps ended before it.
    let goal = Goal { max_time: Some(quickest), max_cost: within.max_cost, ..Goal::COST };
    if points.last().is_some_and(|last| last.time > quickest)
        && let Ok(cheapest) = solve_once(problem, &goal, limits)
    {
        points.push(settled(problem, &goal, limits, cheapest).0);
    }
    Front { points: unbeaten(points), complete: complete && ended, ended }
}

/// From a point to the next deadline. As long as all is proven, to the very next; then in steps that reach the quickest
/// plan with the cuts that are left.
fn step(to_quickest: i64, cuts: usize, limits: &Limits) -> i64 {
    let left = i64::try_from(cuts.div_ceil(2)).unwrap_or(i64::MAX).max(1);
    if cuts == limits.front_cuts { 1 } else { (to_quickest / left).max(1) }
}

/// The point that a cheapest plan leads to, and how many solves were cut short for it: none where it is proven to be on
/// the front.
fn settled(problem: &Problem, goal: &Goal, limits: &Limits, cheapest: Solution) -> (FrontPoint, usize) {
    let mut best = cheapest;
    if best.exact {
        let fastest = Goal { max_cost: Some(best.cost), max_time: goal.max_time, ..Goal::TIME };
        let fastest = solve_once(problem, &fastest, limits);
        let proven = fastest.as_ref().is_ok_and(|fastest| fastest.exact);
        if let Ok(fastest) = fastest {
            best = Solution { bound: best.bound, exact: true, ..fastest };
        }
        let Solution { states, cost, time, bound, exact } = best;
        return (FrontPoint { cost, time, states, bound, exact }, usize::from(!proven));
    }
    let mut cut = 1;
    loop {
        let there = Goal { max_time: Some(best.time), ..*goal };
        let Ok(again) = solve_once(problem, &there, limits) else { break };
        best.bound = best.bound.max(again.bound);
        cut += usize::from(!again.exact);
        let better = (again.cost, again.time) < (best.cost, best.time);
        if !better {
            best.exact = again.exact;
            break;
        }
        best = Solution { bound: best.bound, ..again };
        if best.exact {
            break;
        }
    }
    let Solution { states, cost, time, bound, exact } = best;
    (FrontPoint { cost, time, states, bound, exact }, cut)
}

/// The points that no other beats, by rising cost: where a search was cut short, a later one can.
fn unbeaten(mut points: Vec<FrontPoint>) -> Vec<FrontPoint> {
    points.sort_by_key(|point| (point.cost, point.time));
    let mut fastest = i64::MAX;
    points.retain(|point| {
        let keep = point.time < fastest;
        fastest = fastest.min(point.time);
        keep
    });
    points
}
