//! `welkin parallelize --any`: machines of the catalog and the plan, chosen together.

use super::show::seconds;
use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, counted, shown, write_json};
use crate::report::{Code, Fault};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use welkin_parallel::{Chosen, Cluster, Model, Offered, choose, words};
use welkin_sky::{HOSTS_TRIED, cheapest_machines};
use welkin_units::Usd;

#[derive(Serialize)]
struct Wire {
    planned: usize,
    pruned: usize,
    too_small: usize,
    /// Offers whose devices nobody knows the rates of, by the catalog's name of the device.
    unknown: BTreeMap<String, usize>,
    front: Vec<Row>,
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
}

pub(super) fn run(model: &Model, most: Usd, app: &mut App) -> anyhow::Result<Exit> {
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
        }
    };
    let front: Vec<Row> = chosen.front.iter().map(row).collect();
    let Chosen { planned, pruned, too_small, .. } = chosen;
    let wire = Wire { planned, pruned, too_small, unknown, front };
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.parallel-choice/1", &wire)?,
        Format::Table => table(&wire, app)?,
    }
    Ok(Exit::Success)
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
    let mut table = Table::new(heads);
    for row in &wire.front {
        table.row([
            format!("{}/{}", shown(&row.provider), shown(&row.region)),
            format!("{} × {}", row.hosts, shown(&row.instance_type)),
            format!("{} × {}", row.devices, row.device),
            words(&row.mesh),
            format!("${:.2}", row.usd_hour),
            seconds(row.step_s),
            format!("${:.4}", 1000.0 * row.usd_step),
        ]);
    }
    table.write(&mut app.out, app.style)?;
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
