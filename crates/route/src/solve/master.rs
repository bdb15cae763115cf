//! The linear program over routes.
//!
//! Columns: the rate of each known route, the amount of each purchase that a known route needs. Rows: use
//! of a resource ≤ its capacity times the amount bought; the cost ceiling; the demanded rate.
//!
//! A purchase that no known route needs has no rows yet. Its duals are then free to choose, as long as
//! they satisfy its own dual constraint; all of its price goes to one resource, so a route into a fresh
//! place already pays the machine time it would need there, and places are not opened for nothing.
//!
//! Guarantee: when [`Master::solve`] returns a value, no route of the whole problem has a better reduced
//! cost than the tolerance, so the value is that of the full linear program.

use super::paths::Paths;
use super::problem::{Goal, Problem, Route};
use super::simplex::{Outcome, Sense, Simplex};
use super::trees::Trees;
use std::collections::BTreeSet;

/// A route whose reduced cost is nearer to zero than this is no improvement. Relative to `scale`.
const WORTHWHILE: f64 = 1e-8;

/// How the program over routes ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ended {
    /// The optimum over all routes.
    Optimal(f64),
    /// No flow satisfies the bounds and the goal.
    Infeasible,
    /// Rounding errors won twice: nothing is known.
    Failed,
}

/// What finds routes.
#[derive(Debug)]
enum Oracle {
    Paths(Paths),
    Trees(Trees),
}

/// The program and everything known about its columns.
#[derive(Debug)]
pub(super) struct Master<'p> {
    problem: &'p Problem,
    goal: Goal,
    oracle: Oracle,
    lp: Simplex,
    /// Costs are divided by this.
    scale: f64,
    ceiling_row: Option<usize>,
    demand_row: Option<usize>,
    resource_rows: Vec<Option<usize>>,
    amounts: Vec<Option<usize>>,
    /// The resource that carries the price of a purchase without rows.
    payer: Vec<Option<usize>>,
    /// What one unit gives of each resource: that of the problem, or less where less can flow.
    capacities: Vec<f64>,
    bounds: Vec<(u32, u32)>,
    routes: Vec<(Vec<usize>, usize)>,
    known: BTreeSet<Vec<usize>>,
    weights: Vec<f64>,
}

impl<'p> Master<'p> {
    pub(super) fn new(problem: &'p Problem, goal: Goal, capacities: Vec<f64>) -> Self {
        let mut lp = Simplex::default();
        let scale = goal.ceiling().filter(|ceiling| *ceiling > 0.0).unwrap_or_else(|| problem.scale());
        let ceiling_row = goal.ceiling().map(|_| lp.add_row(Sense::AtMost, 0.0));
        let demand_row = match goal {
            Goal::Rate { .. } => None,
            Goal::Cost { rate, .. } => Some(lp.add_row(Sense::AtLeast, rate)),
        };
        let mut payer = vec![None; problem.purchases.len()];
        for (index, resource) in problem.resources.iter().enumerate() {
            if resource.capacity > 0.0 {
                payer[resource.purchase].get_or_insert(index);
            }
        }
        let oracle = match problem.sinks.len() {
            0 | 1 => Oracle::Paths(Paths::new(problem)),
            _ => Oracle::Trees(Trees::new(problem)),
        };
        Self {
            problem,
            goal,
            oracle,
            lp,
            scale,
            ceiling_row,
            demand_row,
            resource_rows: vec![None; problem.resources.len()],
            amounts: vec![None; problem.purchases.len()],
            payer,
            capacities,
            bounds: problem.purchases.iter().map(|purchase| (0, purchase.limit)).collect(),
            routes: Vec::new(),
            known: BTreeSet::new(),
            weights: vec![0.0; problem.arcs.len()],
        }
    }

    /// Sets how few and how many units of each purchase may be bought.
    pub(super) fn restrict(&mut self, bounds: &[(u32, u32)]) {
        self.bounds.copy_from_slice(bounds);
        for (column, (fewest, most)) in self.amounts.iter().zip(bounds) {
            if let Some(column) = column {
                self.lp.set_bounds(*column, f64::from(*fewest), f64::from(*most));
            }
        }
    }

    /// The optimum over all routes under the present bounds.
    pub(super) fn solve(&mut self) -> Ended {
        let mut retried = false;
        loop {
            let repairing = match self.lp.optimise() {
                Outcome::Optimal => false,
                Outcome::Infeasible => true,
                Outcome::Unbounded | Outcome::Failed if retried => return Ended::Failed,
                Outcome::Unbounded | Outcome::Failed => {
                    retried = true;
                    self.lp.start_over();
                    continue;
                }
            };
            if !self.grow(repairing) {
                return if repairing { Ended::Infeasible } else { Ended::Optimal(self.lp.objective()) };
            }
        }
    }

    /// Amount of each purchase at the optimum.
    pub(super) fn amounts(&self) -> Vec<f64> {
        self.amounts.iter().map(|column| column.map_or(0.0, |column| self.lp.value(column))).collect()
    }

