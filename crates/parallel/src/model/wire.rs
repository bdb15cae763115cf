//! The model file as it is written. `docs/parallel.md` describes it.

use serde::{Deserialize, Serialize};

/// What the first key says.
pub(super) const SCHEMA: &str = "welkin.model-graph/1";

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) schema: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "a model is the same whoever wrote it down")]
    pub(super) made_by: String,
    /// Element type and shape of each value.
    pub(super) values: Vec<(String, Vec<u64>)>,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<Output>,
    pub(super) ops: Vec<Op>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    pub(super) value: u32,
    pub(super) name: String,
    pub(super) role: Role,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    State,
    Data,
    Constant,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    pub(super) value: u32,
    pub(super) name: String,
    /// The input whose place it takes in the next step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) becomes: Option<u32>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Op {
    pub(super) op: String,
    pub(super) loops: Vec<(String, u64)>,
    /// A value, and for each of its dimensions a loop, or -1.
    #[serde(rename = "in")]
    pub(super) ins: Vec<(u32, Vec<i8>)>,
    pub(super) out: Vec<(u32, Vec<i8>)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reduce: Option<Reduce>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) linear: Vec<Vec<u16>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) accumulates: Vec<u16>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) flops: f64,
    #[serde(default, skip_serializing)]
    pub(super) at: String,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub(super) known: bool,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Reduce {
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
