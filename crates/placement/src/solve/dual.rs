//! A lower bound by Lagrangian relaxation and message passing, and the reduced costs that fix states.
//!
//! The limits, the makespan and shared volumes are prices ([`super::prices`]), so that a plan costs a plain sum over tasks
//! and edges. For that sum, messages on the edges shift cost between an edge and its ends without changing any plan's
//! total; the sum of the least entries of all tasks and edges is then a lower bound. Handshake updates, edge by edge,
//! raise it monotonically (Tourani, Shekhovtsov, Rother and Savchynskyy, "MPLP++", ECCV 2018). On forests two passes
//! are exact.
//!
//! A state whose own least total exceeds the best known plan can be dropped for good: with prices as
//! lopsided as those of clouds this removes nearly everything, and the search that follows is short.
//!
//! One step over an edge costs `states × classes`, not `states²`. Sums of integers below 2⁵³ are exact
//! in the floating point used here, and the search allows for the rest.

use super::Goal;
use super::forest::rooted;
use super::prices::Prices;
use super::problem::{EdgePrices, Problem, State};
use super::step::{Ends, Scratch, Step};

/// The tasks of a forest, each after the one it hangs on, with that task and the edge between them.
type Rooted = Vec<(usize, Option<(usize, usize)>)>;

/// Entries of tables that are gone through in the time of one update of an edge, the unit that work is counted in:
/// measured, some five microseconds.
pub(super) const CELLS_OF_AN_UPDATE: usize = 4_000;

/// What a state costs to be added to a plan, an edge to the tasks before it each, in entries of a table.
const STATE: usize = 4;

/// Passes over all tasks that a plan is brought to a least relaxed sum in.
const SETTLING: usize = 3;

/// The bound with its messages. Messages stay valid for any subset of states, so one instance serves
/// a whole search and is never rolled back.
pub(super) struct Dual<'p> {
    problem: &'p Problem,
    pub(super) prices: Prices<'p>,
    messages: Messages,
    /// Where the graph is a forest.
    rooted: Option<Rooted>,
    /// On a forest, the plan of least relaxed sum that the latest sweep found, and the multipliers that it is one for.
    least: Option<(u32, Vec<u32>)>,
    /// Entries of tables gone through so far.
    cells: usize,
}

/// What edges give to their ends, by edge and state.
#[derive(Clone)]
pub(super) struct Messages {
    /// Share of each edge given to its producer's states.
    to_producer: Vec<Vec<f64>>,
    /// Share of each edge given to its consumer's states.
    to_consumer: Vec<Vec<f64>>,
}

/// Bound and reduced costs for one set of active states.
pub(super) struct Bound {
    /// No feasible plan over the active states has a lower value.
    pub(super) value: f64,
    /// By task and position in its active list: how much higher the bound is with that state taken.
    pub(super) excess: Vec<Vec<f64>>,
}

impl<'p> Dual<'p> {
    /// Starts without messages, as much flow over each path, each meter at its average price over all that can
    /// reach it.
    pub(super) fn new(problem: &'p Problem, goal: &Goal, active: &[Vec<u32>]) -> Self {
        let rooted = problem.shape().forest.then(|| {
            let (sequence, parent) = rooted(problem);
            sequence.into_iter().map(|task| (task, parent[task])).collect()
        });
        // On a forest none are kept from one bound to the next.
        let size = |task: usize| if rooted.is_some() { 0 } else { problem.tasks[task].len() };
        Self {
            problem,
            prices: Prices::new(problem, goal, active),
            messages: Messages {
                to_producer: problem.edges.iter().map(|edge| vec![0.0; size(edge.from)]).collect(),
                to_consumer: problem.edges.iter().map(|edge| vec![0.0; size(edge.to)]).collect(),
            },
            rooted,
            least: None,
            cells: 0,
        }
    }

