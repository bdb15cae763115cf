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
use welkin_api::ClientError;
use welkin_api::wire::{Logins, Taken};
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
    loop {
        let seen = last(&reader, &run)?;
        let on_it = reader.in_cluster(&ClusterRole::On(run.clone()), Open::Only).map_err(store_fault)?.len();
        let logins = if args.yes { 0 } else { logins(&run, app)? };
        if on_it + logins > 0 && !args.yes {
            let both = [(on_it, "run"), (logins, "login")];
            let counts =
                both.into_iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(count, what));
            let ending = counts.collect::<Vec<_>>().join(" and ");
            consent::ask(
                &format!("{ending} on {cluster} would end: stop it?"),
                &format!("{ending} on {cluster} would end, and there is no terminal to ask"),
                "it goes on",
            )?;
        }
        if post(&run, "stop", seen, app)? {
            break;
        }
        pause(&reader, &run, app)?;
    }
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

/// How many are logged in to a cluster, as far as its machines say: without a broker nobody is.
fn logins(run: &RunId, app: &App) -> anyhow::Result<usize> {
    runtime()?.block_on(async {
        let Some(reached) = apart::listening(app).await? else { return Ok(0) };
        let told = reached.client.get::<Logins>(&format!("/runs/{run}/ssh")).await;
        Ok(told.map_or(0, |logins| logins.open as usize))
    })
}

/// The number of the last record of a run: its version.
pub(super) fn last(reader: &Reader, run: &RunId) -> anyhow::Result<u64> {
    Ok(reader.events(run, 0).map_err(store_fault)?.last().map_or(0, |record| record.seq))
}

/// Asks the broker to stop or start the cluster that a run holds, as it was at a version. Gives whether it is so still:
/// nothing was done where it is not.
pub(super) fn post(run: &RunId, what: &str, seen: u64, app: &App) -> anyhow::Result<bool> {
    runtime()?.block_on(async {
        let reached = apart::reach(app).await?;
        let (path, tag) = (format!("/runs/{run}/{what}"), format!("\"{seen}\""));
        match reached.client.post_if::<Taken>(&path, &(), &tag).await {
            Ok(_) => Ok(true),
            Err(ClientError::Refused(problem)) if Code::find(&problem.code) == Some(Code::Changed) => {
                Ok(false)
            }
            Err(error) => Err(apart::fault(error)),
        }
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
