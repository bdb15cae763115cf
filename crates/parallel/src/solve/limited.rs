//! The optimum where sums of weights are limited: memory at each moment.
//!
//! Steps: a price for each unit of a weight that is over its limit (Lagrange) turns the limits into costs; the best prices
//! give a bound, and assignments on both sides of the limits. Then assignments are listed from the bound upwards, as the steps
//! of the elimination allow, until one keeps the limits and nothing cheaper is left. The listing is bounded; where it ends
//! early, the gap says so.

use super::free::{Found, solve};
use super::graph::{Graph, Node};
use super::steps::{Step, local};
use super::store::{Store, TableId, VectorId};

/// A sum of weights that an assignment must not exceed.
#[derive(Debug, Clone)]
pub(crate) struct Limit {
    pub(crate) most: f64,
    /// What each label of a node weighs.
    pub(crate) weights: Vec<(Node, VectorId)>,
    /// What pairs of labels weigh: of a first node, whose labels are rows, and a second one. Both have an edge, so that a price
    /// makes the graph no denser.
    pub(crate) pairs: Vec<(Node, Node, TableId)>,
}

impl Limit {
    pub(crate) fn weight(&self, store: &Store, labels: &[u32]) -> f64 {
        let at = |node: Node| labels[node] as usize;
        let own = self.weights.iter().map(|(node, weight)| store.get(*weight)[at(*node)]);
        let pairs =
            self.pairs.iter().map(|(first, second, table)| store.see(*table).at(at(*first), at(*second)));
        own.chain(pairs).sum()
    }

    /// No assignment weighs less.
    pub(crate) fn least(&self, store: &Store) -> f64 {
        let least = |cells: &[f64]| cells.iter().copied().fold(f64::INFINITY, f64::min);
        let own = self.weights.iter().map(|(_, weight)| least(store.get(*weight)));
        own.chain(self.pairs.iter().map(|(_, _, table)| least(&store.see(*table).cells))).sum()
    }

    fn kept_by(&self, store: &Store, labels: &[u32]) -> bool {
        self.weight(store, labels) <= self.most * (1.0 + 1e-12)
    }
}

/// How much is done where limits are exceeded, before what is not proven stays unproven.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Care {
    /// Solutions of priced graphs for the search of prices: each is a whole solve.
    pub(crate) pricings: usize,
    /// Steps of the listing.
    pub(crate) listed: usize,
    /// What costs so much is of no interest: a bound of it ends the search.
    pub(crate) known: f64,
}

/// Nodes whose costs are added up in the time of a step of the listing.
const WHOLE: usize = 16;

/// A graph under limits, of which more come: each search goes on from what the one before it found.
pub(crate) struct Limited<'a> {
    graph: &'a Graph,
    limits: Vec<Limit>,
    free: Option<Found>,
    /// Where the last search of prices ended: prices, and an assignment.
    last: (Vec<f64>, Vec<u32>),
    /// What no assignment costs less than, and the prices that say so. Limits that come only raise what is possible.
    bound: f64,
    prices: Vec<f64>,
    /// What listings have proven beyond that.
    proven: f64,
}

impl<'a> Limited<'a> {
    pub(crate) fn new(graph: &'a Graph) -> Self {
        Self {
            graph,
            limits: Vec::new(),
            free: None,
            last: Default::default(),
            bound: f64::NEG_INFINITY,
            prices: Vec::new(),
            proven: f64::NEG_INFINITY,
        }
    }

    pub(crate) fn limit(&mut self, limit: Limit) {
        self.limits.push(limit);
    }

    /// The best assignment that keeps all limits; nothing if none was found, or none costs less than what is known. The bound holds
    /// in any case.
    pub(crate) fn solve(&mut self, store: &mut Store, care: Care) -> (Option<Found>, f64) {
        let graph = self.graph;
        let free = self.free.get_or_insert_with(|| Found {
            steps: None,
            ..solve(store, graph, f64::NEG_INFINITY, care.known)
        });
        if free.bound >= care.known {
            return (None, free.bound);
        }
        if self.limits.iter().all(|limit| limit.kept_by(store, &free.labels)) {
            return (Some(free.clone()), free.bound);
        }
        if self.limits.iter().any(|limit| limit.least(store) > limit.most) {
            return (None, f64::INFINITY);
        }
        if self.last.1.is_empty() {
            self.last.1.clone_from(&free.labels);
            self.bound = free.bound;
        }
        self.last.0.resize(self.limits.len(), 0.0);
        self.prices.resize(self.limits.len(), 0.0);
        let (limits, prices) = (&self.limits, self.prices.clone());
        let mut search = Search { graph, limits, best: None, bound: self.bound, known: care.known, prices };
        search.offer(store, &self.last.1);
        search.price(store, &mut self.last, care.pricings);
        let (bound, prices) = (search.bound, search.prices.clone());
        if care.listed > 0 && !search.is_over() {
            search.list(store, care.listed);
        }
        self.proven = self.proven.max(search.bound);
        let proven = self.proven;
        let found =
            search.best.map(|(labels, cost)| Found { labels, cost, bound: proven.min(cost), steps: None });
        (self.bound, self.prices) = (bound, prices);
        (found, proven)
    }
}

