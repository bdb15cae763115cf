//! The first relaxation: limits, the makespan and shared volumes as prices, so that a plan costs a plain sum over its
//! tasks and edges.
//!
//! The makespan is the largest, over unit flows through the task graph, of the flow-weighted sum of task and edge
//! times. So for any flow `λ` of size `time_weight + μ`, any multiplier `μ ≥ 0` of the deadline and `ν ≥ 0` of the
//! budget, `Σ (cost_weight + ν)·cost + λ·time − μ·deadline − ν·budget` is a lower bound on the value of every
//! feasible plan. How the flow is found is a matter of its own ([`super::flow`]). `μ` follows the time on average over
//! the flow, which is the slope of the bound: by the longest path of a minimiser, which is longer than any average, it
//! ended too high, and the bound up to a sixth too low. A meter charges at least its price for each byte and what its curve is above that at the least
//! ([`super::meters`]); a quota that several meters share has a price as well, which each pays for what it takes of it.
//!
//! Rows of the tables are priced when they are first looked at: multipliers move every round, and most places are
//! out of the question after the first.

use super::Goal;
use super::flow::Flow;
use super::meters::{Curve, Kink, Member, Meters, Window};
use super::problem::Problem;
use super::rows::alike;
use super::seen::Seen;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The multipliers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Multipliers {
    flow: Flow,
    /// Of the deadline, per millisecond.
    deadline: f64,
    /// Of the budget, per nano-dollar.
    budget: f64,
    /// Price of each meter, in nano-dollars a byte.
    meter: Vec<f64>,
    /// Price of each shared quota, likewise.
    quota: Vec<f64>,
}

impl Multipliers {
    /// The same but for the price of one meter.
    pub(super) fn with_price(&self, meter: usize, price: f64) -> Self {
        let mut other = self.clone();
        other.meter[meter] = price;
        other
    }
}

/// How far a step of ascent goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Share of themselves by which multipliers of limits grow.
    pub(super) step: f64,
    /// Share of the step that would close the gap for prices of meters.
    pub(super) prices: f64,
    /// Whether prices of meters move by a share of what they can be instead: under limits of time one finds the right
    /// meters, the other the right prices, so they take turns.
    pub(super) whole: bool,
}

/// A limit missed by this share of itself is missed widely: its multiplier moves by the whole step.
const WIDE_MISS: f64 = 0.05;

/// What a path as long as the deadline adds to the logarithm of its weight in a whole step.
const WEIGHT: f64 = 12.0;

/// Share of the latest minimiser in what steps go by, where time counts. By it alone they would lead back and forth over the
/// ridges of the bound: on each side of one another minimiser is best.
const LATEST: f64 = 0.6;

/// Share of what was missed that a round later still counts.
const MEMORY: f64 = 0.8;

/// What an entry of a row costs to price, and a state to find the volumes that can reach a meter, in entries of a table
/// gone through.
const PRICING: usize = 3;
const NARROWING: usize = 10;
/// What a meter costs to be looked at, likewise: its curve is charged at each of its bounds, some times a round.
const METERING: usize = 500;

/// Edges that share a table on average, from which all of its rows are priced at once: states need not be looked at for it.
const WIDELY_SHARED: usize = 8;

/// What an edge costs, priced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'s> {
    /// By `place * classes + class`, of places whose row is their own.
    pub(super) prices: &'s [f64],
    /// By place.
    pub(super) stay: &'s [f64],
    /// By place: whose row is its own as well.
    pub(super) first: &'s [u16],
}

