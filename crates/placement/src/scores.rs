//! Plans where the objective sees scores and the budget sees money.
//!
//! A score is a factor on what an offer costs in the eyes of the objective; a budget, like every total that
//! is printed, is money. Without scores the two are one number and the solver heeds both. With them:
//!
//! 1. the best plan by scores alone: if it keeps the budget, no other is better;
//! 2. the cheapest plan in money: if it breaks the budget, every plan does;
//! 3. few combinations: each is looked at;
//! 4. else Lagrange: for `θ` from 0 to 1 machines are weighed by `(1 − θ)·score + θ·money`, which is the
//!    relaxed problem itself, so its bound is one for the budgeted plan. `θ` is halved between what breaks
//!    the budget and what keeps it; the best plan seen that keeps it is then improved task by task.
//!
//! *Guarantee:* no plan that keeps the budget in money is better by scores than the bound that is returned.
//! *Rejected:* a second cost in every label and message of the solver, for a combination that is rare.

use crate::solve::{self, Goal, Limits, Problem, Solution, Unsolved};

/// Combinations that are looked at one by one: some tenths of a second for jobs of ten tasks.
const LOOKED_AT: usize = 200_000;
/// Times that the weight of money is halved: the bound changes by a millionth of the budget after them.
const HALVINGS: u32 = 20;
/// Passes over all tasks when a plan is improved.
const PASSES: usize = 4;

/// The same job with machines weighed in another way.
pub(crate) struct Scored<'p> {
    /// By score: what the objective sees.
    pub(crate) scored: &'p Problem,
    /// In money: what the budget sees.
    pub(crate) money: &'p Problem,
    /// By `(1 − θ)·score + θ·money`.
    pub(crate) mixed: &'p dyn Fn(f64) -> Problem,
}

impl Scored<'_> {
    /// The best plan for a goal with a budget of so many nano-dollars.
    pub(crate) fn solve(&self, goal: &Goal, budget: i64, limits: &Limits) -> Result<Solution, Unsolved> {
        if goal.cost_weight > 0.0 {
            return self.within(goal, budget, limits);
        }
        // The least time first; scores decide only among the fastest.
        let fastest = solve::solve(self.money, goal, limits)?;
        let among = Goal { max_time: Some(fastest.time), ..Goal::COST };
        let (bound, exact) = (fastest.bound, fastest.exact);
        Ok(match self.within(&among, budget, limits) {
            Ok(best) => Solution { bound, exact: exact && best.exact, ..best },
            Err(_) => Solution { exact: false, ..self.solution(fastest.states, bound) },
        })
    }

    fn within(&self, goal: &Goal, budget: i64, limits: &Limits) -> Result<Solution, Unsolved> {
        let free = Goal { max_cost: None, ..*goal };
        let best = solve::solve(self.scored, &free, limits)?;
        if self.money.evaluate(&best.states).0 <= budget {
            return Ok(best);
        }
        let least = Goal { max_time: goal.max_time, ..Goal::COST };
        let cheapest = solve::solve(self.money, &least, limits)?;
        if cheapest.cost > budget {
            return Err(if cheapest.exact { Unsolved::Infeasible } else { Unsolved::NotFound });
        }
        let mut search = Search { scored: self, goal: free, budget, states: cheapest.states };
        let bound = match search.look_at_all() {
            true => search.value(),
            false => search.relax(best.bound, limits),
        };
        let found = search.value();
        let exact = bound >= found - 0.5_f64.max(found.abs() * 1e-10);
        Ok(Solution { exact, ..self.solution(search.states, bound.min(found)) })
    }

    fn solution(&self, states: Vec<u32>, bound: f64) -> Solution {
        let (cost, time) = self.scored.evaluate(&states);
        Solution { states, cost, time, bound, exact: true }
    }
}

/// The best plan so far that keeps the budget.
struct Search<'s, 'p> {
    scored: &'s Scored<'p>,
    goal: Goal,
    budget: i64,
    states: Vec<u32>,
}

impl Search<'_, '_> {
    fn value_of(&self, states: &[u32]) -> f64 {
        let (cost, time) = self.scored.scored.evaluate(states);
        self.goal.value(cost, time)
    }

    fn value(&self) -> f64 {
        self.value_of(&self.states)
    }

    fn offer(&mut self, states: &[u32]) -> bool {
        let (money, time) = self.scored.money.evaluate(states);
        let keeps = money <= self.budget && self.goal.allows(money, time);
        let better = keeps && self.value_of(states) < self.value();
        if better {
            self.states = states.to_vec();
        }
        better
    }

    /// Looks at every combination, if they are few.
    fn look_at_all(&mut self) -> bool {
        let tasks = &self.scored.scored.tasks;
        let count = tasks.iter().try_fold(1_usize, |count, states| count.checked_mul(states.len()));
        if count.is_none_or(|count| count > LOOKED_AT) {
            return false;
        }
        let mut states = vec![0_u32; tasks.len()];
        loop {
            self.offer(&states);
            let wrapped = states.iter_mut().zip(tasks).all(|(state, all)| {
                *state += 1;
                let over = *state as usize == all.len();
                if over {
                    *state = 0;
                }
                over
            });
            if wrapped {
                return true;
            }
        }
    }

