//! The problem as dense integers.

use super::meters::{Curve, Destinations, Meters, Window};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// One way to run one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    /// Index of the place.
    pub(crate) place: u16,
    /// Nano-dollars of machines and of inputs from outside.
    pub(crate) cost: i64,
    /// Milliseconds.
    pub(crate) time: i64,
}

/// What an edge costs and takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EdgePrices {
    /// Producer.
    pub(crate) from: usize,
    /// Consumer.
    pub(crate) to: usize,
    /// Bytes that count on a meter, where the problem has meters.
    pub(crate) volume: u64,
    /// Between any two places. Edges that move as much share it: a job of a thousand edges has some dozens of
    /// sizes, and tables over hundreds of places are what lies far from the processor.
    pub(crate) moves: Rc<Moves>,
}

/// What so much data costs and takes between any two places: one entry a (source place, class of
/// destination), and one a place for staying there, which is never dearer or slower.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moves {
    /// Nano-dollars by `place * classes + class`.
    pub(crate) cost: Vec<i64>,
    /// Milliseconds likewise.
    pub(crate) time: Vec<i64>,
    /// Nano-dollars of staying, by place.
    pub(crate) stay_cost: Vec<i64>,
    /// Milliseconds of staying, by place.
    pub(crate) stay_time: Vec<i64>,
}

/// Tasks with states, edges with prices.
pub(crate) struct Problem {
    /// States of each task.
    pub(crate) tasks: Vec<Vec<State>>,
    /// Edges of a DAG, at most one between two tasks.
    pub(crate) edges: Vec<EdgePrices>,
    /// Class of each place.
    pub(crate) classes: Vec<u16>,
    /// Number of classes.
    pub(crate) class_count: usize,
    /// Tasks in topological order.
    pub(crate) order: Vec<usize>,
    /// Incoming edges of each task.
    pub(crate) incoming: Vec<Vec<usize>>,
    /// Outgoing edges of each task.
    pub(crate) outgoing: Vec<Vec<usize>>,
    /// Volume tiers that edges share.
    pub(crate) meters: Option<Meters>,
    /// For each place the first one whose moves count on the same meters.
    same_meters: Vec<u16>,
}

/// A state chosen for each task.
pub(crate) type Assignment = Vec<u32>;

/// Shape of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// No undirected cycle.
    pub(crate) forest: bool,
    /// Every task has at most one producer.
    pub(crate) out_forest: bool,
    /// Every task has at most one consumer.
    pub(crate) in_forest: bool,
}

impl Problem {
    /// A problem from its parts. Edges must form a DAG over the tasks; several between the same two
    /// tasks are added up.
    pub(crate) fn new(
        tasks: Vec<Vec<State>>,
        edges: Vec<EdgePrices>,
        classes: Vec<u16>,
        meters: Option<Meters>,
    ) -> Self {
        let edges = merged(edges);
        let class_count = classes.iter().map(|class| usize::from(*class) + 1).max().unwrap_or(1);
        let mut incoming = vec![Vec::new(); tasks.len()];
        let mut outgoing = vec![Vec::new(); tasks.len()];
        for (index, edge) in edges.iter().enumerate() {
            incoming[edge.to].push(index);
            outgoing[edge.from].push(index);
        }
        let order = topological(&edges, &outgoing);
        let same_meters = meters.as_ref().map_or_else(Vec::new, |meters| meters.alike(class_count));
        let problem =
            Self { tasks, edges, classes, class_count, order, incoming, outgoing, meters, same_meters };
        debug_assert!(problem.staying_is_best(), "a move to another place must not beat staying");
        problem
    }

    fn staying_is_best(&self) -> bool {
        self.edges.iter().all(|edge| {
            self.classes.iter().enumerate().all(|(place, class)| {
                let at = place * self.class_count + usize::from(*class);
                let moves = &edge.moves;
                moves.stay_cost[place] <= moves.cost[at] && moves.stay_time[place] <= moves.time[at]
            })
        })
    }

    /// Whether the cost of data is the sum over edges.
    pub(crate) fn is_pairwise(&self) -> bool {
        self.meters.is_none()
    }

    /// Cost and time of edge `edge` between two places.
    pub(crate) fn edge_between(&self, edge: usize, from: u16, to: u16) -> (i64, i64) {
        let prices = &self.edges[edge].moves;
        if from == to {
            return (prices.stay_cost[usize::from(from)], prices.stay_time[usize::from(from)]);
        }
        let at = usize::from(from) * self.class_count + usize::from(self.classes[usize::from(to)]);
        (prices.cost[at], prices.time[at])
    }

