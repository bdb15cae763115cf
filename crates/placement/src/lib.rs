//! Placement: where each task of a job runs, over every offer in reach, and what it will cost.
//!
//! Planning is a pure function of a [`Request`]: [`plan`] gives the best plan with the reasons for it,
//! [`front`] every Pareto-optimal plan of cost and time, [`why_not`] the reason why a place lost.
//!
//! 1. `candidates`: the offers each task can run on, each condition counting what it removes;
//! 2. `model`: the job as dense integers — per region only Pareto-optimal candidates survive, which
//!    loses nothing, since data edges see nothing of a candidate but its region;
//! 3. `solve`: exact solvers with a proof of the gap;
//! 4. `planner`: the [`Plan`], with ranked alternatives in other failure domains.
//!
//! *Guarantee:* a plan marked [`Gap::Exact`] is best by its objective over all offers, under tariffs
//! whose volume tiers all its transfers share; any other states how far from the best it can be.

mod candidates;
mod explain;
mod machines;
mod model;
mod naming;
mod origin;
mod plan;
mod planner;
mod relax;
mod request;
mod scores;
mod solve;
mod wire;

pub use candidates::ExpressionError;
pub use explain::{Explanation, TaskExplanation, Verdict, WhyNot, unknown_names, why_not};
pub use plan::{
    CostRange, Counted, Gap, MonthSoFar, Node, Placement, Plan, PlanError, PlannedTask, SCHEMA, Transfer,
    TransferSource,
};
pub use planner::{Front, PlanFailure, Planned, front, plan};
pub use relax::Relaxation;
pub use request::{Blocked, Request};
