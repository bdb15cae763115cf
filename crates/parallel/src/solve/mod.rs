//! Graphs of labels and costs, solved to the optimum or to a stated gap. Nothing here knows of tensors.

mod bound;
mod contract;
mod dominate;
mod eliminate;
mod free;
mod graph;
mod limited;
mod steps;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use free::Found;
pub(crate) use graph::{Graph, Node};
pub(crate) use limited::{Care, Limit, Limited};
pub(crate) use store::{Store, TableId};
