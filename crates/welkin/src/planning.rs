//! From a job file to a plan: what `plan` and `up` share.

mod dotenv;
mod failure;
mod load;
mod overrides;

pub(crate) use failure::infeasible;
pub(crate) use load::{Loaded, job, job_of, look_at_hosts, looked, secrets};
pub(crate) use welkin_sky::{Month, Planner, anchor, read_plan, write_plan};

use crate::app::App;
use crate::engine::store_fault;
use welkin_sky::SkyError;

/// What plans are made with; they may take `effort` times the usual work.
pub(crate) fn planner(app: &App, effort: Option<u32>, month: Month) -> anyhow::Result<Planner> {
    let mut planner = app.sky.planner(effort.unwrap_or(1), month)?;
    if let Some(error) = planner.take_unread() {
        let error = store_fault(error);
        app.warn(&format!("what was moved this month is not known, and not counted: {error:#}"));
    }
    Ok(planner)
}

/// The job with whatever has to be chosen before it can be planned.
pub(crate) fn resolved(planner: &Planner, loaded: Loaded, app: &App) -> anyhow::Result<Loaded> {
    let mut told =
        |task: &str| app.note(&format!("choosing machines for {task}, and how its step is split over them"));
    planner.resolved(loaded, &mut told).map_err(|error| match error {
        SkyError::NoPlan { failure, job } => infeasible(&failure, &job).into(),
        error => error.into(),
    })
}
