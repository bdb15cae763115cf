//! What is solved, in dense integers and plain floats.

/// A network with a source, sinks, and what can be bought to make it carry something.
#[derive(Debug, Clone, Default)]
pub(crate) struct Problem {
    /// Number of nodes.
    pub(crate) nodes: usize,
    /// Where the data is.
    pub(crate) source: usize,
    /// Where all of it goes; each sink gets everything.
    pub(crate) sinks: Vec<usize>,
    /// Ways from node to node; several between the same two are allowed.
    pub(crate) arcs: Vec<Arc>,
    /// What can be bought: first, in their order, the units of each node, then whatever else.
    pub(crate) purchases: Vec<Purchase>,
    /// What purchases give.
    pub(crate) resources: Vec<Resource>,
}

/// A way from a node to another.
#[derive(Debug, Clone)]
pub(crate) struct Arc {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// Cost of one unit of flow; not negative.
    pub(crate) cost: f64,
    /// What one unit of flow uses, by index of resource.
    pub(crate) uses: Vec<(usize, f64)>,
}

/// Something bought in whole units.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Purchase {
    /// Most units.
    pub(crate) limit: u32,
    /// Cost of one unit per unit of time; not negative.
    pub(crate) price: f64,
}

/// What one unit of a purchase gives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resource {
    pub(crate) purchase: usize,
    /// Amount for each unit bought.
    pub(crate) capacity: f64,
}

/// What to look for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// The highest rate at which one unit of flow costs at most `ceiling`, purchases included.
    Rate { ceiling: Option<f64> },
    /// The least cost per unit of time at a rate of at least `rate`, with `credit` taken off for each
    /// unit of flow, and under the same ceiling. With a credit the value is near zero: a gap is then a
    /// fraction of the credit for `near` units of flow.
    Cost { rate: f64, credit: f64, near: f64, ceiling: Option<f64> },
}

impl Goal {
    /// Most that one unit of flow may cost, purchases included.
    pub(super) fn ceiling(self) -> Option<f64> {
        match self {
            Self::Rate { ceiling } | Self::Cost { ceiling, .. } => ceiling,
        }
    }

    /// What a unit of flow is worth; about what it costs.
    pub(super) fn credit(self) -> Option<f64> {
        match self {
            Self::Rate { .. } => None,
            Self::Cost { credit, .. } => Some(credit),
        }
    }

    /// What a gap is a fraction of when the value itself is near zero because of the credit.
    pub(super) fn reference(self) -> f64 {
        match self {
            Self::Rate { .. } => 0.0,
            Self::Cost { near, credit, .. } => near * credit,
        }
    }
}

/// Arcs in use together: a path from the source to the sink, or an arborescence to all sinks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Route {
    /// Indices of arcs, rising.
    pub(crate) arcs: Vec<usize>,
    /// Units of flow on it.
    pub(crate) rate: f64,
}

/// What pricing found.
#[derive(Debug)]
pub(super) struct Found {
    /// Weight of the lightest route there is; infinite when there is none.
    pub(super) lightest: f64,
    /// Routes worth adding.
    pub(super) routes: Vec<Vec<usize>>,
}

/// The best answer found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Solution {
    pub(crate) routes: Vec<Route>,
    /// Units bought, by purchase.
    pub(crate) bought: Vec<u32>,
    /// Flow that arrives.
    pub(crate) rate: f64,
    /// Cost per unit of time: flow and purchases.
    pub(crate) cost: f64,
    /// How far the goal's value may be from the best one, as a fraction of it.
    pub(crate) gap: f64,
    /// Nodes of the search tree.
    pub(crate) explored: u64,
}

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsolved {
    /// No flow satisfies the goal's conditions.
    Infeasible,
    /// The limit of work was reached before any answer was found.
    Exhausted,
}

impl Problem {
    /// Cost of one unit of flow on each of `arcs`.
    pub(crate) fn cost_of(&self, arcs: &[usize]) -> f64 {
        arcs.iter().map(|arc| self.arcs[*arc].cost).sum()
    }

    /// No more flows than this: all that can leave the source when everything is bought. Each unit of flow leaves it
    /// at least once.
    pub(super) fn most_flow(&self, capacities: &[f64]) -> f64 {
        let leaving = || self.arcs.iter().filter(|arc| arc.from == self.source);
        let through = |(resource, used): &(usize, f64)| {
            let units = self.purchases[self.resources[*resource].purchase].limit;
            capacities[*resource] * f64::from(units) / used
        };
        let most = |arc: &Arc| arc.uses.iter().map(through).fold(f64::INFINITY, f64::min);
        let apart: f64 = leaving().map(most).sum();
        // What all of these arcs use bounds them together.
        let shared = (0..self.resources.len()).filter_map(|resource| {
            let use_of = |arc: &Arc| arc.uses.iter().find(|(at, _)| *at == resource).copied();
            let least =
                leaving().map(use_of).try_fold(f64::INFINITY, |least, used| Some(least.min(used?.1)))?;
            least.is_finite().then(|| through(&(resource, least)))
        });
        let most = shared.fold(apart, f64::min);
        if most > 0.0 && most.is_finite() { most } else { 1.0 }
    }

    /// Whatever is bought, the flow that costs least for a unit is no smaller than this: what is bought costs the same
    /// however little flows, so all flows grow together until the first resource is full. Routes of one unit of each
    /// purchase carry as much. So a demand below it asks for nothing more than one of this, and is better made with it:
    /// units are whole, and next to them a demand without bound from below is lost in rounding.
    pub(crate) fn least_flow(&self) -> f64 {
        let uses = self.arcs.iter().flat_map(|arc| &arc.uses);
        let carried = uses.filter(|(_, used)| *used > 0.0).map(|(resource, used)| {
            let Resource { purchase, capacity } = self.resources[*resource];
            if self.purchases[purchase].limit > 0 { capacity / used } else { 0.0 }
        });
        // No route has more arcs than nodes, and each may use the same resource.
        let least = carried.filter(|most| *most > 0.0).fold(f64::INFINITY, f64::min);
        let arcs: f64 = (0..self.nodes.max(1)).map(|_| 1.0).sum();
        if least.is_finite() { least / arcs } else { 0.0 }
    }

    /// Whatever flows, units of at least this price are bought: those of the cheapest way out of the source.
    pub(crate) fn least_bought(&self) -> f64 {
        let price = |arc: &Arc| {
            let mut bought: Vec<usize> =
                arc.uses.iter().map(|(resource, _)| self.resources[*resource].purchase).collect();
            bought.sort_unstable();
            bought.dedup();
            bought.into_iter().map(|purchase| self.purchases[purchase].price).sum()
        };
        let leaving = self.arcs.iter().filter(|arc| arc.from == self.source);
        let least = leaving.map(price).fold(f64::INFINITY, f64::min);
        if least.is_finite() { least } else { 0.0 }
    }

    /// A cost to measure others by, so that tolerances mean the same for every currency.
    pub(crate) fn scale(&self) -> f64 {
        let dearest = self.arcs.iter().map(|arc| arc.cost).fold(0.0, f64::max);
        let machine = || self.purchases.iter().map(|purchase| purchase.price).fold(0.0, f64::max);
        let dearest = if dearest > 0.0 { dearest } else { machine() };
        if dearest > 0.0 { dearest } else { 1.0 }
    }
}
