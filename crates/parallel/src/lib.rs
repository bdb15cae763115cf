//! Plans how a training step is split over devices: layouts of tensors on a mesh, and what the step then takes.
//!
//! * [`Model::read`] reads what a step does, as a tracer wrote it down: operations with the loops they run.
//! * [`Model::read_stablehlo`] reads the text that JAX prints of a lowered function.
//! * [`Cluster::parse`] knows devices and machine types by name.
//! * [`Calibration::fitted`] makes rates with error bars of what was measured, and [`Cluster::calibrated`] plans with them.
//! * [`plan`] finds the best mesh and layouts, or pipeline, as a [`PlanFile`] that can be written and read again.
//! * [`experts`] plans as people do by hand, [`choose`] among machines at prices.
//!
//! How: every operation can be split along its loops, every tensor along its dimensions; changing between layouts costs the
//! cheapest sequence of collectives (`reshard`). The whole is a graph of labels and costs under limits of memory (`intra`), which
//! `solve` minimises to the optimum or to a stated gap. Stages of a pipeline are chosen by a dynamic programme over layers
//! (`inter`), and a simulation says what happens when.
//!
//! *Guarantee:* the same model and cluster give the same plan; no input panics; what is not known of an operation leaves it
//! whole, and is named. *Rejected:* a general integer solver (a C++ build, and seconds where this takes milliseconds).

mod calibrate;
mod choose;
mod cluster;
mod effort;
mod expert;
mod inter;
mod intra;
mod layout;
mod model;
mod plan;
mod reshard;
mod solve;
mod stablehlo;
mod strategy;

pub use calibrate::{
    CALIBRATION_SCHEMA, Calibration, CalibrationError, Fit, MEASUREMENTS_SCHEMA, MOST_MEASUREMENT_BYTES,
    Quantity,
};
pub use choose::{Choice, Chosen, Offered, TooSmall, choose};
pub use cluster::{AXES, Cluster, ClusterError, Collective, Device, Mesh};
pub use effort::Effort;
pub use expert::{Compared, experts};
pub use intra::{Costs, costs};
pub use model::{
    Input, Kind, Loop, MOST_MODEL_BYTES, Model, ModelError, Op, Operand, Output, Reduce, Role, Value, ValueId,
};
pub use plan::{
    ClusterWire, CollectiveWire, ConsideredWire, ConstraintWire, CutWire, MOST_PLAN_BYTES, ModelWire,
    MoveWire, NoPlan, PLAN_SCHEMA, PartWire, PhaseWire, PieceWire, PlanFile, PlanFileError, ProgramWire,
    StageWire, TensorWire, plan, plan_one_mesh, words,
};
pub use stablehlo::{StableHloError, StateFrom};
