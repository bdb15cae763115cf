//! The model file as it is written. `docs/parallel.md` describes it.

use serde::{Deserialize, Serialize};

/// What the first key says.
pub(crate) const SCHEMA: &str = "welkin.model-graph/1";

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub(crate) schema: String,
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "a model is the same whoever wrote it down")]
    pub(crate) made_by: String,
    /// Element type and shape of each value.
    pub(crate) values: Vec<(String, Vec<u64>)>,
    pub(crate) inputs: Vec<Input>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) ops: Vec<Op>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    pub(crate) value: u32,
    pub(crate) name: String,
    pub(crate) role: Role,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    State,
    Data,
    Constant,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    pub(crate) value: u32,
    pub(crate) name: String,
    /// The input whose place it takes in the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) becomes: Option<u32>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Op {
    pub(crate) op: String,
    pub(crate) loops: Vec<(String, u64)>,
    /// A value, and for each of its dimensions a loop, or -1.
    #[serde(rename = "in")]
    pub(crate) ins: Vec<(u32, Vec<i8>)>,
    pub(crate) out: Vec<(u32, Vec<i8>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reduce: Option<Reduce>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) linear: Vec<Vec<u16>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) accumulates: Vec<u16>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) flops: f64,
    #[serde(default, skip_serializing)]
    pub(crate) at: String,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub(crate) known: bool,
    /// Changes what is counted as memory, and no split that is possible: left out of the digest, so that plans of files from before
    /// it was known stay plans of the same step.
    #[serde(default, skip_serializing)]
    pub(crate) again: bool,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reduce {
    Sum,
    Other,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_true(flag: &bool) -> bool {
    *flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde wants it")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}
