//! A lower bound by Lagrangian relaxation and message passing, and the reduced costs that fix states.
//!
//! Two relaxations, one inside the other:
//!
//! 1. *Time.* The makespan is the largest, over unit flows through the task graph, of the flow-weighted
//!    sum of task and edge times. So for any flow `λ` of size `time_weight + μ`, any multiplier `μ ≥ 0`
//!    of the deadline and `ν ≥ 0` of the budget, `Σ (cost_weight + ν)·cost + λ·time − μ·deadline − ν·budget`
//!    is a lower bound on the value of every feasible plan, and it is a plain sum over tasks and edges.
//! 2. *Structure.* For that sum, messages on the edges shift cost between an edge and its ends without
//!    changing any plan's total; the sum of the least entries of all tasks and edges is then a lower
//!    bound. Handshake updates, edge by edge, raise it monotonically (Tourani, Shekhovtsov, Rother and
//!    Savchynskyy, "MPLP++", ECCV 2018).
//!
//! A state whose own least total exceeds the best known plan can be dropped for good: with prices as
//! lopsided as those of clouds this removes nearly everything, and the search that follows is short.
//!
//! One step over an edge costs `states × classes`, not `states²`. Sums of integers below 2⁵³ are exact
//! in the floating point used here, and the search allows for the rest.

use super::Goal;
use super::forest::rooted;
use super::meters::{Meters, Window};
use super::problem::{CriticalPath, EdgePrices, Problem};
use super::step::{Relaxed, Scratch, Step};

/// The tasks of a forest, each after the one it hangs on, with that task and the edge between them.
type Rooted = Vec<(usize, Option<(usize, usize)>)>;

/// Multipliers of the first relaxation.
#[derive(Debug, Clone)]
struct Multipliers {
    /// Unit flow through each task.
    task_flow: Vec<f64>,
    /// Unit flow over each edge.
    edge_flow: Vec<f64>,
    /// Of the deadline, per millisecond.
    deadline: f64,
    /// Of the budget, per nano-dollar.
    budget: f64,
    /// Price of each meter, in nano-dollars a byte.
    meter: Vec<f64>,
}

/// The bound with its messages. Messages stay valid for any subset of states, so one instance serves
/// a whole search and is never rolled back.
pub(super) struct Dual<'p> {
    problem: &'p Problem,
    goal: Goal,
    multipliers: Multipliers,
    relaxed: Relaxed,
    /// Share of each edge given to its producer's states.
    to_producer: Vec<Vec<f64>>,
    /// Share of each edge given to its consumer's states.
    to_consumer: Vec<Vec<f64>>,
    /// Where the graph is a forest.
    rooted: Option<Rooted>,
    updates: usize,
    /// What volumes each meter can have: those looked at, and no more than can still reach it.
    windows: Vec<Window>,
    /// Meters whose price is known exactly.
    settled: Vec<bool>,
}

/// Bound and reduced costs for one set of active states.
pub(super) struct Bound {
    /// No feasible plan over the active states has a lower value.
    pub(super) value: f64,
    /// By task and position in its active list: how much higher the bound is with that state taken.
    pub(super) excess: Vec<Vec<f64>>,
}

impl<'p> Dual<'p> {
    /// Starts without messages, all flow on `path`, each meter at its average price over all that can
    /// reach it.
    pub(super) fn new(problem: &'p Problem, goal: &Goal, path: &CriticalPath, active: &[Vec<u32>]) -> Self {
        let mut multipliers = Multipliers {
            task_flow: vec![0.0; problem.tasks.len()],
            edge_flow: vec![0.0; problem.edges.len()],
            deadline: 0.0,
            budget: 0.0,
            meter: Vec::new(),
        };
        let mut windows = Vec::new();
        if let Some(meters) = &problem.meters {
            windows = problem.reachable(meters, active);
            multipliers.meter =
                meters.curves.iter().zip(&windows).map(|(curve, window)| curve.chord(*window)).collect();
        }
        path.tasks.iter().for_each(|&task| multipliers.task_flow[task] = 1.0);
        path.edges.iter().for_each(|&edge| multipliers.edge_flow[edge] = 1.0);
        let size = |task: usize| problem.tasks[task].len();
        let mut dual = Self {
            problem,
            goal: *goal,
            multipliers,
            relaxed: Relaxed { unary: Vec::new(), edges: Vec::new(), stay: Vec::new(), constant: 0.0 },
            to_producer: problem.edges.iter().map(|edge| vec![0.0; size(edge.from)]).collect(),
            to_consumer: problem.edges.iter().map(|edge| vec![0.0; size(edge.to)]).collect(),
            rooted: problem.shape().forest.then(|| {
                let (sequence, parent) = rooted(problem);
                sequence.into_iter().map(|task| (task, parent[task])).collect()
            }),
            updates: 0,
            settled: vec![false; windows.len()],
            windows,
        };
        dual.relax();
        dual
    }