/// Prices of the relaxed sum.
pub(super) struct Prices<'p> {
    problem: &'p Problem,
    goal: Goal,
    multipliers: Multipliers,
    /// By task and state.
    pub(super) unary: Vec<Vec<f64>>,
    /// By edge: the table that it is priced by. Where time does not count, edges that move as much have one between them.
    table_of: Vec<usize>,
    /// By table, then `place * classes + class`.
    tables: Vec<Vec<f64>>,
    /// By table, then place.
    stay: Vec<Vec<f64>>,
    /// By table and place: with which multipliers its row was priced, and with which staying there. Of tables that many
    /// edges share, all rows are priced with the first.
    stamps: Vec<Vec<(u32, u32)>>,
    /// By place: whose row is its own as well.
    rows: Vec<u16>,
    stamp: u32,
    /// What volumes each meter can have: those looked at, and no more than can still reach it.
    windows: Vec<Window>,
    /// Meters whose price is known exactly.
    settled: Vec<bool>,
    /// Between what bounds the best price of each meter lies.
    ranges: Vec<(f64, f64)>,
    /// What a move costs on top of all else whose meter could not hold it: no plan of the part makes it.
    pub(super) forbidding: f64,
    /// By meter: the quota that it shares.
    members: Vec<Option<Member>>,
    /// By meter: its tier bounds, and what volumes lie next to them.
    kinks: Vec<Vec<Kink>>,
    /// By meter, then by quota: squares of what minimisers missed the wanted volumes by, older ones fading.
    missed: Vec<f64>,
    /// What minimisers were like on average, the latest first of all.
    seen: Option<Seen>,
    /// Entries of tables that were priced.
    cells: usize,
}

impl<'p> Prices<'p> {
    /// As much flow over each path, each meter at its average price over all that can reach it.
    pub(super) fn new(problem: &'p Problem, goal: &Goal, active: &[Vec<u32>]) -> Self {
        let mut multipliers = Multipliers {
            flow: Flow::even(problem),
            deadline: 0.0,
            budget: 0.0,
            meter: Vec::new(),
            quota: Vec::new(),
        };
        let (mut windows, mut members, mut kinks) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(meters) = &problem.meters {
            let mut volumes = vec![Vec::new(); meters.curves.len()];
            windows = problem.reaching(meters, active, &mut |meter, volume| volumes[meter].push(volume));
            for ((curve, window), volumes) in meters.curves.iter().zip(&windows).zip(&mut volumes) {
                volumes.sort_unstable();
                let bounds = curve.bounds_within(Window { low: 0, high: window.high });
                kinks.push(bounds.map(|bound| Kink::around(bound, volumes)).collect());
            }
            members = meters.members(&windows);
            let curves = meters.curves.iter().zip(&windows);
            multipliers.meter = curves.map(|(curve, window)| curve.chord(*window)).collect();
            multipliers.quota = vec![0.0; meters.quotas.len()];
            // The least that any of its meters charges beyond it: what a byte too many costs.
            for (quota, price) in multipliers.quota.iter_mut().enumerate() {
                let own = members.iter().flatten().filter(|member| member.quota == quota);
                *price = own.map(|member| member.beyond).reduce(f64::min).unwrap_or(0.0);
            }
        }
        let windows_and_quotas = multipliers.meter.len() + multipliers.quota.len();
        let places = problem.classes.len();
        let (table_of, tables) = tables(problem, goal);
        let rows = |width: usize| vec![vec![0.0; width]; tables];
        let mut prices = Self {
            problem,
            goal: *goal,
            multipliers,
            unary: problem.tasks.iter().map(|states| vec![0.0; states.len()]).collect(),
            table_of,
            tables: rows(places * problem.class_count),
            stay: rows(places),
            stamps: vec![vec![(0, 0); places]; tables],
            rows: alike(problem),
            stamp: 0,
            settled: vec![false; windows.len()],
            ranges: vec![(0.0, f64::INFINITY); windows.len()],
            windows,
            forbidding: 0.0,
            missed: vec![0.0; windows_and_quotas],
            members,
            kinks,
            seen: None,
            cells: 0,
        };
        prices.changed();
        prices
    }

    /// Whether some meter's price is still to be found.
    pub(super) fn has_open_meters(&self) -> bool {
        self.settled.iter().any(|settled| !settled)
    }

    /// Weight of one nano-dollar in the relaxed sum.
    pub(super) fn cost_weight(&self) -> f64 {
        self.goal.cost_weight + self.multipliers.budget
    }

    pub(super) fn multipliers(&self) -> &Multipliers {
        &self.multipliers
    }

    /// Goes on with these multipliers.
    pub(super) fn set(&mut self, multipliers: &Multipliers) {
        if self.multipliers != *multipliers {
            self.multipliers.clone_from(multipliers);
            self.changed();
        }
    }

    /// Another one whenever multipliers have changed.
    pub(super) fn stamp(&self) -> u32 {
        self.stamp
    }

