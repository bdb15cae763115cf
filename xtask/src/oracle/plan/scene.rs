//! A round put together from its pieces.

use std::collections::BTreeMap;

use super::piece::{Ask, Objective, Offer, Origin, Piece, Task, Want};

/// A task with what belongs to it.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) task: Task,
    pub(super) wants: Vec<Want>,
    pub(super) inputs: Vec<(Origin, i128)>,
    pub(super) deliveries: Vec<(Origin, i128)>,
}

impl Step {
    fn new(task: &Task) -> Self {
        Self { task: task.clone(), wants: Vec::new(), inputs: Vec::new(), deliveries: Vec::new() }
    }
}

/// An edge: positions of two tasks, and the bytes if data moves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) bytes: Option<i128>,
}

/// A catalog, a job, and what is asked.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) offers: Vec<Offer>,
    pub(super) steps: Vec<Step>,
    pub(super) edges: Vec<Edge>,
    pub(super) rules: Vec<Want>,
    pub(super) objective: Objective,
    /// Thousandths of the way from the least to the most.
    pub(super) budget: Option<i128>,
    pub(super) deadline: Option<i128>,
    pub(super) asks: Vec<Ask>,
}

/// Bytes of a decimal megabyte.
const MB: i128 = 1_000_000;

impl Scene {
    /// What belongs to a task that was taken away goes with it.
    pub(super) fn new(pieces: &[Piece]) -> Self {
        let mut scene = Self {
            offers: Vec::new(),
            steps: Vec::new(),
            edges: Vec::new(),
            rules: Vec::new(),
            objective: Objective { cost: 1_000, time: 0 },
            budget: None,
            deadline: None,
            asks: Vec::new(),
        };
        let mut at = BTreeMap::new();
        for piece in pieces {
            if let Piece::Task(task) = piece {
                at.insert(task.number, scene.steps.len());
                scene.steps.push(Step::new(task));
            }
        }
        for piece in pieces {
            scene.add(piece, &at);
        }
        scene
    }

    fn add(&mut self, piece: &Piece, at: &BTreeMap<u8, usize>) {
        match piece {
            Piece::Offer(offer) => self.offers.push(offer.clone()),
            Piece::Task(_) => {}
            Piece::Flow { from, to, mb } => self.join(at.get(from), at.get(to), Some(mb * MB)),
            Piece::After { from, to } => self.join(at.get(from), at.get(to), None),
            Piece::Input { task, from, mb } => {
                if let Some(&task) = at.get(task) {
                    self.steps[task].inputs.push((*from, mb * MB));
                }
            }
            Piece::Deliver { task, to, mb } => {
                if let Some(&task) = at.get(task) {
                    self.steps[task].deliveries.push((*to, mb * MB));
                }
            }
            Piece::Want(task, want) => {
                if let Some(&task) = at.get(task) {
                    self.steps[task].wants.push(want.clone());
                }
            }
            Piece::Rule(want) => self.rules.push(want.clone()),
            Piece::Objective(objective) => self.objective = *objective,
            Piece::Budget(share) => self.budget = Some(*share),
            Piece::Deadline(share) => self.deadline = Some(*share),
            Piece::Ask(ask) => self.asks.push(ask.clone()),
        }
    }

    fn join(&mut self, from: Option<&usize>, to: Option<&usize>, bytes: Option<i128>) {
        if let (Some(&from), Some(&to)) = (from, to) {
            self.edges.push(Edge { from, to, bytes });
        }
    }

    /// Whether there is anything to plan.
    pub(super) fn is_whole(&self) -> bool {
        !self.offers.is_empty() && !self.steps.is_empty()
    }

    /// A task's name in the job file.
    pub(super) fn name(&self, step: usize) -> String {
        format!("t{}", self.steps[step].task.number)
    }
}