struct Search<'a> {
    graph: &'a Graph,
    limits: &'a [Limit],
    best: Option<(Vec<u32>, f64)>,
    bound: f64,
    /// A bound of this ends it.
    known: f64,
    /// Those that gave the bound.
    prices: Vec<f64>,
}

impl Search<'_> {
    /// Moves the price of one limit after the other to where assignments on both sides of it cost the same.
    fn price(&mut self, store: &mut Store, (prices, labels): &mut (Vec<f64>, Vec<u32>), mut left: usize) {
        while let Some(at) = self.worst(store, labels).filter(|_| !self.is_over()) {
            let before = left;
            *labels = self.balance(store, prices, at, &mut left);
            if left == 0 || left == before {
                break;
            }
        }
    }

    /// Whether nothing of interest is left to be found.
    fn is_over(&self) -> bool {
        self.bound >= self.known
    }

    /// The limit that is exceeded by the largest share.
    fn worst(&self, store: &Store, labels: &[u32]) -> Option<usize> {
        let share = |limit: &Limit| limit.weight(store, labels) / limit.most.max(f64::MIN_POSITIVE);
        let over = self.limits.iter().enumerate().filter(|(_, limit)| !limit.kept_by(store, labels));
        over.max_by(|a, b| share(a.1).total_cmp(&share(b.1))).map(|(at, _)| at)
    }

    /// Finds the price of one limit, the others' being given, and returns the labels on the side that keeps it.
    fn balance(&mut self, store: &mut Store, prices: &mut [f64], at: usize, left: &mut usize) -> Vec<u32> {
        let most = self.limits[at].most;
        let mut low = self.try_prices(store, prices, left);
        let mut step = (low.1.abs() + f64::MIN_POSITIVE) / most.max(f64::MIN_POSITIVE);
        let mut high = loop {
            let mut raised = prices.to_vec();
            raised[at] += step;
            let tried = self.try_prices(store, &raised, left);
            let is_over = *left == 0 || self.is_over() || step > 1e30;
            if self.limits[at].weight(store, &tried.0) <= most || is_over {
                prices[at] = raised[at];
                break tried;
            }
            step *= 8.0;
        };
        while *left > 0 && !self.is_over() {
            // Where the two assignments cost the same, one that is cheaper than both would change the price.
            let (low_weight, high_weight) =
                (self.limits[at].weight(store, &low.0), self.limits[at].weight(store, &high.0));
            let without = |(labels, _): &(Vec<u32>, f64)| self.priced(store, labels, prices, at);
            let (low_cost, high_cost) = (without(&low), without(&high));
            let price = (high_cost - low_cost) / (low_weight - high_weight);
            if !price.is_finite() || price < 0.0 {
                break;
            }
            prices[at] = price;
            let tried = self.try_prices(store, prices, left);
            let line = high_cost + price * high_weight;
            let weight = self.limits[at].weight(store, &tried.0);
            if tried.1 >= line - line.abs() * 1e-9 || weight == low_weight || weight == high_weight {
                break;
            }
            if weight > most { low = tried } else { high = tried }
        }
        high.0
    }

    /// What an assignment costs at these prices, leaving one limit out.
    fn priced(&self, store: &Store, labels: &[u32], prices: &[f64], without: usize) -> f64 {
        let rest = self
            .limits
            .iter()
            .zip(prices)
            .enumerate()
            .filter(|(at, (_, price))| *at != without && **price > 0.0);
        self.graph.cost(store, labels)
            + rest.map(|(_, (limit, price))| price * limit.weight(store, labels)).sum::<f64>()
    }

    /// Solves at these prices; takes the bound and the assignment if they are better.
    fn try_prices(&mut self, store: &mut Store, prices: &[f64], left: &mut usize) -> (Vec<u32>, f64) {
        *left = left.saturating_sub(1);
        let priced = self.graph_at(store, prices);
        let found = solve(store, &priced, f64::NEG_INFINITY, f64::INFINITY);
        let bound = found.bound.min(found.cost) - self.paid_back(prices);
        if bound > self.bound {
            self.bound = bound;
            self.prices = prices.to_vec();
        }
        self.offer(store, &found.labels);
        (found.labels, found.cost)
    }

    fn paid_back(&self, prices: &[f64]) -> f64 {
        self.limits.iter().zip(prices).map(|(limit, price)| limit.most * price).sum()
    }

    fn graph_at(&self, store: &mut Store, prices: &[f64]) -> Graph {
        let mut graph = self.graph.clone();
        for (limit, price) in self.limits.iter().zip(prices).filter(|(_, price)| **price > 0.0) {
            for (node, weight) in &limit.weights {
                let cost = store.get(*weight).iter().map(|weight| weight * price).collect();
                let cost = store.vector(cost);
                graph.add(store, *node, cost);
            }
            for (first, second, table) in &limit.pairs {
                let table = store.see(*table);
                let (columns, cells) =
                    (table.columns, table.cells.iter().map(|weight| weight * price).collect());
                let table = store.table(columns, cells);
                graph.edge(store, *first, *second, table);
            }
        }
        graph
    }

    fn offer(&mut self, store: &Store, labels: &[u32]) -> bool {
        if !self.limits.iter().all(|limit| limit.kept_by(store, labels)) {
            return false;
        }
        let cost = self.graph.cost(store, labels);
        let better = self.best.as_ref().is_none_or(|(_, best)| cost < *best);
        if better {
            self.best = Some((labels.to_vec(), cost));
        }
        better
    }

    /// Lists assignments from the bound upwards.
    fn list(&mut self, store: &mut Store, most: usize) {
        let known = self.best.as_ref().map_or(f64::INFINITY, |(_, cost)| *cost);
        if known <= self.bound {
            return;
        }
        let prices = self.prices.clone();
        let priced = self.graph_at(store, &prices);
        let found = solve(store, &priced, known + self.paid_back(&prices), f64::INFINITY);
        if found.bound >= known + self.paid_back(&prices) {
            self.bound = known;
            return;
        }
        let Some(steps) = found.steps else { return };
        let offset = found.cost - self.paid_back(&prices);
        if self.walk(store, &steps, offset, most) {
            // All that could be cheaper was looked at.
            self.bound = self.best.as_ref().map_or(f64::INFINITY, |(_, cost)| *cost);
        }
    }

    /// Goes through all assignments whose priced cost is below the best one's; says whether it came to the end.
    fn walk(&mut self, store: &Store, steps: &[Step], offset: f64, listed: usize) -> bool {
        let mut labels = vec![0_u32; self.graph.costs.len()];
        let mut stack: Vec<Frame> = Vec::new();
        let mut spent = 0.0;
        let mut left = listed;
        while left > 0 {
            left -= 1;
            if stack.len() == steps.len() {
                // Looking at a whole assignment takes as long as many steps.
                left = left.saturating_sub(labels.len() / WHOLE);
                self.offer(store, &labels);
            } else {
                stack.push(Frame::new(store, &steps[steps.len() - 1 - stack.len()], &labels));
            }
            let most = self.best.as_ref().map_or(f64::INFINITY, |(_, cost)| *cost) - offset;
            loop {
                let Some(frame) = stack.last_mut() else { return true };
                spent -= std::mem::take(&mut frame.excess);
                if let Some((label, excess)) = frame.next(spent, most) {
                    labels[frame.node] = label;
                    spent += excess;
                    break;
                }
                frame.put_back(&mut labels);
                stack.pop();
            }
        }
        false
    }
}

/// The labels of one step, the cheapest first.
struct Frame {
    node: Node,
    /// What it was before, which a step that numbers labels anew needs.
    before: u32,
    choices: Vec<(u32, f64)>,
    next: usize,
    excess: f64,
}

impl Frame {
    fn new(store: &Store, step: &Step, labels: &[u32]) -> Self {
        let (node, mut choices) = match step {
            Step::Kept { node, labels: kept } => (*node, vec![(kept[labels[*node] as usize], 0.0)]),
            Step::Gone { node, .. } => {
                let costs = local(store, step, labels);
                let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
                (*node, (0..).zip(costs).map(|(label, cost)| (label, cost - least)).collect())
            }
        };
        choices.sort_by(|a, b| a.1.total_cmp(&b.1));
        Self { node, before: labels[node], choices, next: 0, excess: 0.0 }
    }

    fn next(&mut self, spent: f64, most: f64) -> Option<(u32, f64)> {
        let (label, excess) = *self.choices.get(self.next)?;
        // What costs as much as the best one need not be looked at.
        (spent + excess < most).then(|| {
            self.next += 1;
            self.excess = excess;
            (label, excess)
        })
    }

    fn put_back(&self, labels: &mut [u32]) {
        labels[self.node] = self.before;
    }
}
