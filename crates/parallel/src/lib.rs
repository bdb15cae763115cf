//! Plans how a training step is split over devices: layouts of tensors on a mesh, and what the step then takes.
//!
//! * [`Model::read`] reads what a step does, as a tracer wrote it down: operations with the loops they run.
//! * [`Cluster::parse`] knows devices and machine types by name.
//! * [`plan`] finds the best mesh and layouts, as a [`PlanFile`] that can be written and read again.
//!
//! How: every operation can be split along its loops, every tensor along its dimensions; changing between layouts costs the
//! cheapest sequence of collectives (`reshard`). The whole is a graph of labels and costs under limits of memory (`intra`), which
//! `solve` minimises to the optimum or to a stated gap.
//!
//! *Guarantee:* the same model and cluster give the same plan; no input panics; what is not known of an operation leaves it
//! whole, and is named. *Rejected:* a general integer solver (a C++ build, and seconds where this takes milliseconds).

mod cluster;
mod intra;
mod layout;
mod model;
mod plan;
mod reshard;
mod solve;
mod strategy;

pub use cluster::{AXES, Cluster, ClusterError, Collective, Device, Mesh};
pub use model::{
    Input, Kind, Loop, MOST_MODEL_BYTES, Model, ModelError, Op, Operand, Output, Reduce, Role, Value, ValueId,
};
pub use plan::{
    ClusterWire, CollectiveWire, ConsideredWire, ConstraintWire, MOST_PLAN_BYTES, ModelWire, NoPlan,
    PLAN_SCHEMA, PlanFile, PlanFileError, StageWire, TensorWire, plan, words,
};
