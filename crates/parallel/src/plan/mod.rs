//! Plans: made, written down, and read again.

mod check;
mod draw;
mod make;
mod meshes;
mod program;
mod seal;
mod wire;

pub use make::{NoPlan, plan, plan_one_mesh, words};
pub use seal::{MOST_PLAN_BYTES, PlanFileError};
pub use wire::{
    ClusterWire, CollectiveWire, ConsideredWire, ConstraintWire, CutWire, ModelWire, MoveWire, PLAN_SCHEMA,
    PartWire, PhaseWire, PieceWire, PlanFile, ProgramWire, StageWire, TensorWire,
};