    /// Routes in use at the optimum.
    pub(super) fn routes(&self) -> Vec<Route> {
        let rated = self.routes.iter().map(|(arcs, column)| (arcs, self.lp.value(*column)));
        rated
            .filter(|(_, rate)| *rate > 1e-9)
            .map(|(arcs, rate)| Route { arcs: arcs.clone(), rate })
            .collect()
    }

    /// What costs are divided by in the program.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// Work so far.
    pub(super) fn work(&self) -> u64 {
        self.lp.pivots()
    }

    /// Adds routes that improve on the present optimum, or make it less infeasible; whether there were.
    fn grow(&mut self, repairing: bool) -> bool {
        let ceiling_dual = self.ceiling_row.map_or(0.0, |row| self.lp.dual(row));
        let demand_dual = self.demand_row.map_or(0.0, |row| self.lp.dual(row));
        let (cost_weight, fixed) = match self.goal {
            Goal::Rate { .. } => (0.0, -1.0),
            Goal::Cost { credit, .. } => (1.0 / self.scale, -credit / self.scale),
        };
        let (cost_weight, fixed) = if repairing { (0.0, 0.0) } else { (cost_weight, fixed) };
        // What a unit of money costs, and what a unit of flow earns, under the duals.
        let money = (cost_weight - ceiling_dual / self.scale).max(0.0);
        let mut earned = demand_dual - fixed;
        if let Some(ceiling) = self.goal.ceiling() {
            earned -= ceiling_dual * ceiling / self.scale;
        }
        self.weigh(money);
        let budget = earned - WORTHWHILE;
        let found = match &self.oracle {
            Oracle::Paths(paths) => paths.lighter(self.problem, &self.weights, budget),
            Oracle::Trees(trees) => trees.lighter(self.problem, &self.weights, budget),
        };
        let mut grown = false;
        for arcs in found {
            if self.known.insert(arcs.clone()) {
                self.add_route(arcs);
                grown = true;
            }
        }
        grown
    }

    /// The weight of every arc under the duals.
    fn weigh(&mut self, money: f64) {
        let problem = self.problem;
        let shadow: Vec<f64> = (0..problem.resources.len())
            .map(|index| {
                let resource = problem.resources[index];
                let purchase = problem.purchases[resource.purchase];
                match self.resource_rows[index] {
                    _ if self.bounds[resource.purchase].1 == 0 => f64::INFINITY,
                    Some(row) => (-self.lp.dual(row)).max(0.0),
                    None if self.payer[resource.purchase] == Some(index) => {
                        money * purchase.price / self.capacities[index]
                    }
                    None => 0.0,
                }
            })
            .collect();
        for (weight, arc) in self.weights.iter_mut().zip(&problem.arcs) {
            *weight = money * arc.cost + arc.uses.iter().map(|(at, used)| shadow[*at] * used).sum::<f64>();
        }
    }

    fn add_route(&mut self, arcs: Vec<usize>) {
        let problem = self.problem;
        let mut used: Vec<(usize, f64)> =
            arcs.iter().flat_map(|arc| problem.arcs[*arc].uses.iter().copied()).collect();
        used.sort_unstable_by_key(|(resource, _)| *resource);
        used.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        let mut entries: Vec<(usize, f64)> = Vec::with_capacity(used.len() + 2);
        for (resource, amount) in used {
            self.open(problem.resources[resource].purchase);
            if let Some(row) = self.resource_rows[resource] {
                entries.push((row, amount));
            }
        }
        let cost = problem.cost_of(&arcs);
        if let (Some(row), Some(ceiling)) = (self.ceiling_row, self.goal.ceiling()) {
            entries.push((row, (cost - ceiling) / self.scale));
        }
        if let Some(row) = self.demand_row {
            entries.push((row, 1.0));
        }
        let objective = match self.goal {
            Goal::Rate { .. } => -1.0,
            Goal::Cost { credit, .. } => (cost - credit) / self.scale,
        };
        let column = self.lp.add_column(entries, (0.0, f64::INFINITY), objective);
        self.routes.push((arcs, column));
    }

    /// Gives a purchase its rows and its column.
    fn open(&mut self, purchase: usize) {
        if self.amounts[purchase].is_some() {
            return;
        }
        let mut entries = Vec::new();
        for (index, resource) in self.problem.resources.iter().enumerate() {
            if resource.purchase == purchase {
                let row = self.lp.add_row(Sense::AtMost, 0.0);
                self.resource_rows[index] = Some(row);
                entries.push((row, -self.capacities[index]));
            }
        }
        let price = self.problem.purchases[purchase].price / self.scale;
        if let Some(row) = self.ceiling_row {
            entries.push((row, price));
        }
        let objective = if matches!(self.goal, Goal::Cost { .. }) { price } else { 0.0 };
        let (fewest, most) = self.bounds[purchase];
        let bounds = (f64::from(fewest), f64::from(most));
        self.amounts[purchase] = Some(self.lp.add_column(entries, bounds, objective));
    }
}