    /// What was priced since this was last asked.
    pub(super) fn take_cells(&mut self) -> usize {
        std::mem::take(&mut self.cells)
    }

    /// The windows as they are now.
    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Forgets what was priced with other multipliers.
    fn changed(&mut self) {
        self.stamp += 1;
        let cost_weight = self.cost_weight();
        let time_weight = self.time_weight();
        let tasks = self.problem.tasks.iter().zip(&self.multipliers.flow.tasks);
        for ((states, flow), unary) in tasks.zip(&mut self.unary) {
            for (state, price) in states.iter().zip(unary) {
                *price = cost_weight * float(state.cost) + time_weight * flow * float(state.time);
            }
            self.cells += states.len();
        }
    }

    /// Weight of one millisecond on a path that all the flow goes over.
    pub(super) fn time_weight(&self) -> f64 {
        self.goal.time_weight + self.multipliers.deadline
    }

    /// Prices the rows of an edge whose producer is in one of these states.
    pub(super) fn price_rows(&mut self, edge: usize, from: &[u32]) {
        let problem = self.problem;
        if self.tables.len() * WIDELY_SHARED > problem.edges.len() {
            let states = &problem.tasks[problem.edges[edge].from];
            self.price_table(edge, from.iter().map(|state| usize::from(states[*state as usize].place)));
        } else if self.stamps[self.table_of[edge]].first().is_none_or(|(_, stay)| *stay != self.stamp) {
            self.price_table(edge, 0..problem.classes.len());
        }
    }

    /// Prices the rows of places in the table of an edge.
    fn price_table(&mut self, edge: usize, places: impl Iterator<Item = usize>) {
        let problem = self.problem;
        let ends = &problem.edges[edge];
        let classes = problem.class_count;
        let cost_weight = self.cost_weight();
        let time_weight = self.time_weight() * self.multipliers.flow.edges[edge];
        #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
        let volume = cost_weight * ends.volume as f64;
        let meters = problem.meters.as_ref().filter(|_| ends.volume > 0);
        let meter_prices = &self.multipliers.meter;
        let at = self.table_of[edge];
        let (table, stay, stamps) = (&mut self.tables[at], &mut self.stay[at], &mut self.stamps[at]);
        let moves = &*ends.moves;
        for place in places {
            if std::mem::replace(&mut stamps[place].1, self.stamp) == self.stamp {
                continue;
            }
            let priced = |meter: u16| {
                let meter = usize::from(meter);
                let fits = ends.volume <= self.windows[meter].high;
                volume * meter_prices[meter] + if fits { 0.0 } else { self.forbidding }
            };
            stay[place] =
                cost_weight * float(moves.stay_cost[place]) + time_weight * float(moves.stay_time[place]);
            if let Some(meters) = meters {
                stay[place] += priced(meters.of_stay[place]);
            }
            self.cells += PRICING;
            let first = usize::from(self.rows[place]);
            if std::mem::replace(&mut stamps[first].0, self.stamp) == self.stamp {
                continue;
            }
            let row = first * classes..(first + 1) * classes;
            for (price, cost) in table[row.clone()].iter_mut().zip(&moves.cost[row.clone()]) {
                *price = cost_weight * float(*cost);
            }
            // What is not weighed is not read: tables of large jobs are larger than what lies near the processor.
            if time_weight != 0.0 {
                for (price, time) in table[row.clone()].iter_mut().zip(&moves.time[row.clone()]) {
                    *price += time_weight * float(*time);
                }
            }
            if let Some(meters) = meters {
                for (price, id) in table[row.clone()].iter_mut().zip(&meters.of_move[row]) {
                    *price += priced(*id);
                }
            }
            self.cells += PRICING * classes;
        }
    }

