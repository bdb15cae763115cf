//! A unit flow through the task graph, spread over all its paths by how long they take.
//!
//! The makespan of a plan is the time of its longest path, and so the largest average over a unit flow on paths. Which flow
//! makes the bound of the makespan the highest is found step by step: a path has a weight, the product of those of its
//! tasks and edges, and its share of the flow is its share of all weights. Each step multiplies the weights of what took
//! long (multiplicative weights: Freund and Schapire, "Adaptive game playing using multiplicative weights", 1999). So all
//! paths that are too long at times take part at once, and none of them has to be named: two passes over the graph sum them
//! up. *Rejected:* moving a share of the flow onto the longest path of the latest plan. Which one that is jumps, and bounds
//! of graphs under deadlines stayed some percent too low.

use super::problem::Problem;
use super::seen::Seen;

/// See the [module](self).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Flow {
    /// Through each task.
    pub(super) tasks: Vec<f64>,
    /// Over each edge.
    pub(super) edges: Vec<f64>,
    /// Logarithms of the weights of tasks,
    task_weights: Vec<f64>,
    /// and of edges.
    edge_weights: Vec<f64>,
}

impl Flow {
    /// As much over each path.
    pub(super) fn even(problem: &Problem) -> Self {
        let (tasks, edges) = (vec![0.0; problem.tasks.len()], vec![0.0; problem.edges.len()]);
        let mut flow = Self { task_weights: tasks.clone(), edge_weights: edges.clone(), tasks, edges };
        flow.spread(problem);
        flow
    }

    /// Moves flow to the paths that take long, by `rate` for a millisecond. Says how long a path took on average over the
    /// flow before.
    pub(super) fn lengthen(&mut self, problem: &Problem, seen: &Seen, rate: f64) -> f64 {
        let mut mean = 0.0;
        let tasks = self.tasks.iter().zip(&mut self.task_weights).zip(&seen.task_times);
        let edges = self.edges.iter().zip(&mut self.edge_weights).zip(&seen.edge_times);
        for ((flow, weight), time) in tasks.chain(edges) {
            mean += flow * time;
            *weight += rate * time;
        }
        self.spread(problem);
        mean
    }

    /// Spreads the flow over all paths by their weights.
    fn spread(&mut self, problem: &Problem) {
        let count = problem.tasks.len();
        // Of all beginnings of paths that end with a task, and of all ends that follow it.
        let (mut before, mut after) = (vec![0.0; count], vec![0.0; count]);
        for &task in &problem.order {
            let edges = problem.incoming[task].iter();
            let ways = edges.map(|&edge| before[problem.edges[edge].from] + self.edge_weights[edge]);
            before[task] = self.task_weights[task] + log_sum(ways).unwrap_or(0.0);
        }
        for &task in problem.order.iter().rev() {
            let way = |&edge: &usize| {
                let to = problem.edges[edge].to;
                self.edge_weights[edge] + self.task_weights[to] + after[to]
            };
            after[task] = log_sum(problem.outgoing[task].iter().map(way)).unwrap_or(0.0);
        }
        let last = (0..count).filter(|task| problem.outgoing[*task].is_empty());
        let all = log_sum(last.map(|task| before[task])).unwrap_or(0.0);
        for (task, flow) in self.tasks.iter_mut().enumerate() {
            *flow = (before[task] + after[task] - all).exp();
        }
        for ((edge, ends), flow) in problem.edges.iter().enumerate().zip(&mut self.edges) {
            let (from, to) = (ends.from, ends.to);
            *flow = (before[from] + self.edge_weights[edge] + self.task_weights[to] + after[to] - all).exp();
        }
    }
}

/// The logarithm of the sum of what these are logarithms of.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let most = values.clone().reduce(f64::max)?;
    Some(most + values.map(|value| (value - most).exp()).sum::<f64>().ln())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::solve::Goal;
    use crate::solve::problem::{EdgePrices, Moves, State};
    use std::rc::Rc;

    /// Tasks at one place, by the milliseconds that each takes, and edges that take nothing.
    fn graph(times: &[i64], edges: &[(usize, usize)]) -> Problem {
        let tasks = times.iter().map(|&time| vec![State { place: 0, cost: 0, time }]).collect();
        let edge = |&(from, to): &(usize, usize)| EdgePrices {
            from,
            to,
            volume: 0,
            moves: Rc::new(Moves { cost: vec![0], time: vec![0], stay_cost: vec![0], stay_time: vec![0] }),
        };
        Problem::new(tasks, edges.iter().map(edge).collect(), vec![0], None)
    }

    fn is_about(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-12
    }

    /// Two ways from the first task to the last but one, three to the last.
    const EDGES: [(usize, usize); 6] = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (2, 4)];

    #[test]
    fn at_first_every_path_has_as_much() {
        let flow = Flow::even(&graph(&[1; 5], &EDGES));
        let thirds = [3.0, 1.0, 2.0, 2.0, 3.0].map(|paths| paths / 3.0);
        assert!(flow.tasks.iter().zip(thirds).all(|(flow, third)| is_about(*flow, third)), "{flow:?}");
    }

    #[test]
    fn what_flows_in_flows_out_and_long_paths_have_more_of_it() {
        let problem = graph(&[5, 40, 7, 20, 1], &EDGES);
        let goal = Goal { max_time: Some(50), ..Goal::COST };
        let seen = Seen::of(&problem, &goal, &[0; 5]);
        let mut flow = Flow::even(&problem);
        // Paths of 66, 33 and 13 milliseconds.
        let means = [0, 1, 2, 3].map(|_| flow.lengthen(&problem, &seen, 0.1));
        assert!(is_about(means[0], (66.0 + 33.0 + 13.0) / 3.0), "{means:?}");
        assert!(means.is_sorted() && means[3] > 65.9, "{means:?}");
        for task in 0..5 {
            let over = |edges: &[usize]| edges.iter().map(|edge| flow.edges[*edge]).sum::<f64>();
            let (incoming, outgoing) = (&problem.incoming[task], &problem.outgoing[task]);
            assert!(incoming.is_empty() || is_about(over(incoming), flow.tasks[task]), "{flow:?}");
            assert!(outgoing.is_empty() || is_about(over(outgoing), flow.tasks[task]), "{flow:?}");
        }
    }

    #[test]
    fn paths_without_number_are_summed_up() {
        // Sixty diamonds one after the other: 2^60 paths.
        let of = |at: usize| {
            [(3 * at, 3 * at + 1), (3 * at, 3 * at + 2), (3 * at + 1, 3 * at + 3), (3 * at + 2, 3 * at + 3)]
        };
        let edges: Vec<(usize, usize)> = (0..60).flat_map(of).collect();
        let flow = Flow::even(&graph(&[1; 181], &edges));
        assert!(flow.edges.iter().all(|flow| is_about(*flow, 0.5)), "{:?}", flow.edges);
    }
}