    /// Goes on with the multipliers of the same problem over more states.
    pub(super) fn start_from(&mut self, larger: &Dual<'_>) {
        self.multipliers.clone_from(&larger.multipliers);
        self.updates = larger.updates;
        self.relax();
    }

    /// Whether some meter's price is still to be found.
    pub(super) fn has_open_meters(&self) -> bool {
        self.settled.iter().any(|settled| !settled)
    }

    /// Weight of one nano-dollar in the relaxed sum.
    pub(super) fn cost_weight(&self) -> f64 {
        self.goal.cost_weight + self.multipliers.budget
    }

    /// Updates of single edges so far: the measure of work.
    pub(super) fn updates(&self) -> usize {
        self.updates
    }

    /// Counts work done elsewhere on behalf of the search.
    pub(super) fn spend(&mut self, updates: usize) {
        self.updates += updates;
    }

    /// One step of subgradient ascent: flow moves onto the critical path of a minimiser of the relaxed
    /// sum, and the multipliers of the limits follow their violation. `slack` is the distance between
    /// the best known value and the bound, the Polyak step's numerator.
    pub(super) fn ascend(&mut self, path: &CriticalPath, choice: &[u32], share: f64, slack: f64) {
        let (cost, time) = self.problem.evaluate(choice);
        self.price_meters(choice, share, slack);
        let keep = 1.0 - share;
        self.multipliers.task_flow.iter_mut().for_each(|flow| *flow *= keep);
        self.multipliers.edge_flow.iter_mut().for_each(|flow| *flow *= keep);
        path.tasks.iter().for_each(|&task| self.multipliers.task_flow[task] += share);
        path.edges.iter().for_each(|&edge| self.multipliers.edge_flow[edge] += share);
        let step = |multiplier: f64, limit: Option<i64>, value: i64| match limit {
            Some(limit) if value != limit => (multiplier + share * slack / float(value - limit)).max(0.0),
            _ => multiplier,
        };
        self.multipliers.deadline = step(self.multipliers.deadline, self.goal.max_time, time);
        self.multipliers.budget = step(self.multipliers.budget, self.goal.max_cost, cost);
        self.relax();
    }

    /// Moves the price of each meter by the distance between the volume a minimiser of the relaxed sum
    /// puts on it and the volume at which that price supports the meter's charge.
    #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
    fn price_meters(&mut self, choice: &[u32], share: f64, slack: f64) {
        let Some(meters) = &self.problem.meters else { return };
        let volumes = self.problem.volumes(meters, choice);
        let prices = &mut self.multipliers.meter;
        let gradient: Vec<f64> = meters
            .curves
            .iter()
            .zip(&volumes)
            .zip(prices.iter().zip(&self.windows))
            .zip(&self.settled)
            .map(|(((curve, volume), (price, window)), settled)| match settled {
                true => 0.0,
                false => *volume as f64 - curve.support(*price, *window).1 as f64,
            })
            .collect();
        let norm: f64 = gradient.iter().map(|g| g * g).sum();
        if norm > 0.0 {
            let step = share * slack / norm;
            prices.iter_mut().zip(&gradient).for_each(|(price, g)| *price = (*price + step * g).max(0.0));
        }
    }

    /// The price of each meter now.
    pub(super) fn prices(&self) -> Vec<f64> {
        self.multipliers.meter.clone()
    }