    /// The priced rows of an edge.
    pub(super) fn rows(&self, edge: usize) -> Rows<'_> {
        let table = self.table_of[edge];
        Rows { prices: &self.tables[table], stay: &self.stay[table], first: &self.rows }
    }

    /// The price of an edge between two places, of which the first is one whose row was priced.
    pub(super) fn priced(&self, edge: usize, from: u16, to: u16) -> f64 {
        let (from, to) = (usize::from(from), usize::from(to));
        let table = self.table_of[edge];
        if from == to {
            return self.stay[table][from];
        }
        let first = usize::from(self.rows[from]);
        self.tables[table][first * self.problem.class_count + usize::from(self.problem.classes[to])]
    }

    /// What the relaxed sum is below the value of a plan, whatever the plan.
    pub(super) fn constant(&self) -> f64 {
        let limits = self.multipliers.deadline * float(self.goal.max_time.unwrap_or(0))
            + self.multipliers.budget * float(self.goal.max_cost.unwrap_or(0));
        self.meter_constant() - limits
    }

    /// What the meters' supports and the quotas add: at most zero.
    fn meter_constant(&self) -> f64 {
        let Some(meters) = &self.problem.meters else { return 0.0 };
        let supports = (0..meters.curves.len()).map(|meter| self.support(meters, meter).0);
        let quotas = meters.quotas.iter().zip(&self.multipliers.quota).enumerate();
        #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
        let taken = quotas.map(|(index, (_, price))| price * self.left(index) as f64);
        self.cost_weight() * (supports.sum::<f64>() - taken.sum::<f64>())
    }

    /// What is left of a quota that several meters share.
    fn left(&self, quota: usize) -> u64 {
        let own = self.members.iter().flatten().find(|member| member.quota == quota);
        own.map_or(0, |member| member.left)
    }

    /// What a meter charges, and pays for what it takes of the quota that it shares.
    fn charge(&self, meters: &Meters, meter: usize, volume: u64) -> f64 {
        let own = float(meters.curves[meter].charge(volume));
        let Some(member) = &self.members[meter] else { return own };
        #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
        let taken = volume.min(member.left) as f64;
        own + taken * self.multipliers.quota[member.quota].min(member.beyond)
    }

    /// The least that a meter charges above its price, and the volume at which it does.
    fn support(&self, meters: &Meters, meter: usize) -> (f64, u64) {
        let (window, price) = (self.windows[meter], self.multipliers.meter[meter]);
        let kinks = self.kinks_within(meter).flat_map(|kink| [kink.below, kink.above]);
        let ends = kinks.map(|volume| volume.clamp(window.low, window.high)).chain([window.low, window.high]);
        #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
        let value = |volume: u64| (self.charge(meters, meter, volume) - price * volume as f64, volume);
        ends.map(value).fold((f64::INFINITY, 0), |best, next| if next.0 < best.0 { next } else { best })
    }

    /// The tier bounds inside the window of a meter.
    fn kinks_within(&self, meter: usize) -> impl Iterator<Item = &Kink> {
        let window = self.windows[meter];
        self.kinks[meter].iter().filter(move |kink| window.low < kink.bound && kink.bound < window.high)
    }

    /// Nano-dollars a byte from one end of a window of a meter to the other.
    #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
    pub(super) fn chord(&self, meter: usize, window: Window) -> f64 {
        let Some(meters) = self.problem.meters.as_ref().filter(|_| window.high > window.low) else {
            return 0.0;
        };
        let rise = self.charge(meters, meter, window.high) - self.charge(meters, meter, window.low);
        rise / (window.high - window.low) as f64
    }

    /// One step of ascent: flow moves to the paths that take long in a minimiser of the relaxed sum, and the multipliers of
    /// limits and meters follow their violation. `slack` is the distance between the best known value and the bound: over
    /// the violation it is the size of a limit's first multiplier.
    ///
    /// Multipliers of limits then grow or shrink by a share of themselves, and prices of meters stay within
    /// what a meter can charge: a step as long as the violation is short, as Polyak's, throws them far off
    /// where one millisecond is missing.
    pub(super) fn ascend(&mut self, choice: &[u32], pace: Pace, slack: f64) {
        let latest = Seen::of(self.problem, &self.goal, choice);
        let seen = match self.seen.take().filter(|_| self.goal.heeds_time()) {
            Some(mut seen) => {
                seen.blend(&latest, LATEST);
                seen
            }
            None => latest,
        };
        self.price_meters(&seen.volumes, pace, slack);
        let step = |multiplier: f64, limit: i64, value: f64| {
            let over = value - float(limit);
            if over > 0.0 && multiplier == 0.0 {
                return 0.5 * slack / over;
            }
            let off = over.abs() / (WIDE_MISS * float(limit.max(1)));
            let factor = 1.0 + pace.step * off.clamp(0.0, 1.0);
            if over > 0.0 { multiplier * factor } else { multiplier / factor }
        };
        if let Some(limit) = self.goal.max_cost {
            self.multipliers.budget = step(self.multipliers.budget, limit, seen.cost);
        }
        if self.goal.heeds_time() {
            let limit = self.goal.max_time.map_or(seen.makespan, float).max(1.0);
            let mean = self.multipliers.flow.lengthen(self.problem, &seen, WEIGHT * pace.step / limit);
            if let Some(limit) = self.goal.max_time {
                // Until it has a price, what counts is whether it is missed at all.
                let priced = self.multipliers.deadline > 0.0;
                let time = if priced { mean } else { seen.makespan };
                self.multipliers.deadline = step(self.multipliers.deadline, limit, time);
            }
        }
        self.seen = Some(seen);
        self.settle();
        self.changed();
    }

    /// Forgets what minimisers were like.
    pub(super) fn forget_seen(&mut self) {
        self.seen = None;
    }

    /// Moves the price of each meter by the distance between the volume a minimiser of the relaxed sum
    /// puts on it and the volume at which that price supports the meter's charge, and that of each quota by
    /// what is taken of it beyond what is left.
    #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
    fn price_meters(&mut self, volumes: &[f64], pace: Pace, slack: f64) {
        let Some(meters) = &self.problem.meters else { return };
        let mut taken: Vec<f64> = (0..meters.quotas.len()).map(|quota| -(self.left(quota) as f64)).collect();
        let mut gradient = vec![0.0; volumes.len()];
        for (meter, off) in gradient.iter_mut().enumerate() {
            let wanted =
                if self.settled[meter] { volumes[meter] } else { self.support(meters, meter).1 as f64 };
            *off = volumes[meter] - wanted;
            if let Some(member) = self.members[meter]
                && member.beyond > self.multipliers.quota[member.quota]
            {
                taken[member.quota] += wanted.min(member.left as f64);
            }
        }
        let mut scales = Vec::with_capacity(gradient.len());
        for ((off, past), (low, high)) in gradient.iter().zip(&mut self.missed).zip(&self.ranges) {
            *past = MEMORY * *past + off * off;
            let width = if high.is_finite() { high - low } else { 1.0 };
            scales.push(if *past > 0.0 { width / past.sqrt() } else { 0.0 });
        }
        for (quota, off) in taken.iter().enumerate() {
            let own = self.members.iter().flatten().filter(|member| member.quota == quota);
            let width = own.map(|member| member.beyond).fold(0.0, f64::max);
            let past = &mut self.missed[gradient.len() + quota];
            *past = MEMORY * *past + off * off;
            scales.push(if *past > 0.0 { width / past.sqrt() } else { 0.0 });
        }
        let norm: f64 =
            gradient.iter().chain(&taken).zip(&scales).map(|(off, scale)| scale * off * off).sum();
        if norm == 0.0 {
            return;
        }
        for (meter, off) in gradient.iter().enumerate() {
            let (low, high) = self.ranges[meter];
            let first = meters.curves[meter].bounds_within(self.windows[meter]).next();
            let far = first.unwrap_or(self.windows[meter].high).max(1) as f64;
            let moved = if pace.whole {
                0.5 * pace.step * (high - low) * (off / far).clamp(-1.0, 1.0)
            } else {
                pace.prices * slack / norm * scales[meter] * off
            };
            let price = &mut self.multipliers.meter[meter];
            *price = (*price + moved).clamp(low, high);
        }
        for (quota, off) in taken.iter().enumerate() {
            let own = || self.members.iter().flatten().filter(|member| member.quota == quota);
            let high = own().map(|member| member.beyond).fold(0.0, f64::max);
            let far = self.left(quota).max(1) as f64;
            let moved = if pace.whole {
                0.5 * pace.step * high * (off / far).clamp(-1.0, 1.0)
            } else {
                pace.prices * slack / norm * scales[gradient.len() + quota] * off
            };
            let price = &mut self.multipliers.quota[quota];
            *price = (*price + moved).clamp(0.0, high);
        }
    }

    /// Looks only at plans over the active states whose volumes lie in the windows, and whose data costs no more than
    /// `room`; false when there are none, because too little can reach a meter or too much must.
    pub(super) fn narrow(&mut self, active: &[Vec<u32>], windows: &[Window], room: i64) -> bool {
        let Some(meters) = &self.problem.meters else { return true };
        let reachable = self.problem.reachable(meters, active);
        self.cells += NARROWING * active.iter().map(Vec::len).sum::<usize>() + METERING * meters.curves.len();
        let before = std::mem::take(&mut self.windows);
        self.settled.clear();
        self.ranges.clear();
        for (meter, (window, can)) in windows.iter().zip(reachable).enumerate() {
            let curve = &meters.curves[meter];
            let most = curve.affordable(window.high.min(can.high), room);
            let narrowed = Window { low: window.low.max(can.low), high: most };
            // Volumes that are too dear keep themselves out, at the first price more than at any later one.
            let all =
                narrowed.low == can.low && (narrowed.high == can.high || most < window.high.min(can.high));
            self.settled.push(all && curve.bounds_within(narrowed).next().is_none());
            self.windows.push(narrowed);
            let beyond = self.members[meter].map_or(0.0, |member| member.beyond);
            self.ranges.push(range(curve, narrowed, can, beyond));
        }
        let shut = |(before, now): (&Window, &Window)| now.high != before.high;
        if self.settle() || before.iter().zip(&self.windows).any(shut) {
            self.changed();
        }
        self.windows.iter().all(|window| window.low <= window.high)
    }

    /// A meter that charges one price over all that can reach it is no relaxation at that price. Whether some price is
    /// another than before.
    fn settle(&mut self) -> bool {
        let mut changed = false;
        for meter in 0..self.settled.len() {
            if self.settled[meter] {
                let chord = self.chord(meter, self.windows[meter]);
                changed |= std::mem::replace(&mut self.multipliers.meter[meter], chord) != chord;
            }
        }
        changed
    }

    /// The meter whose charge the relaxed sum understates most for a plan, with the volumes to split its window
    /// between.
    #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
    pub(super) fn loosest(&self, choice: &[u32]) -> Option<(f64, usize, Kink)> {
        let meters = self.problem.meters.as_ref()?;
        let volumes = self.problem.volumes(meters, choice);
        let gap = |meter: usize| {
            let volume = volumes[meter];
            let nearest = *self.kinks_within(meter).min_by_key(|kink| kink.bound.abs_diff(volume))?;
            let stated = self.multipliers.meter[meter] * volume as f64 + self.support(meters, meter).0;
            Some((self.charge(meters, meter, volume) - stated, meter, nearest))
        };
        (0..volumes.len()).filter_map(gap).max_by(|a, b| a.0.total_cmp(&b.0))
    }
}

