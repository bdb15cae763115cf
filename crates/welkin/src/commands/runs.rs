//! `welkin runs`: every run of this folder.

use crate::app::App;
use crate::engine::{Undriven, reader, store_fault, undriven};
use crate::exit::Exit;
use crate::output::{Align, Format, Table, moment, write_json};
use crate::settings::records;
use serde::Serialize;
use std::io::Write;
use welkin_broker::{ClusterRole, RunSummary};
use welkin_records::DEFAULT_PROJECT;

/// Runs that nobody drives are named one by one up to so many: a broker that was killed may leave hundreds, and the next
/// command that needs one goes on with all of them.
const MOST_NAMED: usize = 5;

#[derive(Serialize)]
struct Wire<'a> {
    /// Oldest first.
    runs: &'a [RunSummary],
    /// Those that are not over and that no process drives.
    undriven: &'a [Undriven],
    /// What is wrong with the records: what is listed may not be all.
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<String>,
}

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    let (runs, left, damage) = match reader(&app.sky)? {
        Some(reader) => (reader.list().map_err(store_fault)?, undriven(&reader)?, reader.damage()),
        None => (Vec::new(), Vec::new(), None),
    };
    let exit = if damage.is_some() { Exit::Failure } else { Exit::Success };
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.runs/1", &Wire { runs: &runs, undriven: &left, damage })?;
        return Ok(exit);
    }
    let mut columns =
        vec![("RUN", Align::Left), ("JOB", Align::Left), ("STATE", Align::Left), ("SUBMITTED", Align::Left)];
    if runs.iter().any(|run| run.cluster.is_some()) {
        columns.push(("CLUSTER", Align::Left));
    }
    let in_projects = runs.iter().any(|run| run.project.is_some());
    if in_projects {
        columns.insert(0, ("PROJECT", Align::Left));
    }
    let mut table = Table::new(columns);
    for run in &runs {
        let project = in_projects.then(|| run.project.clone().unwrap_or_else(|| DEFAULT_PROJECT.to_owned()));
        let cells = [run.id.0.clone(), run.name.clone(), state_words(run), moment(run.submitted)];
        table.row(project.into_iter().chain(cells).chain(run.cluster.as_ref().map(cluster_words)));
    }
    if table.is_empty() {
        writeln!(app.out, "there are no runs yet")?;
    } else {
        table.write(&mut app.out, app.style)?;
    }
    app.out.flush()?;
    if left.len() <= MOST_NAMED {
        left.iter().for_each(|run| app.warn(&run.words()));
    } else {
        Undriven::summary(&left).iter().for_each(|words| app.warn(words));
    }
    if let Some(words) = damage {
        let path = records();
        app.warn(&format!(
            "the broker's records in {} are damaged, and what is listed may not be all: {words}",
            path.display()
        ));
    }
    Ok(exit)
}

/// What a run has to do with a cluster.
fn cluster_words(role: &ClusterRole) -> String {
    match role {
        ClusterRole::Holds(name) => format!("holds {name}"),
        ClusterRole::On(run) => format!("on {run}"),
    }
}

/// A state that nobody works on is no state to rely on.
fn state_words(run: &RunSummary) -> String {
    match run.driven {
        Some(false) => format!("{}, not driven", run.state),
        _ => run.state.clone(),
    }
}