    /// Goes on with these prices.
    pub(super) fn set_prices(&mut self, prices: &[f64]) {
        if self.multipliers.meter != prices {
            prices.clone_into(&mut self.multipliers.meter);
            self.relax();
        }
    }

    /// Looks only at plans over the active states whose volumes lie in the windows; false when there
    /// are none, because too little can reach a meter or too much must.
    pub(super) fn narrow(&mut self, active: &[Vec<u32>], windows: &[Window]) -> bool {
        let Some(meters) = &self.problem.meters else { return true };
        let reachable = self.problem.reachable(meters, active);
        self.windows.clear();
        self.settled.clear();
        for ((window, can), curve) in windows.iter().zip(reachable).zip(&meters.curves) {
            let narrowed = Window { low: window.low.max(can.low), high: window.high.min(can.high) };
            self.settled.push(narrowed == can && curve.bounds_within(narrowed).next().is_none());
            self.windows.push(narrowed);
        }
        self.settle();
        self.windows.iter().all(|window| window.low <= window.high)
    }

    /// A meter that charges one price over all that can reach it is no relaxation at that price.
    fn settle(&mut self) {
        let Some(meters) = &self.problem.meters else { return };
        let mut changed = false;
        for (meter, curve) in meters.curves.iter().enumerate().filter(|(meter, _)| self.settled[*meter]) {
            let chord = curve.chord(self.windows[meter]);
            changed |= std::mem::replace(&mut self.multipliers.meter[meter], chord) != chord;
        }
        if changed {
            self.relax();
        }
    }

