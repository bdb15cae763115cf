//! The linear program over routes.
//!
//! Columns: the rate of each known route, the amount of each purchase that a known route needs. Rows: use
//! of a resource ≤ its capacity times the amount bought; the cost ceiling; the demanded rate.
//!
//! A purchase that no known route needs has no rows yet. Its duals are then free to choose, as long as
//! they satisfy its own dual constraint; all of its price goes to one resource, so a route into a fresh
//! place already pays the machine time it would need there, and places are not opened for nothing.
//!
//! Everything is scaled so that entries are about 1 whatever rates and prices are: a row is divided by what one
//! unit gives, a route counts in what one unit of everything on it would carry, the objective in all of the flow.
//! Links of a kilobit beside links of a hundred gigabits otherwise leave no tolerance that is small for the one
//! and above rounding for the other.
//!
//! Guarantee: when [`Master::solve`] returns an optimum, no route of the whole problem has a better reduced
//! cost than the tolerance, so the value is that of the full linear program. When it is cut short, the bound
//! that it returns follows from the duals at hand by weak duality (Lagrange), whatever they are: a route is worth at
//! most the reduced cost of the best one times all that can flow.

use super::effort::Share;
use super::paths::Paths;
use super::problem::{Found, Goal, Problem, Route};
use super::simplex::{Outcome, Sense, Simplex};
use super::trees::Trees;
use std::collections::BTreeSet;

/// A route whose reduced cost is nearer to zero than this is no improvement. Relative to `scale`.
const WORTHWHILE: f64 = 1e-8;

/// A rate below this is rounding: of all that flows, or of a unit of flow where more does.
const TRACE: f64 = 1e-9;

/// How the program over routes ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ended {
    /// The optimum over all routes.
    Optimal(f64),
    /// No flow satisfies the bounds and the goal.
    Infeasible,
    /// The limit of work came first, or rounding errors won twice: no value is below `bound`, and what is at hand
    /// satisfies all conditions if it is `feasible`, with that value.
    Cut { bound: f64, feasible: Option<f64> },
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
    /// No more than this can flow; the objective is divided by it.
    flow: f64,
    /// What the demand is divided by.
    demand: f64,
    ceiling_row: Option<usize>,
    demand_row: Option<usize>,
    resource_rows: Vec<Option<usize>>,
    amounts: Vec<Option<usize>>,
    /// The resource that carries the price of a purchase without rows.
    payer: Vec<Option<usize>>,
    /// What one unit gives of each resource: that of the problem, or less where less can flow.
    capacities: Vec<f64>,
    bounds: Vec<(u32, u32)>,
    routes: Vec<Known>,
    known: BTreeSet<Vec<usize>>,
    weights: Vec<f64>,
    /// The best bound on the value under the present bounds.
    proven: f64,
    /// Steps of pricing so far.
    priced: u64,
}

/// A route that has a column.
#[derive(Debug)]
struct Known {
    arcs: Vec<usize>,
    column: usize,
    /// Units of flow that one unit of the column stands for.
    unit: f64,
}