    /// Halves the weight of money and returns the highest bound seen.
    #[expect(clippy::cast_precision_loss, reason = "budgets are below 2^53 nano-dollars")]
    fn relax(&mut self, mut bound: f64, limits: &Limits) -> f64 {
        let (weight, budget) = (self.goal.cost_weight, self.budget as f64);
        let (mut breaks, mut keeps) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let share = f64::midpoint(breaks, keeps);
            let problem = (self.scored.mixed)(share);
            // Costs weigh more by what the budget's multiplier adds.
            let scale = 1.0 / (1.0 - share);
            let goal =
                Goal { time_weight: self.goal.time_weight / (weight * scale), cost_weight: 1.0, ..self.goal };
            let Ok(found) = solve::solve(&problem, &goal, limits) else { break };
            // A nano-dollar a task is lost to rounding.
            let rounding = problem.tasks.len() as f64;
            bound = bound.max(weight * scale * (found.bound - rounding - share * budget));
            self.offer(&found.states);
            if self.scored.money.evaluate(&found.states).0 <= self.budget {
                keeps = share;
            } else {
                breaks = share;
            }
        }
        self.improve();
        bound
    }

    /// Moves one task at a time as long as that is better.
    fn improve(&mut self) {
        for _ in 0..PASSES {
            let mut moved = false;
            for task in 0..self.states.len() {
                for state in 0..self.scored.scored.tasks[task].len() {
                    let mut states = self.states.clone();
                    states[task] = u32::try_from(state).unwrap_or(0);
                    moved |= self.offer(&states);
                }
            }
            if !moved {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solve::State;

    /// By task and state: score, money, time.
    type Tasks = Vec<Vec<(i64, i64, i64)>>;

    fn random(seed: u64) -> Tasks {
        let mut state = seed;
        let mut below = |most: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from((state >> 33) % most).unwrap()
        };
        (0..3).map(|_| (0..5).map(|_| (below(900), below(900), below(50))).collect()).collect()
    }

    fn problem(tasks: &Tasks, weigh: impl Fn(i64, i64) -> i64) -> Problem {
        let state = |(score, money, time): &(i64, i64, i64)| State {
            place: 0,
            cost: weigh(*score, *money),
            time: *time,
        };
        let tasks = tasks.iter().map(|states| states.iter().map(state).collect()).collect();
        Problem::new(tasks, Vec::new(), vec![0], None)
    }

    /// Least value of what keeps the budget, by looking at everything.
    fn brute_force(tasks: &Tasks, goal: &Goal, budget: i64) -> Option<f64> {
        let mut best: Option<f64> = None;
        for a in &tasks[0] {
            for b in &tasks[1] {
                for c in &tasks[2] {
                    let (score, money, time) = (a.0 + b.0 + c.0, a.1 + b.1 + c.1, a.2.max(b.2).max(c.2));
                    if money <= budget && goal.allows(0, time) {
                        let value = goal.value(score, time);
                        best = Some(best.map_or(value, |best| best.min(value)));
                    }
                }
            }
        }
        best
    }

    #[test]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "small numbers")]
    fn equals_brute_force_and_is_bounded_where_it_is_relaxed() {
        let limits = Limits::default();
        for seed in 0..300 {
            let tasks = random(seed);
            let (scored, money) = (problem(&tasks, |score, _| score), problem(&tasks, |_, money| money));
            let mixed = |share: f64| {
                problem(&tasks, |score, money| {
                    ((1.0 - share) * score as f64 + share * money as f64).round() as i64
                })
            };
            let all = Scored { scored: &scored, money: &money, mixed: &mixed };
            for goal in [
                Goal::COST,
                Goal { max_time: Some(35), ..Goal::COST },
                Goal { cost_weight: 0.5, time_weight: 4.0, max_cost: None, max_time: None },
            ] {
                for budget in [400, 900, 1_500] {
                    let (found, best) =
                        (all.solve(&goal, budget, &limits), brute_force(&tasks, &goal, budget));
                    let (Ok(found), Some(best)) = (&found, best) else {
                        assert_eq!(
                            (found.err(), best),
                            (Some(Unsolved::Infeasible), None),
                            "{seed} {budget}"
                        );
                        continue;
                    };
                    assert!(found.exact && (goal.value(found.cost, found.time) - best).abs() < 1e-6);
                    let least =
                        solve::solve(&money, &Goal { max_time: goal.max_time, ..Goal::COST }, &limits)
                            .unwrap();
                    let mut search = Search { scored: &all, goal, budget, states: least.states };
                    let bound = search.relax(f64::NEG_INFINITY, &limits);
                    assert!(
                        bound <= best + 1e-6 && search.value() >= best - 1e-6,
                        "{seed} {budget}: {bound} {best}"
                    );
                }
            }
        }
    }

    #[test]
    fn among_the_fastest_scores_decide_and_the_budget_is_money() {
        let tasks = vec![vec![(1, 90, 10), (5, 40, 10), (9, 10, 10), (0, 1, 20)]; 1];
        let (scored, money) = (problem(&tasks, |score, _| score), problem(&tasks, |_, money| money));
        let mixed = |_: f64| problem(&tasks, |score, _| score);
        let all = Scored { scored: &scored, money: &money, mixed: &mixed };
        let goal = Goal { max_cost: Some(50), ..Goal::TIME };
        let found = all.solve(&goal, 50, &Limits::default()).unwrap();
        assert_eq!((found.states, found.time), (vec![1], 10));
    }
}
