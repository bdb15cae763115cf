//! Plans: made, written down, and read again.

mod draw;
mod make;
mod meshes;
mod program;
mod seal;
mod wire;

pub use make::{NoPlan, plan, words};
pub use seal::{MOST_PLAN_BYTES, PlanFileError};
pub use wire::{
    ClusterWire, CollectiveWire, ConsideredWire, ConstraintWire, ModelWire, MoveWire, PLAN_SCHEMA, PieceWire,
    PlanFile, ProgramWire, StageWire, TensorWire,
};
