//! Placement: where each task of a job runs.

mod plan;
mod solve;

pub use plan::{Gap, Node, Placement, Plan, PlanError, PlannedTask, SCHEMA, Transfer, TransferSource};
