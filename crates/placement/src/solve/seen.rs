//! What the relaxation prices, of a plan or of several on average.

use super::Goal;
use super::problem::{EdgePrices, Problem};

/// See the [module](self). What the goal does not heed is left out.
#[derive(Debug)]
pub(super) struct Seen {
    /// Milliseconds of each task,
    pub(super) task_times: Vec<f64>,
    /// and of each edge.
    pub(super) edge_times: Vec<f64>,
    pub(super) makespan: f64,
    pub(super) cost: f64,
    /// Bytes on each meter.
    pub(super) volumes: Vec<f64>,
}

impl Seen {
    pub(super) fn of(problem: &Problem, goal: &Goal, choice: &[u32]) -> Self {
        let mut seen = Self {
            task_times: Vec::new(),
            edge_times: Vec::new(),
            makespan: 0.0,
            cost: goal.max_cost.map_or(0.0, |_| float(problem.cost(choice))),
            volumes: Vec::new(),
        };
        if goal.heeds_time() {
            let place = |task: usize| problem.state(task, choice).place;
            let time = |task: usize| float(problem.state(task, choice).time);
            seen.task_times = (0..problem.tasks.len()).map(time).collect();
            let edges = problem.edges.iter().enumerate();
            let moving = |(edge, ends): (usize, &EdgePrices)| {
                float(problem.edge_between(edge, place(ends.from), place(ends.to)).1)
            };
            seen.edge_times = edges.map(moving).collect();
            seen.makespan = float(problem.makespan(choice));
        }
        if let Some(meters) = &problem.meters {
            #[expect(clippy::cast_precision_loss, reason = "volumes are below 2^53")]
            let bytes = |volume: u64| volume as f64;
            seen.volumes = problem.volumes(meters, choice).into_iter().map(bytes).collect();
        }
        seen
    }

    /// Takes a share of another into account.
    pub(super) fn blend(&mut self, other: &Self, share: f64) {
        let lists = [
            (&mut self.task_times, &other.task_times),
            (&mut self.edge_times, &other.edge_times),
            (&mut self.volumes, &other.volumes),
        ];
        let blend = |own: &mut f64, other: f64| *own += share * (other - *own);
        for (own, other) in lists {
            own.iter_mut().zip(other).for_each(|(own, other)| blend(own, *other));
        }
        blend(&mut self.makespan, other.makespan);
        blend(&mut self.cost, other.cost);
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact below 2^53: nine million dollars, 285,000 years")]
fn float(value: i64) -> f64 {
    value as f64
}
