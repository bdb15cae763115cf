//! `welkin parallelize --any`: machines of the catalog and the plan, chosen together.

use super::show::{gigabytes, seconds};
use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, counted, shown, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use welkin_parallel::{Chosen, Cluster, Model, Offered, TooSmall, choose, words};
use welkin_sky::{HOSTS_TRIED, cheapest_machines};
use welkin_units::Usd;

#[derive(Serialize)]
struct Wire {
    planned: usize,
    pruned: usize,
    too_small: usize,
    /// Tokens of a step, and those to train on.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<Tokens>,
    /// Of those that are too small, what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    does_not_fit: Option<Vec<Small>>,
    /// Offers whose devices nobody knows the rates of, by the catalog's name of the device.
    unknown: BTreeMap<String, usize>,
    front: Vec<Row>,
}

#[derive(Serialize, Clone, Copy)]
struct Tokens {
    step: u64,
    all: u64,
}

#[derive(Serialize)]
struct Small {
    instance_type: String,
    hosts: u64,
    device: String,
    devices: u64,
    /// Of a device, at least.
    needed_bytes: u64,
    usable_bytes: u64,
}

#[derive(Serialize)]
struct Row {
    provider: String,
    region: String,
    instance_type: String,
    hosts: u64,
    device: String,
    devices: u64,
    usd_hour: f64,
    mesh: Vec<u64>,
    step_s: f64,
    usd_step: f64,
    /// To all tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    train_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usd_train: Option<f64>,
}

/// Machines that are too small and are shown, at most: the largest.
const SHOWN: usize = 20;

/// `tokens` are those to train on, where the whole front is asked for.
pub(super) fn run(model: &Model, most: Usd, tokens: Option<u64>, app: &mut App) -> anyhow::Result<Exit> {
    let catalog = app.catalog()?;
    let offers = cheapest_machines(&catalog, &app.settings.providers);
    let mut unknown = BTreeMap::new();
    let mut offered = Vec::new();
    for (key, (offer, price)) in offers.iter().enumerate() {
        let Some(accelerator) = offer.accelerator else { continue };
        for hosts in HOSTS_TRIED.iter().filter(|hosts| price.dollars() * **hosts as f64 <= most.dollars()) {
            let network = offer.network.get() as f64 / 1e9;
            let network = (network > 0.0).then_some(network);
            let per_host = u64::from(accelerator.count_milli / 1000);
            match Cluster::offered(offer.instance_type, accelerator.name, *hosts, per_host, network) {
                Ok(cluster) => {
                    offered.push(Offered { key, cluster, usd_hour: price.dollars() * *hosts as f64 })
                }
                Err(_) => *unknown.entry(accelerator.name.to_owned()).or_default() += 1,
            }
        }
    }
    let chosen = choose(model, offered);
    if chosen.front.is_empty() {
        return Err(nothing(&chosen, most).into());
    }
    let tokens = tokens.map(|all| Tokens { step: model.tokens(), all });
    let steps = tokens.map(|tokens| tokens.all.div_ceil(tokens.step.max(1)) as f64);
    let row = |choice: &welkin_parallel::Choice| {
        let (offer, _) = &offers[choice.key];
        Row {
            provider: offer.place.provider.to_owned(),
            region: offer.place.region.to_owned(),
            instance_type: offer.instance_type.to_owned(),
            hosts: choice.cluster.hosts,
            device: choice.cluster.device.name.clone(),
            devices: choice.cluster.devices(),
            usd_hour: choice.usd_hour,
            mesh: choice.mesh.clone(),
            step_s: choice.step_s,
            usd_step: choice.usd_step,
            train_s: steps.map(|steps| steps * choice.step_s),
            usd_train: steps.map(|steps| steps * choice.usd_step),
        }
    };
    let front: Vec<Row> = chosen.front.iter().map(row).collect();
    let small = |small: &TooSmall| Small {
        instance_type: offers[small.key].0.instance_type.to_owned(),
        hosts: small.cluster.hosts,
        device: small.cluster.device.name.clone(),
        devices: small.cluster.devices(),
        needed_bytes: whole(small.needed_bytes),
        usable_bytes: whole(small.cluster.device.usable_bytes),
    };
    let does_not_fit = tokens.map(|_| chosen.too_small.iter().map(small).collect());
    let Chosen { planned, pruned, too_small, .. } = chosen;
    let wire = Wire { planned, pruned, too_small: too_small.len(), tokens, does_not_fit, unknown, front };
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.parallel-choice/1", &wire)?,
        Format::Table => table(&wire, app)?,
    }
    Ok(Exit::Success)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bytes are far below 2^63")]