    pub(crate) fn state(&self, task: usize, choice: &[u32]) -> &State {
        &self.tasks[task][choice[task] as usize]
    }

    /// True cost and makespan of an assignment.
    pub(crate) fn evaluate(&self, choice: &[u32]) -> (i64, i64) {
        (self.cost(choice), self.makespan(choice))
    }

    /// True cost of an assignment.
    pub(super) fn cost(&self, choice: &[u32]) -> i64 {
        let machines: i64 = (0..self.tasks.len()).map(|task| self.state(task, choice).cost).sum();
        let data = self.pairwise_data(choice).saturating_add(self.metered(choice));
        machines.saturating_add(data)
    }

    /// The edges of a task, with the places that their ends have when the task is at a place.
    pub(super) fn touching<'t>(
        &'t self,
        task: usize,
        place: u16,
        choice: &'t [u32],
    ) -> impl Iterator<Item = (usize, u16, u16)> + use<'t> {
        let incoming = self.incoming[task].iter();
        let incoming =
            incoming.map(move |&edge| (edge, self.state(self.edges[edge].from, choice).place, place));
        let outgoing = self.outgoing[task].iter();
        let outgoing =
            outgoing.map(move |&edge| (edge, place, self.state(self.edges[edge].to, choice).place));
        incoming.chain(outgoing)
    }

    /// What the meters charge for an assignment.
    fn metered(&self, choice: &[u32]) -> i64 {
        self.meters.as_ref().map_or(0, |meters| meters.charge(&self.volumes(meters, choice)))
    }

    /// Bytes on each meter.
    pub(super) fn volumes(&self, meters: &Meters, choice: &[u32]) -> Vec<u64> {
        let mut volumes = vec![0; meters.curves.len()];
        for edge in self.edges.iter().filter(|edge| edge.volume > 0) {
            let (from, to) = (self.state(edge.from, choice).place, self.state(edge.to, choice).place);
            volumes[meters.between(from, to, &self.classes, self.class_count)] += edge.volume;
        }
        volumes
    }

    fn pairwise_data(&self, choice: &[u32]) -> i64 {
        let edges = self.edges.iter().enumerate();
        edges
            .map(|(index, edge)| {
                self.edge_between(
                    index,
                    self.state(edge.from, choice).place,
                    self.state(edge.to, choice).place,
                )
                .0
            })
            .sum()
    }

    /// The least and the most volume each meter can have with these active states.
    pub(super) fn reachable(&self, meters: &Meters, active: &[Vec<u32>]) -> Vec<Window> {
        self.reaching(meters, active, &mut |_, _| {})
    }

    /// The same, each volume that can reach a meter told as well.
    pub(super) fn reaching(
        &self,
        meters: &Meters,
        active: &[Vec<u32>],
        reaches: &mut dyn FnMut(usize, u64),
    ) -> Vec<Window> {
        let places = |(task, states): (usize, &Vec<u32>)| {
            let mut places: Vec<u16> =
                states.iter().map(|state| self.tasks[task][*state as usize].place).collect();
            places.sort_unstable();
            places.dedup();
            places
        };
        let places: Vec<Vec<u16>> = active.iter().enumerate().map(places).collect();
        let to = Destinations { classes: &self.classes, count: self.class_count, alike: &self.same_meters };
        meters.reachable(&self.edges, &places, to, reaches)
    }

    /// Finish time of each task.
    pub(crate) fn finish_times(&self, choice: &[u32]) -> Vec<i64> {
        let mut finish = vec![0; self.tasks.len()];
        for &task in &self.order {
            let state = self.state(task, choice);
            let ready = self.incoming[task].iter().map(|&edge| {
                let from = self.edges[edge].from;
                finish[from] + self.edge_between(edge, self.state(from, choice).place, state.place).1
            });
            finish[task] = ready.max().unwrap_or(0) + state.time;
        }
        finish
    }

    /// Time until the last of all other tasks ends, if one had not to be done. `finish` is when they end with it.
    pub(super) fn makespan_without(&self, without: usize, choice: &[u32], finish: &[i64]) -> i64 {
        let mut finish = finish.to_vec();
        finish[without] = 0;
        let later = self.order.iter().skip_while(|task| **task != without).skip(1);
        for &task in later {
            let state = self.state(task, choice);
            let needed = self.incoming[task].iter().filter(|edge| self.edges[**edge].from != without);
            let ready = needed.map(|&edge| {
                let from = self.edges[edge].from;
                finish[from] + self.edge_between(edge, self.state(from, choice).place, state.place).1
            });
            finish[task] = ready.max().unwrap_or(0) + state.time;
        }
        finish.into_iter().max().unwrap_or(0)
    }

    /// Time until the last task ends.
    pub(crate) fn makespan(&self, choice: &[u32]) -> i64 {
        self.finish_times(choice).into_iter().max().unwrap_or(0)
    }

    /// The same problem without meters, where each charges one price over all that can reach it: then
    /// the volumes of edges do not matter to each other. Charges are rounded edge by edge, which moves a
    /// cost by a nano-dollar an edge at most.
    pub(super) fn unmetered(&self) -> Option<Self> {
        let meters = self.meters.as_ref()?;
        let all: Vec<Vec<u32>> =
            self.tasks.iter().map(|states| (0..u32::try_from(states.len()).unwrap_or(0)).collect()).collect();
        let reachable = self.reachable(meters, &all);
        let plain = |(curve, window): (&Curve, &Window)| {
            curve.bounds_within(Window { low: 0, high: window.high }).next().is_none()
        };
        let is_plain = meters.curves.iter().zip(&reachable).all(plain)
            && meters.quotas.iter().all(|quota| quota.is_plain(&reachable));
        if !is_plain {
            return None;
        }
        let mut staying_is_best = true;
        let mut edges = self.with_moves(|moves, volume| {
            let charges: Vec<i64> = meters.curves.iter().map(|curve| curve.charge(volume)).collect();
            let add = |costs: &[i64], ids: &[u16]| -> Vec<i64> {
                costs.iter().zip(ids).map(|(cost, id)| cost + charges[usize::from(*id)]).collect()
            };
            let cost = add(&moves.cost, &meters.of_move);
            let stay_cost = add(&moves.stay_cost, &meters.of_stay);
            staying_is_best &= self.classes.iter().enumerate().all(|(place, class)| {
                stay_cost[place] <= cost[place * self.class_count + usize::from(*class)]
            });
            Moves { cost, stay_cost, time: moves.time.clone(), stay_time: moves.stay_time.clone() }
        });
        edges.iter_mut().for_each(|edge| edge.volume = 0);
        staying_is_best.then(|| Self::new(self.tasks.clone(), edges, self.classes.clone(), None))
    }

    /// The same problem with only the active states, their places and classes: whatever runs over it
    /// costs as much less. States keep their order, so the `i`-th state of a task is its `i`-th active one.
    pub(super) fn restricted(&self, active: &[Vec<u32>]) -> Self {
        let mut used: Vec<u16> = Vec::new();
        for (states, active) in self.tasks.iter().zip(active) {
            used.extend(active.iter().map(|state| states[*state as usize].place));
        }
        used.sort_unstable();
        used.dedup();
        let new_place = |place: u16| u16::try_from(used.partition_point(|known| *known < place)).unwrap_or(0);
        let mut used_classes: Vec<u16> = used.iter().map(|place| self.classes[usize::from(*place)]).collect();
        used_classes.sort_unstable();
        used_classes.dedup();
        let new_class =
            |class: u16| u16::try_from(used_classes.partition_point(|known| *known < class)).unwrap_or(0);
        let cells: Vec<usize> = used
            .iter()
            .flat_map(|place| {
                let row = usize::from(*place) * self.class_count;
                used_classes.iter().map(move |class| row + usize::from(*class))
            })
            .collect();
        let stays: Vec<usize> = used.iter().map(|place| usize::from(*place)).collect();
        fn pick<T: Copy>(table: &[T], at: &[usize]) -> Vec<T> {
            at.iter().map(|index| table[*index]).collect()
        }
        let tasks = self.tasks.iter().zip(active).map(|(states, active)| {
            let keep = |state: &u32| {
                let state = states[*state as usize];
                State { place: new_place(state.place), ..state }
            };
            active.iter().map(keep).collect()
        });
        let edges = self.with_moves(|moves, _| Moves {
            cost: pick(&moves.cost, &cells),
            time: pick(&moves.time, &cells),
            stay_cost: pick(&moves.stay_cost, &stays),
            stay_time: pick(&moves.stay_time, &stays),
        });
        let meters = self.meters.as_ref().map(|meters| Meters {
            curves: meters.curves.clone(),
            of_move: pick(&meters.of_move, &cells),
            of_stay: pick(&meters.of_stay, &stays),
            quotas: meters.quotas.clone(),
        });
        let classes = used.iter().map(|place| new_class(self.classes[usize::from(*place)])).collect();
        Self::new(tasks.collect(), edges, classes, meters)
    }

    /// The edges with tables made anew, one for all edges that share theirs and move as much.
    fn with_moves(&self, mut make: impl FnMut(&Moves, u64) -> Moves) -> Vec<EdgePrices> {
        let mut made: BTreeMap<(*const Moves, u64), Rc<Moves>> = BTreeMap::new();
        let edges = self.edges.iter().map(|edge| {
            let made = made.entry((Rc::as_ptr(&edge.moves), edge.volume));
            let moves = made.or_insert_with(|| Rc::new(make(&edge.moves, edge.volume)));
            EdgePrices { moves: Rc::clone(moves), ..*edge }
        });
        edges.collect()
    }

    /// The tables of all edges, each once.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Moves> {
        let mut known = BTreeSet::new();
        let tables = self.edges.iter().map(|edge| &edge.moves);
        tables.filter(move |moves| known.insert(Rc::as_ptr(moves))).map(Rc::as_ref)
    }

    /// Shape of the graph.
    pub(crate) fn shape(&self) -> Shape {
        let mut root: Vec<usize> = (0..self.tasks.len()).collect();
        fn find(root: &mut [usize], mut at: usize) -> usize {
            while root[at] != at {
                root[at] = root[root[at]];
                at = root[at];
            }
            at
        }
        let mut forest = true;
        for edge in &self.edges {
            let (a, b) = (find(&mut root, edge.from), find(&mut root, edge.to));
            forest &= a != b;
            root[a] = b;
        }
        Shape {
            forest,
            out_forest: self.incoming.iter().all(|edges| edges.len() <= 1),
            in_forest: self.outgoing.iter().all(|edges| edges.len() <= 1),
        }
    }
}

