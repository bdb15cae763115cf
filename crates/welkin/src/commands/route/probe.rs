//! `welkin route probe`: what the ways between this machine and gateways carry, for a grid.

mod load;
mod record;

use crate::app::App;
use crate::cli::{ProbeArgs, Probed};
use crate::exit::Exit;
use crate::moving::{bytes_words, fault, plainly};
use crate::output::{Align, Format, Table, counted, write_json};
use crate::report::{Code, Fault};
use load::{Bounds, Load, Measurement};
use serde::Serialize;
use std::io::Write;
use std::time::Duration;
use welkin_route::SiteName;

/// What an end is called that has no name.
const HERE: &str = "here";

/// One direction between two ends.
#[derive(Debug, Serialize)]
struct Row {
    from: String,
    to: String,
    gateway: String,
    bits_per_s: u64,
    /// Shortest, in milliseconds.
    rtt_ms: f64,
    connections: usize,
    /// What was moved for it.
    bytes: u64,
    seconds: f64,
    #[serde(skip)]
    names: Option<(SiteName, SiteName)>,
}

#[derive(Serialize)]
struct Wire<'a> {
    measured: &'a [Row],
    #[serde(skip_serializing_if = "Option::is_none")]
    grid: Option<String>,
}

pub(crate) fn run(args: &ProbeArgs, app: &mut App) -> anyhow::Result<Exit> {
    if let Some(nameless) = args.gateways.iter().find(|gateway| gateway.name.is_none() && args.grid.is_some())
    {
        let fault = Fault::new(Code::Usage, format!("a grid needs the region of {}", nameless.place));
        return Err(fault.hint(format!("write PROVIDER:REGION={}", nameless.place)).into());
    }
    // What cannot be merged is found out before anything is sent.
    let grid = args.grid.as_deref().map(record::read).transpose()?;
    let bounds = Bounds { time: Duration::from_secs(args.seconds), bytes: args.bytes.get() };
    let directions = if args.back { 2 } else { 1 };
    let total = args.bytes.get().saturating_mul(args.gateways.len() as u64).saturating_mul(directions);
    app.note(&format!(
        "moving at most {} in all, to {}{}, for at most {} s each",
        bytes_words(total),
        counted(args.gateways.len(), "gateway"),
        if args.back { " and back" } else { "" },
        args.seconds * directions,
    ));
    let runtime = crate::moving::runtime()?;
    let mut rows = Vec::new();
    runtime.block_on(async {
        // One after the other: they would share this machine's link.
        for gateway in &args.gateways {
            probe(gateway, args, bounds, app, &mut rows).await?;
        }
        anyhow::Ok(())
    })?;
    if let (Some(path), Some(grid)) = (&args.grid, grid) {
        record::merge(path, grid, &rows)?;
    }
    report(&rows, args, app)
}

async fn probe(
    gateway: &Probed,
    args: &ProbeArgs,
    bounds: Bounds,
    app: &App,
    rows: &mut Vec<Row>,
) -> anyhow::Result<()> {
    let place = app.sky.place(&gateway.place)?;
    let agent = place.agent(&app.sky, &plainly()).await?;
    let load = Load::new(agent, &place.key);
    let measured = load.measure(bounds, args.back).await;
    // What was written is removed, however it went.
    load.clean().await.map_err(fault)?;
    let (there, back) = measured.map_err(fault)?;
    let here = (args.from.clone(), HERE.to_owned());
    let far = (gateway.name.clone(), gateway.place.clone());
    rows.push(row(&here, &far, gateway, &there));
    if let Some(back) = back {
        rows.push(row(&far, &here, gateway, &back));
    }
    Ok(())
}

/// An end's name, and what stands for one it does not have.
type End = (Option<SiteName>, String);

fn row(from: &End, to: &End, gateway: &Probed, measured: &Measurement) -> Row {
    let word = |(name, instead): &End| name.as_ref().map_or_else(|| instead.clone(), ToString::to_string);
    Row {
        from: word(from),
        to: word(to),
        gateway: gateway.place.clone(),
        bits_per_s: measured.bits_per_s,
        rtt_ms: measured.round_trip.as_secs_f64() * 1e3,
        connections: measured.connections,
        bytes: measured.bytes,
        seconds: measured.time.as_secs_f64(),
        names: from.0.clone().zip(to.0.clone()),
    }
}

fn report(rows: &[Row], args: &ProbeArgs, app: &mut App) -> anyhow::Result<Exit> {
    let grid = args.grid.as_ref().map(|path| path.display().to_string());
    if app.settings.output == Format::Json {
        write_json(&mut app.out, "welkin.route-probe/1", &Wire { measured: rows, grid })?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        ("FROM", Align::Left),
        ("TO", Align::Left),
        ("GBIT/S", Align::Right),
        ("RTT MS", Align::Right),
        ("CONNECTIONS", Align::Right),
        ("MOVED", Align::Right),
        ("SECONDS", Align::Right),
    ]);
    for row in rows {
        table.row([
            row.from.clone(),
            row.to.clone(),
            format!("{:.3}", row.bits_per_s as f64 / 1e9),
            format!("{:.2}", row.rtt_ms),
            row.connections.to_string(),
            bytes_words(row.bytes),
            format!("{:.1}", row.seconds),
        ]);
    }
    table.write(&mut app.out, app.style)?;
    app.out.flush()?;
    if let Some(grid) = grid {
        app.note(&format!("{grid} has them; `welkin route --grid {grid}` plans with it"));
    }
    Ok(Exit::Success)
}