/// By edge the table that it is priced by, and how many there are. Where time counts, each edge weighs it by a flow of its own.
fn tables(problem: &Problem, goal: &Goal) -> (Vec<usize>, usize) {
    if goal.heeds_time() {
        return ((0..problem.edges.len()).collect(), problem.edges.len());
    }
    let mut known = BTreeMap::new();
    let table_of = problem.edges.iter().map(|edge| {
        let next = known.len();
        *known.entry((Rc::as_ptr(&edge.moves), edge.volume)).or_insert(next)
    });
    let table_of = table_of.collect();
    (table_of, known.len())
}

/// Between what bounds the best price of a meter lies: what it can charge, and beyond that where the window
/// keeps out volumes that could reach the meter.
fn range(curve: &Curve, window: Window, can: Window, beyond: f64) -> (f64, f64) {
    if window.low > window.high {
        return (0.0, 0.0);
    }
    let (low, high) = curve.slopes(window);
    let most = curve.slopes(Window { low: 0, high: can.high }).1;
    let (most, high) = (2.0 * most.max(beyond), high.max(beyond));
    (if window.low > can.low { 0.0 } else { low }, if window.high < can.high { most } else { high })
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53: nine million dollars, 285,000 years")]
fn float(value: i64) -> f64 {
    value as f64
}
