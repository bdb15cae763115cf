//! `welkin autostop`: how long a cluster may be idle.

use crate::apart;
use crate::app::App;
use crate::cli::AutostopArgs;
use crate::clusters::expect;
use crate::engine::runtime;
use crate::exit::Exit;
use crate::output::{Format, write_json};
use serde::Serialize;
use std::io::Write;
use welkin_api::wire::{Autostop, Taken};
use welkin_broker::RunId;
use welkin_units::Span;

#[derive(Serialize)]
struct Wire<'a> {
    cluster: &'a str,
    run: &'a RunId,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle: Option<Span>,
    /// Whether its machines are stopped then, and not given back.
    stops: bool,
}

/// What becomes of an idle cluster.
pub(crate) fn words(cluster: &str, idle: Span, stops: bool) -> String {
    let does = if stops { "stops" } else { "ends" };
    format!("{cluster} {does} when nothing was under way on it for {idle}")
}

/// On record when this returns.
pub(crate) fn choose(run: &RunId, autostop: Autostop, app: &App) -> anyhow::Result<()> {
    runtime()?.block_on(async {
        let reached = apart::reach(app).await?;
        let path = format!("/runs/{run}/autostop");
        let put = reached.client.put::<Taken>(&path, &autostop).await;
        put.map(drop).map_err(apart::fault)
    })
}

pub(crate) fn run(args: &AutostopArgs, app: &mut App) -> anyhow::Result<Exit> {
    let (_, run) = expect(&app.sky, &args.cluster)?;
    let idle = args.idle_minutes.map(|minutes| Span::from_secs(u64::from(minutes) * 60));
    let stops = idle.is_some() && !args.down;
    choose(&run, Autostop { idle, stops }, app)?;
    let cluster = &args.cluster;
    match (app.settings.output, idle) {
        (Format::Json, _) => {
            write_json(&mut app.out, "welkin.autostop/1", &Wire { cluster, run: &run, idle, stops })?
        }
        (Format::Table, Some(idle)) => {
            writeln!(app.out, "{}", words(cluster, idle, stops))?;
        }
        (Format::Table, None) => writeln!(app.out, "{cluster} stays until `welkin down {cluster}`")?,
    }
    app.out.flush()?;
    Ok(Exit::Success)
}