impl<'p> Master<'p> {
    pub(super) fn new(problem: &'p Problem, goal: Goal, capacities: Vec<f64>) -> Self {
        let mut lp = Simplex::default();
        let measure = goal.ceiling().or(goal.credit()).filter(|measure| *measure > 0.0);
        let scale = measure.unwrap_or_else(|| problem.scale());
        let ceiling_row = goal.ceiling().map(|_| lp.add_row(Sense::AtMost, 0.0));
        let (demand, demand_row) = match goal {
            Goal::Cost { rate, .. } if rate > 0.0 => (rate, Some(lp.add_row(Sense::AtLeast, 1.0))),
            Goal::Rate { .. } | Goal::Cost { .. } => (1.0, None),
        };
        let flow = match goal {
            // What nobody asks for and nothing rewards does not flow.
            Goal::Cost { rate, credit: 0.0, ceiling: None, .. } if rate > 0.0 => rate,
            Goal::Rate { .. } | Goal::Cost { .. } => problem.most_flow(&capacities),
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
            flow,
            demand,
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
            proven: f64::NEG_INFINITY,
            priced: 0,
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

    /// The optimum over all routes under the present bounds, for as long as there is a share of work left.
    pub(super) fn solve(&mut self, share: &Share<'_>) -> Ended {
        self.proven = self.at_least();
        let mut retried = false;
        loop {
            let before = self.work();
            let outcome = self.lp.optimise();
            share.spend(self.work() - before);
            let repairing = match outcome {
                Outcome::Optimal => false,
                Outcome::Infeasible => true,
                Outcome::Unbounded | Outcome::Failed | Outcome::Cut { .. } if !retried => {
                    retried = true;
                    self.lp.start_over();
                    continue;
                }
                Outcome::Cut { feasible: true } => return self.cut(true),
                Outcome::Unbounded | Outcome::Failed | Outcome::Cut { .. } => return self.cut(false),
            };
            let before = self.work();
            let grown = self.grow(repairing);
            share.spend(self.work() - before);
            match (grown, repairing) {
                (false, true) => return Ended::Infeasible,
                (false, false) => return Ended::Optimal(self.value()),
                (true, _) if share.is_spent() => return self.cut(!repairing),
                (true, _) => {}
            }
        }
    }

    /// What is known when there is no optimum.
    fn cut(&mut self, feasible: bool) -> Ended {
        if feasible {
            // For the bound; routes that it may add wait for the next time.
            self.grow(false);
        }
        Ended::Cut { bound: self.proven, feasible: feasible.then(|| self.value()) }
    }

    fn value(&self) -> f64 {
        self.lp.objective() * self.flow
    }

    /// No value is lower than this: all that can flow, for nothing.
    fn at_least(&self) -> f64 {
        match self.goal {
            Goal::Rate { .. } => -self.flow,
            Goal::Cost { credit, .. } => -self.flow * credit / self.scale,
        }
    }

    /// Amount of each purchase at the optimum.
    pub(super) fn amounts(&self) -> Vec<f64> {
        self.amounts.iter().map(|column| column.map_or(0.0, |column| self.lp.value(column))).collect()
    }

    /// Routes in use at the optimum.
    pub(super) fn routes(&self) -> Vec<Route> {
        let rated =
            || self.routes.iter().map(|known| (&known.arcs, self.lp.value(known.column) * known.unit));
        let total: f64 = rated().map(|(_, rate)| rate).sum();
        rated()
            .filter(|(_, rate)| *rate > TRACE * total.min(1.0))
            .map(|(arcs, rate)| Route { arcs: arcs.clone(), rate })
            .collect()
    }

    /// What costs are divided by in the program.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// Steps so far.
    fn work(&self) -> u64 {
        self.lp.work() + self.priced
    }

    /// Adds routes that improve on the present optimum, or make it less infeasible; whether there were.
    fn grow(&mut self, repairing: bool) -> bool {
        // The duals of rows that are not scaled. They have the right sign but for rounding.
        let ceiling_dual = self.ceiling_row.map_or(0.0, |row| self.lp.dual(row)).min(0.0);
        let demand_dual = self.demand_row.map_or(0.0, |row| self.lp.dual(row)).max(0.0);
        let demand_dual = demand_dual / self.demand * self.flow;
        let (cost_weight, fixed) = match self.goal {
            Goal::Rate { .. } => (0.0, -1.0),
            Goal::Cost { credit, .. } => (1.0 / self.scale, -credit / self.scale),
        };
        let (cost_weight, fixed) = if repairing { (0.0, 0.0) } else { (cost_weight, fixed) };
        // What a unit of money costs, and what a unit of flow earns, under the duals.
        let money = cost_weight - ceiling_dual / self.scale;
        let mut earned = demand_dual - fixed;
        if let Some(ceiling) = self.goal.ceiling() {
            earned -= ceiling_dual * ceiling / self.scale;
        }
        let shadows = self.shadows(money);
        self.weigh(money, &shadows);
        let budget = earned - WORTHWHILE;
        let Found { lightest, routes } = match &self.oracle {
            Oracle::Paths(paths) => paths.lighter(self.problem, &self.weights, budget),
            Oracle::Trees(trees) => trees.lighter(self.problem, &self.weights, budget),
        };
        self.priced += match &self.oracle {
            Oracle::Paths(paths) => paths.steps(),
            Oracle::Trees(trees) => trees.steps(),
        };
        if !repairing {
            let flow = self.flow * (lightest - earned).min(0.0);
            let demanded = if self.demand_row.is_some() { demand_dual * self.demand } else { 0.0 };
            self.proven = self.proven.max(demanded + flow + self.unearned(money, &shadows));
        }
        let mut grown = false;
        for arcs in routes {
            if self.known.insert(arcs.clone()) {
                self.add_route(arcs);
                grown = true;
            }
        }
        grown
    }

    /// What purchases add to the bound: each as many units as its own reduced cost asks for.
    fn unearned(&self, money: f64, shadows: &[f64]) -> f64 {
        let mut costs: Vec<f64> =
            self.problem.purchases.iter().map(|purchase| money * purchase.price).collect();
        for (index, resource) in self.problem.resources.iter().enumerate() {
            // One that may not be bought gives nothing, at whatever price.
            if self.bounds[resource.purchase].1 > 0 {
                costs[resource.purchase] -= shadows[index] * self.capacities[index];
            }
        }
        let bounded = costs.iter().zip(&self.bounds);
        bounded
            .map(|(cost, (fewest, most))| cost * f64::from(if *cost > 0.0 { *fewest } else { *most }))
            .sum()
    }

    /// What a unit of each resource costs under the duals.
    fn shadows(&self, money: f64) -> Vec<f64> {
        let problem = self.problem;
        let shadow = |index: usize| {
            let resource = problem.resources[index];
            let purchase = problem.purchases[resource.purchase];
            match self.resource_rows[index] {
                _ if self.bounds[resource.purchase].1 == 0 => f64::INFINITY,
                Some(row) => (-self.lp.dual(row)).max(0.0) / self.capacities[index] * self.flow,
                None if self.payer[resource.purchase] == Some(index) => {
                    money * purchase.price / self.capacities[index]
                }
                None => 0.0,
            }
        };
        (0..problem.resources.len()).map(shadow).collect()
    }

    /// The weight of every arc under the duals.
    fn weigh(&mut self, money: f64, shadows: &[f64]) {
        for (weight, arc) in self.weights.iter_mut().zip(&self.problem.arcs) {
            *weight = money * arc.cost + arc.uses.iter().map(|(at, used)| shadows[*at] * used).sum::<f64>();
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
        // What one unit of everything on it carries.
        let carried = used.iter().map(|(resource, amount)| self.capacities[*resource] / amount);
        let unit = carried.fold(f64::INFINITY, f64::min);
        let unit = if unit.is_finite() { unit } else { self.flow };
        let mut entries: Vec<(usize, f64)> = Vec::with_capacity(used.len() + 2);
        for (resource, amount) in used {
            self.open(problem.resources[resource].purchase);
            if let Some(row) = self.resource_rows[resource] {
                entries.push((row, amount * unit / self.capacities[resource]));
            }
        }
        let cost = problem.cost_of(&arcs);
        let share = unit / self.flow;
        if let (Some(row), Some(ceiling)) = (self.ceiling_row, self.goal.ceiling()) {
            entries.push((row, (cost - ceiling) / self.scale * share));
        }
        if let Some(row) = self.demand_row {
            entries.push((row, unit / self.demand));
        }
        let objective = match self.goal {
            Goal::Rate { .. } => -share,
            Goal::Cost { credit, .. } => (cost - credit) / self.scale * share,
        };
        let column = self.lp.add_column(entries, (0.0, f64::INFINITY), objective);
        self.routes.push(Known { arcs, column, unit });
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
                entries.push((row, -1.0));
            }
        }
        let price = self.problem.purchases[purchase].price / self.scale / self.flow;
        if let Some(row) = self.ceiling_row {
            entries.push((row, price));
        }
        let objective = if matches!(self.goal, Goal::Cost { .. }) { price } else { 0.0 };
        let (fewest, most) = self.bounds[purchase];
        let bounds = (f64::from(fewest), f64::from(most));
        self.amounts[purchase] = Some(self.lp.add_column(entries, bounds, objective));
    }
}