fn whole(bytes: f64) -> u64 {
    if bytes.is_finite() { bytes.ceil() as u64 } else { u64::MAX }
}

fn nothing(chosen: &Chosen, most: Usd) -> Fault {
    let what = if chosen.planned == 0 {
        format!("no machine of the catalog has devices that are known for {most} an hour")
    } else {
        format!("the model fits on none of {} for {most} an hour", counted(chosen.planned, "cluster"))
    };
    Fault::new(Code::ParallelInfeasible, what).hint("a higher --max-hourly allows more and larger machines")
}

fn table(wire: &Wire, app: &mut App) -> anyhow::Result<()> {
    let heads = [
        ("PLACE", Align::Left),
        ("MACHINES", Align::Left),
        ("DEVICES", Align::Left),
        ("MESH", Align::Left),
        ("PER HOUR", Align::Right),
        ("STEP", Align::Right),
        ("1000 STEPS", Align::Right),
    ];
    let more = wire.tokens.map(|_| [("TO THE LAST TOKEN", Align::Right), ("IN ALL", Align::Right)]);
    let heads: Vec<_> = heads.into_iter().chain(more.into_iter().flatten()).collect();
    let mut table = Table::new(heads);
    for row in &wire.front {
        let cells = [
            format!("{}/{}", shown(&row.provider), shown(&row.region)),
            format!("{} × {}", row.hosts, shown(&row.instance_type)),
            format!("{} × {}", row.devices, row.device),
            words(&row.mesh),
            format!("${:.2}", row.usd_hour),
            seconds(row.step_s),
            format!("${:.4}", 1000.0 * row.usd_step),
        ];
        let train = row.train_s.map(|time| format!("{:.1} h", time / 3600.0));
        let train = train.into_iter().chain(row.usd_train.map(|usd| format!("${usd:.2}")));
        table.row(cells.into_iter().chain(train));
    }
    table.write(&mut app.out, app.style)?;
    if let Some(tokens) = wire.tokens {
        writeln!(app.out, "\na step has {} tokens; {} are trained on", tokens.step, tokens.all)?;
    }
    small_table(wire.does_not_fit.as_deref().unwrap_or_default(), app)?;
    let Wire { planned, pruned, too_small, unknown, .. } = wire;
    let unknown: usize = unknown.values().sum();
    let clusters = counted(planned + pruned, "cluster");
    writeln!(
        app.out,
        "\n{clusters}: {planned} planned, {pruned} that could not be better; {too_small} too small, {unknown} with devices of unknown rates"
    )?;
    app.out.flush()?;
    Ok(())
}

fn small_table(small: &[Small], app: &mut App) -> anyhow::Result<()> {
    if small.is_empty() {
        return Ok(());
    }
    let heads = [
        ("DOES NOT FIT", Align::Left),
        ("DEVICES", Align::Left),
        ("NEEDS OF EACH", Align::Right),
        ("HAS", Align::Right),
    ];
    let mut table = Table::new(heads);
    for row in small.iter().take(SHOWN) {
        table.row([
            format!("{} × {}", row.hosts, shown(&row.instance_type)),
            format!("{} × {}", row.devices, row.device),
            format!("≥ {}", gigabytes(row.needed_bytes)),
            gigabytes(row.usable_bytes),
        ]);
    }
    writeln!(app.out)?;
    table.write(&mut app.out, app.style)?;
    if let Some(rest) = small.len().checked_sub(SHOWN).filter(|rest| *rest > 0) {
        writeln!(app.out, "and {rest} smaller ones")?;
    }
    Ok(())
}
