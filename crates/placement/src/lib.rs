//! Placement: where each task of a job runs.

mod plan;

pub use plan::{Gap, Node, Placement, Plan, PlanError, PlannedTask, Transfer, TransferSource};
