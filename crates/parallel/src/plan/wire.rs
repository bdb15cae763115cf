//! The plan file: what runs a plan needs, and what people want to know of it. `docs/parallel.md` describes it.

use serde::{Deserialize, Serialize};

/// What the first key says.
pub const PLAN_SCHEMA: &str = "welkin.parallel-plan/1";

/// A plan, as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// Name and digest of the model that was planned.
    pub model: ModelWire,
    /// Where it is to run.
    pub cluster: ClusterWire,
    /// Seconds of a step.
    pub step_s: f64,
    /// Seconds that no other layout on this mesh takes less of, by the same costs; for pipelines and microbatches seconds that
    /// none takes less of by the devices' rates.
    pub bound_s: Option<f64>,
    /// How many parts the batch is cut into.
    pub microbatches: u64,
    /// The order of a pipeline's work: `1f1b`, `gpipe`; nothing where there is no pipeline.
    pub schedule: Option<String>,
    /// Parts of the model, each on devices of its own.
    pub stages: Vec<StageWire>,
    /// What a pipeline does when; empty where there is none.
    pub timeline: Vec<PieceWire>,
    /// What microbatches are made of, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<CutWire>,
    /// Operations whose loops nobody knows, which are replicated, with how many there are.
    pub replicated: Vec<(String, u64)>,
    /// What else was looked at, and what it takes.
    pub considered: Vec<ConsideredWire>,
}

/// The model of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelWire {
    /// As the tracer called it.
    pub name: String,
    /// Of its content.
    pub digest: String,
    /// How many it has.
    pub operations: u64,
    /// Floating-point operations of a step.
    pub flops: f64,
}

/// The cluster of a plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterWire {
    /// As it was asked for.
    pub name: String,
    /// Of every machine.
    pub device: String,
    /// Machines.
    pub hosts: u64,
    /// Devices of a machine.
    pub per_host: u64,
    /// Network of a machine.
    pub network_gbit_s: f64,
    /// Memory of a device that a step may use.
    pub usable_bytes: u64,
    /// The digest of the calibration that costs come from; nothing where they come from published rates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<String>,
}

/// A part of the model on a part of the devices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageWire {
    /// The first device.
    pub first_device: u64,
    /// Devices along each axis of its mesh.
    pub mesh: Vec<u64>,
    /// Names of the axes.
    pub axes: Vec<String>,
    /// Seconds for one microbatch, forward and backward.
    pub seconds: f64,
    /// Memory of a device when it needs most.
    pub peak_bytes: u64,
    /// Memory of a device between steps.
    pub state_bytes: u64,
    /// Whether what the backward pass needs is computed again instead of kept.
    pub recompute: bool,
    /// Layouts of what it is given.
    pub inputs: Vec<TensorWire>,
    /// Layouts of its results.
    pub outputs: Vec<TensorWire>,
    /// Layouts of results of operations that compute, by the place of the operation in the model.
    pub constraints: Vec<ConstraintWire>,
    /// What devices say to each other, added up by kind and axes.
    pub collectives: Vec<CollectiveWire>,
    /// Operation by operation what a device does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<ProgramWire>,
}

/// How a step is cut into microbatches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CutWire {
    /// For each value of the model the dimension that runs over examples.
    pub examples: Vec<Option<usize>>,
    /// When each operation of the model is done.
    pub phases: Vec<PhaseWire>,
}

/// When an operation is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseWire {
    /// For each microbatch, on the way to the loss.
    Forward,
    /// For each microbatch, after that.
    Backward,
    /// Once a step, on what is added up over microbatches.
    Once,
}

/// Where the operations and values of a stage are in the whole model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartWire {
    /// By their numbers in the stage.
    pub operations: Vec<usize>,
    /// By theirs.
    pub values: Vec<usize>,
}

/// What a device does: enough to run the step without deciding anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramWire {
    /// Layouts, which all else has by number: for each axis `same`, `sum` for a part of a sum, or the dimension that it splits.
    pub layouts: Vec<Vec<String>>,
    /// How each value of the model is kept; nothing for what is not used.
    pub values: Vec<Option<usize>>,
    /// For each operation the layouts that it reads its operands in, those in which it makes its results, and the axes along
    /// which these are combined at once.
    pub operations: Vec<(Vec<usize>, Vec<usize>, Vec<String>)>,
    /// Changes between the layout in which a value is kept and the one in which an operation reads or makes it.
    pub moves: Vec<MoveWire>,
    /// Where there are microbatches: numbers above are the stage's own, and these are the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<PartWire>,
}

/// A value that is brought into another layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MoveWire {
    /// Before this operation reads it, or after it made it; past the last one for what is handed to the next step.
    pub operation: usize,
    /// Which value.
    pub value: usize,
    /// In what layout it is before the first step.
    pub from: usize,
    /// Axes that take part in each step, and the layout after it.
    pub steps: Vec<(Vec<String>, usize)>,
}

/// A tensor with its layout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorWire {
    /// As users know it.
    pub name: String,
    /// `state`, `data` or `constant`; nothing for results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Sizes of its dimensions.
    pub shape: Vec<u64>,
    /// For each dimension the axes that split it, the outer one first.
    pub layout: Vec<Vec<String>>,
}

/// The layout of a result within the program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstraintWire {
    /// Its place in the stage.
    pub operation: u64,
    /// Its name.
    pub op: String,
    /// For each dimension the axes that split it.
    pub layout: Vec<Vec<String>>,
    /// Axes along which it is a part of a sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
}

/// Collectives of one kind along the same axes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectiveWire {
    /// As XLA calls it.
    pub kind: String,
    /// Along which axes.
    pub axes: Vec<String>,
    /// Devices of a group.
    pub group: u64,
    /// How many.
    pub count: u64,
    /// Results of all-gathers, operands of the others, of one device.
    pub bytes: u64,
    /// Seconds that they take.
    pub seconds: f64,
}

/// Something that was looked at and not chosen, or was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsideredWire {
    /// `mesh 4 × 2`, `4 stages of 2`.
    pub what: String,
    /// Seconds of a step; nothing where it does not fit, or was not planned.
    pub step_s: Option<f64>,
    /// Seconds that it takes at least, where that was enough to leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least_s: Option<f64>,
    /// Why it cannot be run, where that is so whatever it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// By how much more than the bound it may be, as a share.
    pub gap: Option<f64>,
    /// Memory of a device when it needs most: what it takes, or at least takes where it does not fit.
    pub peak_bytes: u64,
}

/// A piece of a pipeline's work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PieceWire {
    /// Which stage does it.
    pub stage: u64,
    /// For which microbatch.
    pub microbatch: u64,
    /// Whether it is the backward pass.
    pub backward: bool,
    /// From when,
    pub from_s: f64,
    /// to when, in seconds from the step's begin.
    pub to_s: f64,
}