/// Edges between the same two tasks as one: their data moves at the same time.
fn merged(edges: Vec<EdgePrices>) -> Vec<EdgePrices> {
    let mut by_pair: BTreeMap<(usize, usize), EdgePrices> = BTreeMap::new();
    for edge in edges {
        match by_pair.entry((edge.from, edge.to)) {
            Entry::Vacant(vacant) => {
                vacant.insert(edge);
            }
            Entry::Occupied(mut occupied) => {
                let first = occupied.get_mut();
                // Saturated sums are beyond what [`super::range`] lets pass.
                first.volume = first.volume.saturating_add(edge.volume);
                let (both, other) = (Rc::make_mut(&mut first.moves), &edge.moves);
                for (sum, cost) in both.cost.iter_mut().zip(&other.cost) {
                    *sum = sum.saturating_add(*cost);
                }
                for (sum, cost) in both.stay_cost.iter_mut().zip(&other.stay_cost) {
                    *sum = sum.saturating_add(*cost);
                }
                for (longest, time) in both.time.iter_mut().zip(&other.time) {
                    *longest = (*longest).max(*time);
                }
                for (longest, time) in both.stay_time.iter_mut().zip(&other.stay_time) {
                    *longest = (*longest).max(*time);
                }
            }
        }
    }
    by_pair.into_values().collect()
}

/// Tasks so that producers come before consumers; ties by index, so that the order is canonical.
fn topological(edges: &[EdgePrices], outgoing: &[Vec<usize>]) -> Vec<usize> {
    let count = outgoing.len();
    let mut missing = vec![0_usize; count];
    for edge in edges {
        missing[edge.to] += 1;
    }
    let mut ready: BTreeSet<usize> = (0..count).filter(|task| missing[*task] == 0).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(task) = ready.pop_first() {
        order.push(task);
        for edge in outgoing[task].iter().map(|edge| &edges[*edge]) {
            missing[edge.to] -= 1;
            if missing[edge.to] == 0 {
                ready.insert(edge.to);
            }
        }
    }
    assert_eq!(order.len(), count, "edges of a validated job form a DAG");
    order
}
