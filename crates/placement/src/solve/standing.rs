//! A plan whose changes are priced by what they touch.
//!
//! Where all tasks but one stand, what a state of that one costs is a matter of its own price and of the place it
//! is at: its edges, what their volumes add to their meters, when its data is there, and what follows once it has
//! ended. All other paths through the graph are walked once for the task, so a place costs a look at the edges of
//! the task, and a state next to nothing. Costs and times are those of the whole plan, exactly.

use super::Goal;
use super::problem::{Assignment, Problem, State};

/// States that are priced in the time of an edge.
const STATES_OF_AN_EDGE: usize = 8;

/// A plan with what its changes are priced by.
#[derive(Clone)]
pub(super) struct Standing<'p> {
    problem: &'p Problem,
    choice: Assignment,
    /// Bytes on each meter.
    volumes: Vec<u64>,
    /// What the meters charge for what several of them share.
    shared: i64,
    /// All else.
    plain: i64,
    /// Where the goal heeds time.
    times: Option<Times>,
    /// Edges and states looked at.
    seen: usize,
}

/// When the tasks of a plan end, and what follows.
#[derive(Clone)]
struct Times {
    finish: Vec<i64>,
    /// From the end of each task to the end of the job.
    rest: Vec<i64>,
    makespan: i64,
}

impl Times {
    fn of(problem: &Problem, choice: &[u32]) -> Self {
        let finish = problem.finish_times(choice);
        let mut rest = vec![0; finish.len()];
        for &task in problem.order.iter().rev() {
            let state = problem.state(task, choice);
            for &edge in &problem.incoming[task] {
                let from = problem.edges[edge].from;
                let moving = problem.edge_between(edge, problem.state(from, choice).place, state.place).1;
                rest[from] = rest[from].max(moving + state.time + rest[task]);
            }
        }
        let makespan = finish.iter().copied().max().unwrap_or(0);
        Self { finish, rest, makespan }
    }
}

/// What a plan is compared by: by how much it breaks the limits, then its value.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(super) struct Rank {
    over: (i64, i64),
    value: f64,
}

impl Rank {
    /// No plan is worse.
    const WORST: Self = Self { over: (i64::MAX, i64::MAX), value: f64::INFINITY };

    pub(super) fn of(goal: &Goal, cost: i64, time: i64) -> Self {
        let over = |limit: Option<i64>, value: i64| limit.map_or(0, |most| (value - most).max(0));
        Self { over: (over(goal.max_time, time), over(goal.max_cost, cost)), value: goal.value(cost, time) }
    }
}

/// A goal, and what a millisecond beyond its deadline counts for where that does not rule a plan out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim<'g> {
    pub(super) goal: &'g Goal,
    pub(super) late: Option<f64>,
}

impl<'g> Aim<'g> {
    /// The goal as it is.
    pub(super) fn at(goal: &'g Goal) -> Self {
        Self { goal, late: None }
    }

    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a plan are far below 2^53")]
    fn rank(&self, cost: i64, time: i64) -> Rank {
        let rank = Rank::of(self.goal, cost, time);
        let Some(late) = self.late else { return rank };
        Rank { over: (0, rank.over.1), value: rank.value + late * rank.over.0 as f64 }
    }
}

/// Everything but one task.
struct Without {
    cost: i64,
    makespan: i64,
}

/// What it costs and takes to have the lifted task at a place, its own state left out.
#[derive(Clone, Copy)]
struct There {
    cost: i64,
    shared: i64,
    ready: i64,
    rest: i64,
}

impl<'p> Standing<'p> {
    pub(super) fn new(problem: &'p Problem, goal: &Goal, choice: Assignment) -> Self {
        let meters = problem.meters.as_ref();
        let volumes = meters.map_or_else(Vec::new, |meters| problem.volumes(meters, &choice));
        let shared = meters.map_or(0, |meters| meters.shared(&volumes));
        let times = goal.heeds_time().then(|| Times::of(problem, &choice));
        let plain = problem.cost(&choice) - shared;
        let seen = 2 * problem.edges.len() + problem.tasks.len();
        Self { problem, choice, volumes, shared, plain, times, seen }
    }

    /// The plan, and how many edges and states were looked at for it.
    pub(super) fn done(self) -> (Assignment, usize) {
        (self.choice, self.seen)
    }

    pub(super) fn choice(&self) -> &[u32] {
        &self.choice
    }

    /// Edges and states looked at.
    pub(super) fn seen(&self) -> usize {
        self.seen
    }

    /// How the plan compares with others.
    pub(super) fn rank(&self, aim: Aim<'_>) -> Rank {
        let (cost, time) = self.figures();
        aim.rank(cost, time)
    }

    /// Cost and time of the plan, the time nothing where the goal does not heed it.
    pub(super) fn figures(&self) -> (i64, i64) {
        (self.plain + self.shared, self.times.as_ref().map_or(0, |times| times.makespan))
    }