    /// Goes on with the multipliers of the same problem over more states, whose messages these ones had.
    pub(super) fn start_from(&mut self, larger: &Dual<'_>, active: &[Vec<u32>]) {
        self.prices.set(larger.prices.multipliers());
        self.cells = larger.cells;
        let keep = |own: &mut Vec<Vec<f64>>, all: &[Vec<f64>], end: fn(&EdgePrices) -> usize| {
            for ((own, all), edge) in own.iter_mut().zip(all).zip(&self.problem.edges) {
                let states = &active[end(edge)];
                own.iter_mut().zip(states).for_each(|(own, state)| *own = all[*state as usize]);
            }
        };
        keep(&mut self.messages.to_producer, &larger.messages.to_producer, |edge| edge.from);
        keep(&mut self.messages.to_consumer, &larger.messages.to_consumer, |edge| edge.to);
    }

    pub(super) fn messages(&self) -> &Messages {
        &self.messages
    }

    /// Goes on with messages of before.
    pub(super) fn set_messages(&mut self, messages: &Messages) {
        self.messages.clone_from(messages);
    }

    /// Whether the graph is a forest, on which the bound is the least relaxed sum itself.
    pub(super) fn is_of_forest(&self) -> bool {
        self.rooted.is_some()
    }

    /// The work so far, in updates of an edge over all places.
    pub(super) fn updates(&self) -> usize {
        self.cells / CELLS_OF_AN_UPDATE
    }

    /// Counts work done elsewhere on behalf of the search, as if so many entries of tables were gone through.
    pub(super) fn spend(&mut self, cells: usize) {
        self.cells += cells;
    }

    /// Prices what the active states look at.
    fn price(&mut self, active: &[Vec<u32>]) {
        for (edge, ends) in self.problem.edges.iter().enumerate() {
            self.prices.price_rows(edge, &active[ends.from]);
        }
        self.cells += self.prices.take_cells();
    }

    /// Where the active states of each task are.
    fn places(&self, active: &[Vec<u32>]) -> Vec<Vec<u16>> {
        let place = |(states, active): (&Vec<State>, &Vec<u32>)| {
            active.iter().map(|state| states[*state as usize].place).collect()
        };
        self.problem.tasks.iter().zip(active).map(place).collect()
    }

    fn step<'s>(&'s self, edge: usize, places: &'s [Vec<u16>]) -> Step<'s> {
        let ends = &self.problem.edges[edge];
        Step::new(self.problem, self.prices.rows(edge), &places[ends.from], &places[ends.to])
    }

    /// Updates the messages over every edge once in each direction and returns the bound.
    pub(super) fn sweep(&mut self, active: &[Vec<u32>], rounds: usize) -> Bound {
        self.price(active);
        let mut scratch = Scratch::new(self.problem);
        if let Some(rooted) = self.rooted.take() {
            let (bound, least) = self.exact(active, &rooted, &mut scratch);
            self.rooted = Some(rooted);
            self.least = Some((self.prices.stamp(), least));
            self.cells += scratch.cells;
            return bound;
        }
        let (places, mut sums) = (self.places(active), self.sums(active));
        let edges = self.problem.edges.len();
        for _ in 0..rounds {
            for edge in (0..edges).chain((0..edges).rev()) {
                self.handshake(edge, (active, &places), &mut sums, &mut scratch);
            }
        }
        let bound = self.bound((active, &places), &sums, &mut scratch);
        self.cells += scratch.cells;
        bound
    }

    /// On a forest two passes of messages make the bound the minimum itself and the excess of a state
    /// exact: up to the roots, then down. With it a plan that is that minimum.
    fn exact(&self, active: &[Vec<u32>], rooted: &Rooted, scratch: &mut Scratch) -> (Bound, Vec<u32>) {
        let places = self.places(active);
        let (mut all, from_below) = self.hanging((active, &places), rooted, scratch);
        let least = self.exact_minimiser(active, rooted, &all);
        let mut value = self.prices.constant();
        for &(task, parent) in rooted {
            match parent {
                None => value += all[task].iter().copied().fold(f64::INFINITY, f64::min),
                Some((up, edge)) => {
                    let rest: Vec<f64> =
                        all[up].iter().zip(&from_below[task]).map(|(all, own)| all - own).collect();
                    let message = self.across(edge, up, &places, &rest, scratch);
                    all[task].iter_mut().zip(&message).for_each(|(sum, message)| *sum += message);
                }
            }
        }
        let excess = all.into_iter().map(|sums| {
            let best = sums.iter().copied().fold(f64::INFINITY, f64::min);
            sums.into_iter().map(|sum| sum - best).collect()
        });
        (Bound { value, excess: excess.collect() }, least)
    }

