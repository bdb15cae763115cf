//! Finding runs by what users type.

use super::open::no_runs;
use super::outcome::store_fault;
use crate::report::{Code, Fault};
use welkin_broker::{ClusterRole, Reader, RunId, RunSummary};

/// The run called `text`: by its exact name, else the one that holds the cluster of that name, else the latest of the job with exactly that name, else the only one whose
/// name begins so.
pub(crate) fn find_run(reader: Option<&Reader>, text: &str) -> anyhow::Result<RunId> {
    let Some(reader) = reader else { return Err(no_runs()) };
    let runs = reader.list().map_err(store_fault)?;
    let mut fits: Vec<&RunId> = runs.iter().map(|run| &run.id).filter(|id| id.0.starts_with(text)).collect();
    if let Some(exact) = fits.iter().find(|id| id.0 == text) {
        return Ok((*exact).clone());
    }
    let holds = |run: &&RunSummary| run.cluster == Some(ClusterRole::Holds(text.to_owned()));
    if let Some(cluster) = runs.iter().rev().filter(|run| run.driven.is_some()).find(holds) {
        return Ok(cluster.id.clone());
    }
    if let Some(latest) = runs.iter().rev().find(|run| run.name == text) {
        return Ok(latest.id.clone());
    }
    match (fits.pop(), fits.len()) {
        (Some(only), 0) => Ok(only.clone()),
        (None, _) => {
            let fault = Fault::new(Code::NoSuchRun, format!("there is no run `{text}`"));
            Err(fault.hint("`welkin runs` lists the runs").into())
        }
        (Some(last), more) => {
            let message = format!("`{text}` fits {} runs, among them {last} and {}", more + 1, fits[0]);
            Err(Fault::new(Code::NoSuchRun, message).hint("write more of its name").into())
        }
    }
}

/// The run called `text`, or the latest.
pub(crate) fn latest_run(reader: Option<&Reader>, text: Option<&str>) -> anyhow::Result<RunId> {
    if let Some(text) = text {
        return find_run(reader, text);
    }
    let Some(reader) = reader else { return Err(no_runs()) };
    Ok(reader.latest(None).map_err(store_fault)?.ok_or_else(no_runs)?.id)
}