    /// Puts a task into the best of some states with all others kept; whether that changed the plan.
    pub(super) fn improve(&mut self, aim: Aim<'_>, task: usize, states: &[u32]) -> bool {
        let best = (self.rank(aim), self.choice[task]);
        self.place(aim, task, states, best)
    }

    /// Puts a task into the best of some states with all others kept, also where the plan becomes worse by it.
    pub(super) fn force(&mut self, aim: Aim<'_>, task: usize, states: &[u32]) {
        self.place(aim, task, states, (Rank::WORST, self.choice[task]));
    }

    /// Puts a task into the best of some states if the plan is better with it than `best`, else into that one's state.
    fn place(&mut self, aim: Aim<'_>, task: usize, states: &[u32], mut best: (Rank, u32)) -> bool {
        let from = self.choice[task];
        let without = self.lift(aim.goal, task);
        let mut at: Option<(u16, There)> = None;
        for &index in states {
            let state = self.problem.tasks[task][index as usize];
            // No data is paid for with less than nothing.
            let least = Rank { over: (0, 0), value: aim.goal.value(without.cost + state.cost, 0) };
            if least >= best.0 {
                continue;
            }
            let there = match at {
                Some((place, there)) if place == state.place => there,
                _ => self.there(task, state.place),
            };
            at = Some((state.place, there));
            let cost = without.cost + there.cost + there.shared + state.cost;
            let time = without.makespan.max(there.ready + state.time + there.rest);
            let rank = aim.rank(cost, time);
            if rank < best.0 {
                best = (rank, index);
            }
        }
        self.seen += states.len() / STATES_OF_AN_EDGE;
        self.put(task, best.1, without.cost);
        best.1 != from
    }

    /// Takes a task out of the plan.
    fn lift(&mut self, goal: &Goal, task: usize) -> Without {
        let State { place, cost, .. } = *self.problem.state(task, &self.choice);
        self.count(task, place, false);
        let there = self.there(task, place);
        let cost = self.plain - cost - there.cost;
        // Where nothing is too slow and time weighs nothing, it does not matter how slow the rest is.
        let makespan = match &self.times {
            None => 0,
            Some(times)
                if goal.time_weight == 0.0 && goal.max_time.is_none_or(|most| times.makespan <= most) =>
            {
                0
            }
            Some(times) => self.problem.makespan_without(task, &self.choice, &times.finish),
        };
        self.seen += if makespan > 0 { self.problem.edges.len() } else { 0 };
        Without { cost, makespan }
    }

    /// Puts a lifted task into a state.
    fn put(&mut self, task: usize, state: u32, without: i64) {
        let from = std::mem::replace(&mut self.choice[task], state);
        let State { place, cost, .. } = self.problem.tasks[task][state as usize];
        let there = self.there(task, place);
        self.count(task, place, true);
        self.shared = there.shared;
        self.plain = without + there.cost + cost;
        if from != state
            && let Some(times) = &mut self.times
        {
            *times = Times::of(self.problem, &self.choice);
            self.seen += 2 * self.problem.edges.len();
        }
    }

    /// What a lifted task costs and takes at a place.
    fn there(&mut self, task: usize, place: u16) -> There {
        let mut there = There { cost: 0, shared: 0, ready: 0, rest: 0 };
        let mut metered = false;
        for (edge, from, to) in self.problem.touching(task, place, &self.choice) {
            let (cost, time) = self.problem.edge_between(edge, from, to);
            there.cost += cost;
            let ends = &self.problem.edges[edge];
            if let Some(times) = &self.times {
                if ends.to == task {
                    there.ready = there.ready.max(times.finish[ends.from] + time);
                } else {
                    let next = self.problem.state(ends.to, &self.choice).time + times.rest[ends.to];
                    there.rest = there.rest.max(time + next);
                }
            }
            if let Some(meters) = self.problem.meters.as_ref().filter(|_| ends.volume > 0) {
                let meter = meters.between(from, to, &self.problem.classes, self.problem.class_count);
                let before = self.volumes[meter];
                self.volumes[meter] += ends.volume;
                there.cost +=
                    meters.curves[meter].charge(self.volumes[meter]) - meters.curves[meter].charge(before);
                metered = true;
            }
            self.seen += 1;
        }
        if let Some(meters) = self.problem.meters.as_ref() {
            there.shared = meters.shared(&self.volumes);
            self.seen += meters.quotas.len();
        }
        if metered {
            self.count(task, place, false);
        }
        there
    }

    /// Adds the volumes of a task at a place to the meters, or takes them off.
    fn count(&mut self, task: usize, place: u16, add: bool) {
        let Some(meters) = &self.problem.meters else { return };
        for (edge, from, to) in self.problem.touching(task, place, &self.choice) {
            let volume = self.problem.edges[edge].volume;
            let meter = meters.between(from, to, &self.problem.classes, self.problem.class_count);
            self.volumes[meter] =
                if add { self.volumes[meter] + volume } else { self.volumes[meter] - volume };
        }
    }
}
