//! `welkin stop`: the machines of a cluster stop, their disks stay.

use crate::apart;
use crate::app::App;
use crate::cli::StopClusterArgs;
use crate::clusters::{expect, pause, resting};
use crate::consent;
use crate::engine::{runtime, store_fault};
use crate::exit::Exit;
use crate::output::{Format, counted, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::io::Write;
use welkin_api::wire::Taken;
use welkin_broker::{ClusterRole, LeaseState, Open, Reader, RunId};

/// A cluster that was stopped or started.
#[derive(Serialize)]
pub(super) struct Wire<'a> {
    pub(super) cluster: &'a str,
    pub(super) run: &'a RunId,
    pub(super) state: &'a str,
}

pub(crate) fn run(args: &StopClusterArgs, app: &mut App) -> anyhow::Result<Exit> {
    let (reader, run) = expect(&app.sky, &args.cluster)?;
    let cluster = &args.cluster;
    let on_it = reader.in_cluster(&ClusterRole::On(run.clone()), Open::Only).map_err(store_fault)?.len();
    if on_it > 0 && !args.yes {
        let runs = counted(on_it, "run");
        consent::ask(
            &format!("{runs} on {cluster} would end: stop it?"),
            &format!("{runs} on {cluster} would end, and there is no terminal to ask"),
            "it goes on",
        )?;
    }
    post(&run, "stop", app)?;
    until_stopped(&reader, &run, cluster, app)?;
    match app.settings.output {
        Format::Json => {
            write_json(&mut app.out, "welkin.stopped/1", &Wire { cluster, run: &run, state: "stopped" })?
        }
        Format::Table => {
            writeln!(app.out, "{cluster} stopped")?;
            app.note(&format!(
                "its machines cost nothing now, their disks what the provider asks; `welkin start {cluster}` starts them, \
                 `welkin down {cluster}` gives them back"
            ));
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// Asks the broker to stop or start the cluster that a run holds.
pub(super) fn post(run: &RunId, what: &str, app: &App) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let reached = apart::reach(app).await?;
        let posted = reached.client.post::<Taken>(&format!("/runs/{run}/{what}"), &()).await;
        posted.map(drop).map_err(apart::fault)
    })
}

fn until_stopped(reader: &Reader, run: &RunId, cluster: &str, app: &App) -> anyhow::Result<()> {
    loop {
        let view = reader.status(run).map_err(store_fault)?;
        let resting = resting(&view);
        if resting.as_ref().is_some_and(|(state, _)| *state == LeaseState::Stopped) {
            return Ok(());
        }
        let refused = view.attempts().last().and_then(|attempt| attempt.rest_refused.clone());
        let why = match refused {
            Some(why) if resting.is_none() => why,
            _ if view.state.is_over() => "it is over".to_owned(),
            _ => {
                pause(reader, run, app)?;
                continue;
            }
        };
        return Err(Fault::new(Code::RunFailed, format!("cluster {cluster} was not stopped: {why}")).into());
    }
}
