//! What the command line answered.

use serde::Deserialize;

/// `welkin plan -o json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PlanAnswer {
    pub(super) plan: Plan,
}

/// `welkin plan --pareto -o json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct FrontAnswer {
    /// Whether the plans are all there are.
    pub(super) complete: bool,
    /// Whether nothing is faster than the last.
    pub(super) ended: bool,
    pub(super) plans: Vec<Plan>,
}

/// `welkin plan --why-not PLACE -o json`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct WhyNotAnswer {
    pub(super) tasks: Vec<WhyNot>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Plan {
    pub(super) tasks: Vec<PlannedTask>,
    pub(super) transfers: Vec<Transfer>,
    /// Nano-dollars here and below.
    pub(super) cost: i128,
    pub(super) egress: i128,
    /// Milliseconds here and below.
    pub(super) time: i128,
    pub(super) gap: Gap,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Gap {
    Exact,
    AtMost { fraction: f64 },
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PlannedTask {
    pub(super) task: String,
    pub(super) choice: Placement,
    pub(super) alternatives: Vec<Placement>,
    pub(super) feasible_offers: usize,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Placement {
    pub(super) provider: String,
    pub(super) region: String,
    pub(super) zone: Option<String>,
    pub(super) node: Node,
    pub(super) nodes: u32,
    pub(super) market: String,
    pub(super) hourly: i128,
    pub(super) time: i128,
    pub(super) cost: i128,
    pub(super) plan_cost: i128,
    pub(super) plan_time: i128,
    pub(super) start: i128,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Node {
    pub(super) instance_type: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Transfer {
    pub(super) task: String,
    pub(super) input: String,
    pub(super) bytes: i128,
    pub(super) cost: i128,
    pub(super) time: i128,
    pub(super) tariff: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct WhyNot {
    pub(super) task: String,
    pub(super) verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// It did not lose.
    Chosen,
    /// Nothing is sold there.
    Unknown,
    /// These conditions leave nothing there.
    Removed(serde_json::Value),
    Worse {
        cost: i128,
        time: i128,
        instance_type: String,
    },
    /// No plan with it keeps the limits.
    BreaksLimits,
}