    /// The meter whose charge the relaxed sum understates most for a plan, with a tier bound to split
    /// its window at.
    #[expect(clippy::cast_precision_loss, reason = "volumes and charges are below 2^53")]
    pub(super) fn loosest(&self, choice: &[u32]) -> Option<(f64, usize, u64)> {
        let meters = self.problem.meters.as_ref()?;
        let volumes = self.problem.volumes(meters, choice);
        let gap = |meter: usize| {
            let (curve, window, price) =
                (&meters.curves[meter], self.windows[meter], self.multipliers.meter[meter]);
            let volume = volumes[meter];
            let nearest = curve.bounds_within(window).min_by_key(|bound| bound.abs_diff(volume))?;
            let stated = price * volume as f64 + curve.support(price, window).0;
            Some((curve.charge(volume) as f64 - stated, meter, nearest))
        };
        (0..volumes.len()).filter_map(gap).max_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// The price a meter starts with in a window: its average there.
    pub(super) fn chord(&self, meter: usize, window: Window) -> f64 {
        self.problem.meters.as_ref().map_or(0.0, |meters| meters.curves[meter].chord(window))
    }

    /// The windows as they are now.
    pub(super) fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// What the meters' supports add to the relaxed sum: at most zero.
    fn meter_constant(&self) -> f64 {
        let Some(meters) = &self.problem.meters else { return 0.0 };
        let prices = self.multipliers.meter.iter().zip(&self.windows);
        let supports =
            meters.curves.iter().zip(prices).map(|(curve, (price, window))| curve.support(*price, *window).0);
        self.cost_weight() * supports.sum::<f64>()
    }

    /// Rebuilds the relaxed prices from the multipliers.
    fn relax(&mut self) {
        let cost_weight = self.cost_weight();
        let time_weight = self.goal.time_weight + self.multipliers.deadline;
        let mix = |costs: &[i64], times: &[i64], flow: f64| -> Vec<f64> {
            let time_weight = time_weight * flow;
            let pairs = costs.iter().zip(times);
            pairs.map(|(cost, time)| cost_weight * float(*cost) + time_weight * float(*time)).collect()
        };
        let problem = self.problem;
        let flows = self.multipliers.edge_flow.iter();
        let meter_prices = &self.multipliers.meter;
        let metered = |mut table: Vec<f64>, ids: fn(&Meters) -> &[u16], volume: u64| {
            if let Some(meters) = problem.meters.as_ref().filter(|_| volume > 0) {
                #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
                let weight = cost_weight * volume as f64;
                let prices = table.iter_mut().zip(ids(meters));
                prices.for_each(|(price, id)| *price += weight * meter_prices[usize::from(*id)]);
            }
            table
        };
        self.relaxed.unary = problem
            .tasks
            .iter()
            .zip(&self.multipliers.task_flow)
            .map(|(states, flow)| {
                let price = |cost, time| cost_weight * float(cost) + time_weight * flow * float(time);
                states.iter().map(|state| price(state.cost, state.time)).collect()
            })
            .collect();
        let edges = || problem.edges.iter().zip(flows.clone());
        self.relaxed.edges = edges()
            .map(|(edge, flow)| metered(mix(&edge.cost, &edge.time, *flow), |m| &m.of_move, edge.volume))
            .collect();
        self.relaxed.stay = edges()
            .map(|(edge, flow)| {
                metered(mix(&edge.stay_cost, &edge.stay_time, *flow), |m| &m.of_stay, edge.volume)
            })
            .collect();
        self.relaxed.constant = self.multipliers.deadline * float(self.goal.max_time.unwrap_or(0))
            + self.multipliers.budget * float(self.goal.max_cost.unwrap_or(0));
    }

    /// Updates the messages over every edge once in each direction and returns the bound.
    pub(super) fn sweep(&mut self, active: &[Vec<u32>], rounds: usize) -> Bound {
        let mut scratch = Scratch::new(self.problem);
        if let Some(rooted) = self.rooted.take() {
            let bound = self.exact(active, &rooted, &mut scratch);
            self.rooted = Some(rooted);
            return bound;
        }
        let mut sums = self.sums(active);
        let edges = self.problem.edges.len();
        self.updates += 2 * rounds * edges;
        for _ in 0..rounds {
            for edge in (0..edges).chain((0..edges).rev()) {
                self.handshake(edge, active, &mut sums, &mut scratch);
            }
        }
        self.bound(active, &sums, &mut scratch)
    }

    /// On a forest two passes of messages make the bound the minimum itself and the excess of a state
    /// exact: up to the roots, then down.
    fn exact(&mut self, active: &[Vec<u32>], rooted: &Rooted, scratch: &mut Scratch) -> Bound {
        self.updates += 2 * self.problem.edges.len();
        let price = |(task, states): (usize, &Vec<u32>)| -> Vec<f64> {
            states.iter().map(|state| self.relaxed.unary[task][*state as usize]).collect()
        };
        // What hangs on a task, by position of its states.
        let mut below: Vec<Vec<f64>> = active.iter().enumerate().map(price).collect();
        let mut from_below: Vec<Vec<f64>> = vec![Vec::new(); below.len()];
        for &(task, parent) in rooted.iter().rev() {
            let Some((up, edge)) = parent else { continue };
            let message = self.across(edge, task, active, &below[task], scratch);
            below[up].iter_mut().zip(&message).for_each(|(sum, message)| *sum += message);
            from_below[task] = message;
        }
        let mut value = self.meter_constant() - self.relaxed.constant;
        let mut all = below.clone();
        for &(task, parent) in rooted {
            match parent {
                None => value += all[task].iter().copied().fold(f64::INFINITY, f64::min),
                Some((up, edge)) => {
                    let rest: Vec<f64> =
                        all[up].iter().zip(&from_below[task]).map(|(all, own)| all - own).collect();
                    let message = self.across(edge, up, active, &rest, scratch);
                    all[task].iter_mut().zip(&message).for_each(|(sum, message)| *sum += message);
                }
            }
        }
        let excess = all.into_iter().map(|sums| {
            let best = sums.iter().copied().fold(f64::INFINITY, f64::min);
            sums.into_iter().map(|sum| sum - best).collect()
        });
        Bound { value, excess: excess.collect() }
    }

    /// The least of `values` of a state of `task` plus the edge, by position of the other end's states.
    fn across(
        &self,
        edge: usize,
        task: usize,
        active: &[Vec<u32>],
        values: &[f64],
        scratch: &mut Scratch,
    ) -> Vec<f64> {
        let ends = &self.problem.edges[edge];
        let step = Step::new(self.problem, &self.relaxed, edge, &active[ends.from], &active[ends.to]);
        if ends.from == task {
            step.forward(values, scratch);
            scratch.consumer.clone()
        } else {
            step.backward(values, scratch);
            scratch.producer.clone()
        }
    }

    /// By task and position: the relaxed price of the state with all that its edges gave it.
    fn sums(&self, active: &[Vec<u32>]) -> Vec<Vec<f64>> {
        let tasks = active.iter().enumerate();
        tasks
            .map(|(task, states)| {
                let outgoing = &self.problem.outgoing[task];
                let incoming = &self.problem.incoming[task];
                let sum = |state: &u32| {
                    let state = *state as usize;
                    self.relaxed.unary[task][state]
                        + outgoing.iter().map(|&edge| self.to_producer[edge][state]).sum::<f64>()
                        + incoming.iter().map(|&edge| self.to_consumer[edge][state]).sum::<f64>()
                };
                states.iter().map(sum).collect()
            })
            .collect()
    }

    fn handshake(&mut self, edge: usize, active: &[Vec<u32>], sums: &mut [Vec<f64>], scratch: &mut Scratch) {
        let ends: &EdgePrices = &self.problem.edges[edge];
        let (from, to) = (ends.from, ends.to);
        let step = Step::new(self.problem, &self.relaxed, edge, &active[from], &active[to]);
        let gather = |messages: &[f64], states: &[u32]| -> Vec<f64> {
            states.iter().map(|state| messages[*state as usize]).collect()
        };
        let old_from = gather(&self.to_producer[edge], &active[from]);
        let old_to = gather(&self.to_consumer[edge], &active[to]);
        let bare_from: Vec<f64> = sums[from].iter().zip(&old_from).map(|(sum, old)| sum - old).collect();
        let bare_to: Vec<f64> = sums[to].iter().zip(&old_to).map(|(sum, old)| sum - old).collect();
        // Half of each min-marginal of the whole edge to the producer,
        step.backward(&bare_to, scratch);
        let half: Vec<f64> =
            bare_from.iter().zip(&scratch.producer).map(|(bare, best)| 0.5 * (bare + best)).collect();
        let mut new_from: Vec<f64> = half.iter().zip(&bare_from).map(|(half, bare)| half - bare).collect();
        // all of what is then left to the consumer,
        let negated: Vec<f64> = new_from.iter().map(|message| -message).collect();
        step.forward(&negated, scratch);
        let new_to: Vec<f64> = scratch.consumer.clone();
        // and the rest back to the producer.
        let negated: Vec<f64> = new_to.iter().map(|message| -message).collect();
        step.backward(&negated, scratch);
        for (message, best) in new_from.iter_mut().zip(&scratch.producer) {
            *message = *best;
        }
        for ((sum, bare), message) in sums[from].iter_mut().zip(&bare_from).zip(&new_from) {
            *sum = bare + message;
        }
        for ((sum, bare), message) in sums[to].iter_mut().zip(&bare_to).zip(&new_to) {
            *sum = bare + message;
        }
        for (state, message) in active[from].iter().zip(&new_from) {
            self.to_producer[edge][*state as usize] = *message;
        }
        for (state, message) in active[to].iter().zip(&new_to) {
            self.to_consumer[edge][*state as usize] = *message;
        }
    }

    /// A plan that nearly minimises the relaxed sum: tasks in topological order, each in the state that
    /// adds least to what is chosen before it, the messages standing for what comes after.
    pub(super) fn minimiser(&self, active: &[Vec<u32>]) -> Vec<u32> {
        if let Some(rooted) = &self.rooted {
            return self.exact_minimiser(active, rooted);
        }
        let mut choice: Vec<u32> = active.iter().map(|states| states.first().copied().unwrap_or(0)).collect();
        for &task in &self.problem.order {
            let price = |state: u32| {
                let place = self.problem.tasks[task][state as usize].place;
                let own = self.relaxed.unary[task][state as usize];
                let later =
                    self.problem.outgoing[task].iter().map(|&edge| self.to_producer[edge][state as usize]);
                let earlier = self.problem.incoming[task].iter().map(|&edge| {
                    let from = self.problem.edges[edge].from;
                    let producer = choice[from] as usize;
                    let place_from = self.problem.tasks[from][producer].place;
                    self.edge_price(edge, place_from, place) - self.to_producer[edge][producer]
                });
                own + later.sum::<f64>() + earlier.sum::<f64>()
            };
            let best = active[task].iter().copied().map(|state| (price(state), state));
            if let Some((_, state)) = best.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))) {
                choice[task] = state;
            }
        }
        choice
    }

    /// On a forest: the plan of least relaxed sum.
    fn exact_minimiser(&self, active: &[Vec<u32>], rooted: &Rooted) -> Vec<u32> {
        let mut scratch = Scratch::new(self.problem);
        let price = |(task, states): (usize, &Vec<u32>)| -> Vec<f64> {
            states.iter().map(|state| self.relaxed.unary[task][*state as usize]).collect()
        };
        let mut below: Vec<Vec<f64>> = active.iter().enumerate().map(price).collect();
        for &(task, parent) in rooted.iter().rev() {
            let Some((up, edge)) = parent else { continue };
            let message = self.across(edge, task, active, &below[task], &mut scratch);
            below[up].iter_mut().zip(&message).for_each(|(sum, message)| *sum += message);
        }
        let mut choice = vec![0; active.len()];
        for &(task, parent) in rooted {
            let place = |task: usize, state: u32| self.problem.tasks[task][state as usize].place;
            let total = |(sum, state): (&f64, &u32)| match parent {
                None => (*sum, *state),
                Some((up, edge)) => {
                    let (here, there) = (place(task, *state), place(up, choice[up]));
                    let ends = &self.problem.edges[edge];
                    let (from, to) = if ends.from == task { (here, there) } else { (there, here) };
                    (sum + self.edge_price(edge, from, to), *state)
                }
            };
            let best = below[task].iter().zip(&active[task]).map(total);
            if let Some((_, state)) = best.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))) {
                choice[task] = state;
            }
        }
        choice
    }

    fn edge_price(&self, edge: usize, from: u16, to: u16) -> f64 {
        if from == to {
            return self.relaxed.stay[edge][usize::from(from)];
        }
        let class = usize::from(self.problem.classes[usize::from(to)]);
        self.relaxed.edges[edge][usize::from(from) * self.problem.class_count + class]
    }

    fn bound(&self, active: &[Vec<u32>], sums: &[Vec<f64>], scratch: &mut Scratch) -> Bound {
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let mut value = self.meter_constant() - self.relaxed.constant;
        let mut excess: Vec<Vec<f64>> = Vec::with_capacity(sums.len());
        for sums in sums {
            let best = least(sums);
            value += best;
            excess.push(sums.iter().map(|sum| sum - best).collect());
        }
        for (edge, ends) in self.problem.edges.iter().enumerate() {
            let (from, to) = (ends.from, ends.to);
            let step = Step::new(self.problem, &self.relaxed, edge, &active[from], &active[to]);
            let negated = |messages: &[f64], states: &[u32]| -> Vec<f64> {
                states.iter().map(|state| -messages[*state as usize]).collect()
            };
            let (minus_from, minus_to) = (
                negated(&self.to_producer[edge], &active[from]),
                negated(&self.to_consumer[edge], &active[to]),
            );
            step.forward(&minus_from, scratch);
            step.backward(&minus_to, scratch);
            let left: Vec<f64> =
                scratch.producer.iter().zip(&minus_from).map(|(best, minus)| best + minus).collect();
            let right: Vec<f64> =
                scratch.consumer.iter().zip(&minus_to).map(|(best, minus)| best + minus).collect();
            let best = least(&left);
            value += best;
            excess[from].iter_mut().zip(&left).for_each(|(sum, left)| *sum += (left - best).max(0.0));
            excess[to].iter_mut().zip(&right).for_each(|(sum, right)| *sum += (right - best).max(0.0));
        }
        Bound { value, excess }
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53: nine million dollars, 285,000 years")]
fn float(value: i64) -> f64 {
    value as f64
}
