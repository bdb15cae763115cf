//! The tasks of a job as a graph: order, neighbours, circles.

use crate::model::{Edge, Job};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use thiserror::Error;

/// Why edges do not make a DAG.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DagError {
    /// Tasks depend on each other in a circle.
    #[error("tasks depend on each other in a circle: {0:?}")]
    Cycle(
        /// Indices of the tasks along the circle; the first is not repeated at the end.
        Vec<usize>,
    ),
    /// An edge refers to a task that is not there.
    #[error("an edge refers to task {0}, which is not there")]
    NoSuchTask(
        /// The index.
        usize,
    ),
}

/// A job's tasks by index, with their edges both ways and an order that respects them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDag {
    order: Vec<usize>,
    predecessors: Vec<Vec<usize>>,
    successors: Vec<Vec<usize>>,
}

impl TaskDag {
    /// The graph of a job.
    ///
    /// # Errors
    /// [`DagError`] when the edges break the invariants of [`Job`], which parsed jobs keep.
    pub fn new(job: &Job) -> Result<Self, DagError> {
        Self::from_edges(job.tasks.len(), &job.edges)
    }

    /// The graph of so many tasks with these edges. Tasks are ordered by Kahn's algorithm, of those
    /// that are ready always the first of the file, so the order does not depend on that of edges.
    ///
    /// # Errors
    /// [`DagError`] when an edge leaves the tasks or edges form a circle.
    pub fn from_edges(tasks: usize, edges: &[Edge]) -> Result<Self, DagError> {
        let mut predecessors = vec![Vec::new(); tasks];
        let mut successors = vec![Vec::new(); tasks];
        for edge in edges {
            if let Some(missing) = [edge.from, edge.to].into_iter().find(|index| *index >= tasks) {
                return Err(DagError::NoSuchTask(missing));
            }
            predecessors[edge.to].push(edge.from);
            successors[edge.from].push(edge.to);
        }
        for neighbours in predecessors.iter_mut().chain(&mut successors) {
            neighbours.sort_unstable();
            neighbours.dedup();
        }
        let mut waiting: Vec<usize> = predecessors.iter().map(Vec::len).collect();
        let mut ready: BinaryHeap<Reverse<usize>> =
            (0..tasks).filter(|index| waiting[*index] == 0).map(Reverse).collect();
        let mut order = Vec::with_capacity(tasks);
        while let Some(Reverse(index)) = ready.pop() {
            order.push(index);
            for &next in &successors[index] {
                waiting[next] -= 1;
                if waiting[next] == 0 {
                    ready.push(Reverse(next));
                }
            }
        }
        if order.len() < tasks {
            return Err(DagError::Cycle(circle(&predecessors, &waiting)));
        }
        Ok(Self { order, predecessors, successors })
    }

    /// Number of tasks.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are no tasks.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Task indices, each after all it depends on.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// Tasks that a task waits for, ascending and without repeats; empty for an index that is not there.
    #[must_use]
    pub fn predecessors(&self, task: usize) -> &[usize] {
        self.predecessors.get(task).map_or(&[], Vec::as_slice)
    }

    /// Tasks that wait for a task, ascending and without repeats; empty for an index that is not there.
    #[must_use]
    pub fn successors(&self, task: usize) -> &[usize] {
        self.successors.get(task).map_or(&[], Vec::as_slice)
    }

    /// Tasks that wait for nothing.
    pub fn sources(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|index| self.predecessors[*index].is_empty())
    }

    /// Tasks that nothing waits for.
    pub fn sinks(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.len()).filter(|index| self.successors[*index].is_empty())
    }
}

/// A circle among the tasks that never became ready, in the direction of the edges: every such
/// task has a predecessor of its kind, so walking backwards must meet itself.
fn circle(predecessors: &[Vec<usize>], waiting: &[usize]) -> Vec<usize> {
    let stuck = |index: &usize| waiting[*index] > 0;
    let mut seen_at: Vec<Option<usize>> = vec![None; predecessors.len()];
    let mut path: Vec<usize> = Vec::new();
    let mut next = (0..predecessors.len()).find(|index| stuck(index));
    while let Some(index) = next {
        if let Some(start) = seen_at[index] {
            let mut found = path.split_off(start);
            found.reverse();
            // Starting at the first of the file makes the message independent of the walk.
            let first = found.iter().enumerate().min_by_key(|(_, task)| **task).map_or(0, |(at, _)| at);
            found.rotate_left(first);
            return found;
        }
        seen_at[index] = Some(path.len());
        path.push(index);
        next = predecessors[index].iter().copied().find(|index| stuck(index));
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn edges(pairs: &[(usize, usize)]) -> Vec<Edge> {
        pairs.iter().map(|&(from, to)| Edge { from, to, data: None }).collect()
    }

    #[test]
    fn orders_by_dependency_then_file() {
        let dag = TaskDag::from_edges(4, &edges(&[(3, 0), (3, 1), (3, 1)])).unwrap();
        assert_eq!(dag.order(), [2, 3, 0, 1]);
        assert_eq!(dag.predecessors(1), [3]);
        assert_eq!(dag.successors(3), [0, 1]);
        assert_eq!(dag.sources().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(dag.sinks().collect::<Vec<_>>(), [0, 1, 2]);
        assert!(dag.predecessors(9).is_empty());
    }

    #[test]
    fn names_the_circle() {
        let found = TaskDag::from_edges(5, &edges(&[(0, 1), (1, 2), (2, 3), (3, 1), (3, 4)]));
        assert_eq!(found, Err(DagError::Cycle(vec![1, 2, 3])));
        assert_eq!(TaskDag::from_edges(1, &edges(&[(0, 0)])), Err(DagError::Cycle(vec![0])));
        assert_eq!(TaskDag::from_edges(1, &edges(&[(0, 7)])), Err(DagError::NoSuchTask(7)));
    }

    proptest! {
        #[test]
        fn any_edges_give_an_order_or_a_real_circle(pairs in proptest::collection::vec((0_usize..8, 0_usize..8), 0..20)) {
            match TaskDag::from_edges(8, &edges(&pairs)) {
                Ok(dag) => {
                    let at = |task| dag.order().iter().position(|found| *found == task);
                    for (from, to) in pairs {
                        prop_assert!(at(from) < at(to));
                    }
                }
                Err(DagError::Cycle(circle)) => {
                    for (index, from) in circle.iter().enumerate() {
                        let to = circle[(index + 1) % circle.len()];
                        prop_assert!(pairs.contains(&(*from, to)));
                    }
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