    /// The least of `values` of a state of `task` plus the edge, by position of the other end's states.
    fn across(
        &self,
        edge: usize,
        task: usize,
        places: &[Vec<u16>],
        values: &[f64],
        scratch: &mut Scratch,
    ) -> Vec<f64> {
        let step = self.step(edge, places);
        if self.problem.edges[edge].from == task {
            step.forward(values, scratch);
            scratch.consumer.clone()
        } else {
            step.backward(values, scratch);
            scratch.producer.clone()
        }
    }

    /// What hangs on each task, by position of its states, and what of it comes from each task to its parent.
    fn hanging(
        &self,
        (active, places): (&[Vec<u32>], &[Vec<u16>]),
        rooted: &Rooted,
        scratch: &mut Scratch,
    ) -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
        let price = |(task, states): (usize, &Vec<u32>)| -> Vec<f64> {
            states.iter().map(|state| self.prices.unary[task][*state as usize]).collect()
        };
        let mut below: Vec<Vec<f64>> = active.iter().enumerate().map(price).collect();
        let mut from_below: Vec<Vec<f64>> = vec![Vec::new(); below.len()];
        for &(task, parent) in rooted.iter().rev() {
            let Some((up, edge)) = parent else { continue };
            let message = self.across(edge, task, places, &below[task], scratch);
            below[up].iter_mut().zip(&message).for_each(|(sum, message)| *sum += message);
            from_below[task] = message;
        }
        (below, from_below)
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
                    self.prices.unary[task][state]
                        + outgoing.iter().map(|&edge| self.messages.to_producer[edge][state]).sum::<f64>()
                        + incoming.iter().map(|&edge| self.messages.to_consumer[edge][state]).sum::<f64>()
                };
                states.iter().map(sum).collect()
            })
            .collect()
    }

    fn handshake(
        &mut self,
        edge: usize,
        (active, places): (&[Vec<u32>], &[Vec<u16>]),
        sums: &mut [Vec<f64>],
        scratch: &mut Scratch,
    ) {
        let ends: &EdgePrices = &self.problem.edges[edge];
        let (from, to) = (ends.from, ends.to);
        let step = Step::new(self.problem, self.prices.rows(edge), &places[from], &places[to]);
        let Ends { mut bare_from, mut bare_to, mut new_from, mut new_to, mut negated } =
            std::mem::take(&mut scratch.ends);
        bare(&mut bare_from, &sums[from], &self.messages.to_producer[edge], &active[from]);
        bare(&mut bare_to, &sums[to], &self.messages.to_consumer[edge], &active[to]);
        // Half of each min-marginal of the whole edge to the producer,
        step.backward(&bare_to, scratch);
        let halves = bare_from.iter().zip(&scratch.producer).map(|(bare, best)| 0.5 * (bare + best));
        fill(&mut new_from, halves.zip(&bare_from).map(|(half, bare)| half - bare));
        // all of what is then left to the consumer,
        fill(&mut negated, new_from.iter().map(|message| -message));
        step.forward(&negated, scratch);
        new_to.clone_from(&scratch.consumer);
        // and the rest back to the producer.
        fill(&mut negated, new_to.iter().map(|message| -message));
        step.backward(&negated, scratch);
        new_from.clone_from(&scratch.producer);
        fill(&mut sums[from], bare_from.iter().zip(&new_from).map(|(bare, message)| bare + message));
        fill(&mut sums[to], bare_to.iter().zip(&new_to).map(|(bare, message)| bare + message));
        for (state, message) in active[from].iter().zip(&new_from) {
            self.messages.to_producer[edge][*state as usize] = *message;
        }
        for (state, message) in active[to].iter().zip(&new_to) {
            self.messages.to_consumer[edge][*state as usize] = *message;
        }
        scratch.ends = Ends { bare_from, bare_to, new_from, new_to, negated };
    }

    /// A plan that nearly minimises the relaxed sum: one read off the messages, or one at a single place, each task of it
    /// moved to where it is best. Messages alone do not lead there: where they have done their work, many states look alike,
    /// and the next multipliers would follow a plan that is far from least.
    ///
    /// On a forest it does minimise it, and mostly a sweep has found it: the active states are then those of the latest
    /// sweep, or what is left of them.
    pub(super) fn minimiser(&mut self, active: &[Vec<u32>]) -> Vec<u32> {
        self.price(active);
        if let Some(rooted) = &self.rooted {
            let (stamp, within) =
                (self.prices.stamp(), |(states, state): (&Vec<u32>, &u32)| states.contains(state));
            if let Some((_, choice)) = self
                .least
                .take_if(|(of, choice)| *of == stamp && active.iter().zip(choice.iter()).all(within))
            {
                return choice;
            }
            let mut scratch = Scratch::new(self.problem);
            let (below, _) = self.hanging((active, &self.places(active)), rooted, &mut scratch);
            let choice = self.exact_minimiser(active, rooted, &below);
            self.cells += scratch.cells;
            return choice;
        }
        let looked = active.iter().zip(&self.problem.incoming);
        let mut cells: usize =
            looked.map(|(states, incoming)| STATE * states.len() * (2 + incoming.len())).sum();
        let mut read = self.read_off(active);
        cells += self.settle(&mut read, active);
        let together = self.together(active).map(|mut choice| {
            cells += self.settle(&mut choice, active);
            choice
        });
        self.cells += cells;
        together.filter(|choice| self.relaxed(choice) < self.relaxed(&read)).unwrap_or(read)
    }

    /// Tasks in topological order, each in the state that adds least to what is chosen before it, the messages standing
    /// for what comes after.
    fn read_off(&self, active: &[Vec<u32>]) -> Vec<u32> {
        let mut choice: Vec<u32> = active.iter().map(|states| states.first().copied().unwrap_or(0)).collect();
        for &task in &self.problem.order {
            let price = |state: u32| {
                let place = self.problem.tasks[task][state as usize].place;
                let own = self.prices.unary[task][state as usize];
                let later = self.problem.outgoing[task]
                    .iter()
                    .map(|&edge| self.messages.to_producer[edge][state as usize]);
                let earlier = self.problem.incoming[task].iter().map(|&edge| {
                    let from = self.problem.edges[edge].from;
                    let producer = choice[from] as usize;
                    let place_from = self.problem.tasks[from][producer].place;
                    self.prices.priced(edge, place_from, place) - self.messages.to_producer[edge][producer]
                });
                own + later.sum::<f64>() + earlier.sum::<f64>()
            };
            choice[task] =
                least(active[task].iter().map(|state| (price(*state), *state))).unwrap_or(choice[task]);
        }
        choice
    }

    /// All tasks that can be at the one place where that is best, the others where they are cheapest.
    fn together(&self, active: &[Vec<u32>]) -> Option<Vec<u32>> {
        let places = self.problem.classes.len();
        // By place: what all tasks cost together that are there where they can be, and where they are cheapest otherwise.
        let mut sums = vec![0.0; places];
        let mut best: Vec<Vec<(f64, u32)>> = Vec::with_capacity(active.len());
        for (task, states) in active.iter().enumerate() {
            let mut there = vec![(f64::INFINITY, 0); places];
            for &state in states {
                let at = usize::from(self.problem.tasks[task][state as usize].place);
                let price = self.prices.unary[task][state as usize];
                if price < there[at].0 {
                    there[at] = (price, state);
                }
            }
            let anywhere = least(there.iter().copied())?;
            let cheapest = self.prices.unary[task][anywhere as usize];
            for (sum, at) in sums.iter_mut().zip(&mut there) {
                if at.0.is_infinite() {
                    *at = (cheapest, anywhere);
                    // Whoever is elsewhere moves data, which is counted as much as the task: places where all can be come first.
                    *sum += cheapest.abs();
                }
                *sum += at.0;
            }
            best.push(there);
        }
        let place = (0..places).min_by(|a, b| sums[*a].total_cmp(&sums[*b]))?;
        Some(best.into_iter().map(|there| there[place].1).collect())
    }

    /// Moves each task to the state of least relaxed sum with all others kept, until none moves. Says what was looked at.
    fn settle(&self, choice: &mut [u32], active: &[Vec<u32>]) -> usize {
        let mut cells = 0;
        for _ in 0..SETTLING {
            let mut moved = false;
            for (task, states) in active.iter().enumerate() {
                let mut at = None;
                let mut price = |state: u32| {
                    let place = self.problem.tasks[task][state as usize].place;
                    let edges = match at {
                        Some((last, edges)) if last == place => edges,
                        _ => {
                            let touching = self.problem.touching(task, place, choice);
                            touching
                                .map(|(edge, from, to)| {
                                    (cells += STATE, self.prices.priced(edge, from, to)).1
                                })
                                .sum::<f64>()
                        }
                    };
                    at = Some((place, edges));
                    self.prices.unary[task][state as usize] + edges
                };
                let now = price(choice[task]);
                let best = states.iter().map(|state| (price(*state), *state));
                let best = best.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
                if let Some((_, state)) = best.filter(|(sum, _)| *sum < now) {
                    (choice[task], moved) = (state, true);
                }
            }
            cells += STATE * active.iter().map(Vec::len).sum::<usize>();
            if !moved {
                break;
            }
        }
        cells
    }

    /// The relaxed sum of a plan, but for what is the same for all.
    fn relaxed(&self, choice: &[u32]) -> f64 {
        let place = |task: usize| self.problem.state(task, choice).place;
        let tasks = choice.iter().enumerate().map(|(task, state)| self.prices.unary[task][*state as usize]);
        let edges = self.problem.edges.iter().enumerate();
        tasks.sum::<f64>()
            + edges
                .map(|(edge, ends)| self.prices.priced(edge, place(ends.from), place(ends.to)))
                .sum::<f64>()
    }

    /// On a forest: the plan of least relaxed sum, by what hangs on each task.
    fn exact_minimiser(&self, active: &[Vec<u32>], rooted: &Rooted, below: &[Vec<f64>]) -> Vec<u32> {
        let mut choice = vec![0; active.len()];
        for &(task, parent) in rooted {
            let place = |task: usize, state: u32| self.problem.tasks[task][state as usize].place;
            let total = |(sum, state): (&f64, &u32)| match parent {
                None => (*sum, *state),
                Some((up, edge)) => {
                    let (here, there) = (place(task, *state), place(up, choice[up]));
                    let ends = &self.problem.edges[edge];
                    let (from, to) = if ends.from == task { (here, there) } else { (there, here) };
                    (sum + self.prices.priced(edge, from, to), *state)
                }
            };
            let best = below[task].iter().zip(&active[task]).map(total);
            if let Some((_, state)) = best.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))) {
                choice[task] = state;
            }
        }
        choice
    }

    fn bound(
        &self,
        (active, places): (&[Vec<u32>], &[Vec<u16>]),
        sums: &[Vec<f64>],
        scratch: &mut Scratch,
    ) -> Bound {
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let mut value = self.prices.constant();
        let mut excess: Vec<Vec<f64>> = Vec::with_capacity(sums.len());
        for sums in sums {
            let best = least(sums);
            value += best;
            excess.push(sums.iter().map(|sum| sum - best).collect());
        }
        for (edge, ends) in self.problem.edges.iter().enumerate() {
            let (from, to) = (ends.from, ends.to);
            let step = self.step(edge, places);
            let negated = |messages: &[f64], states: &[u32]| -> Vec<f64> {
                states.iter().map(|state| -messages[*state as usize]).collect()
            };
            let (minus_from, minus_to) = (
                negated(&self.messages.to_producer[edge], &active[from]),
                negated(&self.messages.to_consumer[edge], &active[to]),
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

/// The state of least price, of those the first.
fn least(priced: impl Iterator<Item = (f64, u32)>) -> Option<u32> {
    priced.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, state)| state)
}

/// What is left of the sums of states without the messages of an edge.
fn bare(values: &mut Vec<f64>, sums: &[f64], messages: &[f64], states: &[u32]) {
    fill(values, sums.iter().zip(states).map(|(sum, state)| sum - messages[*state as usize]));
}

/// Other values in the room of the last ones.
fn fill(values: &mut Vec<f64>, new: impl Iterator<Item = f64>) {
    values.clear();
    values.extend(new);
}
