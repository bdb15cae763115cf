//! `welkin broker`: the process that drives runs.

use crate::apart::{self, Reached};
use crate::app::App;
use crate::cli::{BrokerArgs, BrokerCommand, ServeHereArgs, StopArgs};
use crate::consent;
use crate::engine;
use crate::exit::Exit;
use crate::output::{Format, counted, moment, write_json};
use serde::Serialize;
use std::io::Write;
use std::time::Duration;
use welkin_api::wire::{Health, Stop};

/// How long a broker that a command started waits for the next one: people who work with runs come back sooner.
const IDLE: Duration = Duration::from_secs(600);

#[derive(Serialize)]
struct Wire<'a> {
    running: bool,
    #[serde(flatten)]
    health: Option<&'a Health>,
}

pub(crate) fn run(args: &BrokerArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        BrokerCommand::Status => status(app),
        BrokerCommand::Stop(args) => stop(args, app),
        BrokerCommand::Run(args) => apart::process(args.detach, idle(args, app), app),
    }
}

fn idle(args: &ServeHereArgs, app: &App) -> Option<Duration> {
    let usual = args.detach.then(|| app.settings.broker_idle.unwrap_or(IDLE));
    args.idle.map(|span| span.duration()).or(usual).filter(|span| !span.is_zero())
}

fn status(app: &mut App) -> anyhow::Result<Exit> {
    let reached = engine::runtime()?.block_on(apart::listening(app))?;
    let health = reached.as_ref().map(|reached| &reached.health);
    match (app.settings.output, health) {
        (Format::Json, health) => {
            write_json(&mut app.out, "welkin.broker/1", &Wire { running: health.is_some(), health })?;
        }
        (Format::Table, None) => {
            writeln!(app.out, "no broker runs; the next command that needs one starts it")?
        }
        (Format::Table, Some(Health { pid, version, started, driven, .. })) => {
            let (driven, since) = (counted(*driven, "run"), moment(*started));
            writeln!(app.out, "process {pid} (version {version}) since {since}, drives {driven}")?;
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

fn stop(args: &StopArgs, app: &mut App) -> anyhow::Result<Exit> {
    engine::runtime()?.block_on(async {
        let Some(Reached { client, health }) = apart::listening(app).await? else {
            app.note("no broker runs");
            return Ok(Exit::Success);
        };
        if health.driven > 0 && !args.yes {
            let runs = counted(health.driven, "run");
            consent::ask(
                &format!("{runs} would stand still until the next command starts a broker, and cost meanwhile: stop?"),
                &format!("{runs} would stand still, and there is no terminal to ask"),
                "the broker keeps running",
            )?;
        }
        client.stop(&Stop::default()).await.map_err(apart::fault)?;
        app.note(&format!("process {} ends", health.pid));
        Ok(Exit::Success)
    })
}
