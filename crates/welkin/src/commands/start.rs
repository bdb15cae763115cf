//! `welkin start`: machines of a cluster that were stopped.

use super::stop::{Wire, last, post};
use crate::app::App;
use crate::cli::StartClusterArgs;
use crate::clusters::{expect, pause, resting, until_up};
use crate::consent;
use crate::engine::store_fault;
use crate::exit::Exit;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use std::io::Write;
use welkin_broker::{LeaseState, Reader, RunId};
use welkin_provider::Nature;

pub(crate) fn run(args: &StartClusterArgs, app: &mut App) -> anyhow::Result<Exit> {
    let (reader, run) = expect(&app.sky, &args.cluster)?;
    let cluster = &args.cluster;
    if_stopped(&reader, &run, cluster, args.yes, app)?;
    let hourly = until_up(&reader, &run, cluster, app)?.hourly;
    match app.settings.output {
        Format::Json => {
            write_json(&mut app.out, "welkin.started/1", &Wire { cluster, run: &run, state: "up" })?
        }
        Format::Table => {
            writeln!(app.out, "{cluster} is up")?;
            app.note(&format!(
                "it costs {hourly} an hour until `welkin stop {cluster}` or `welkin down {cluster}`"
            ));
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// Starts the machines of a cluster where they are stopped, and asks first when that costs real money.
pub(crate) fn if_stopped(
    reader: &Reader,
    run: &RunId,
    cluster: &str,
    yes: bool,
    app: &App,
) -> anyhow::Result<()> {
    let mut asked = yes;
    loop {
        // Before the look: what is newer than this is seen to be so.
        let seen = last(reader, run)?;
        let view = reader.status(run).map_err(store_fault)?;
        let (state, attempt) = match resting(&view) {
            Some(resting) if !view.state.is_over() => resting,
            _ => return Ok(()),
        };
        if state == LeaseState::Stopped {
            let hourly = attempt.place.hourly.times(u64::from(attempt.place.nodes));
            if attempt.nature == Nature::Real && !std::mem::replace(&mut asked, true) {
                consent::ask(
                    &format!("start {cluster} for {hourly} an hour?"),
                    &format!("{cluster} costs {hourly} an hour and there is no terminal to ask"),
                    "it stays stopped",
                )?;
            }
            if post(run, "start", seen, app)? {
                return until_begun(reader, run, cluster, app);
            }
        }
        // It is about to stop, or to start.
        pause(reader, run, app)?;
    }
}

/// Waits until the provider has taken the start, or refused it.
fn until_begun(reader: &Reader, run: &RunId, cluster: &str, app: &App) -> anyhow::Result<()> {
    loop {
        let view = reader.status(run).map_err(store_fault)?;
        let why = match resting(&view) {
            Some((LeaseState::Stopped, attempt)) => attempt.rest_refused.clone(),
            Some(_) => None,
            None => return Ok(()),
        };
        if let Some(why) = why {
            let fault = Fault::new(Code::RunFailed, format!("cluster {cluster} was not started: {why}"));
            return Err(fault.hint("it stays stopped, with its disks; try again later").into());
        }
        pause(reader, run, app)?;
    }
}
