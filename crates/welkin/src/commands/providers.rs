//! `welkin providers`: what is in reach, as whom, and what would help where something is not.

use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, counted, nature_words, shown, write_json};
use crate::planning::looked;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use welkin_clouds::{HostInfo, HostState, Local, Seen, Ssh};

#[derive(Serialize)]
struct Wire {
    providers: Vec<ProviderLine>,
    hosts: Vec<HostLine>,
}

#[derive(Serialize)]
struct ProviderLine {
    provider: String,
    nature: welkin_provider::Nature,
    /// Places with offers.
    places: usize,
    offers: usize,
}

#[derive(Serialize)]
struct HostLine {
    /// `ssh/POOL/HOST`.
    place: String,
    in_reach: bool,
    /// Account and name of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    let (_, seen) = looked(app)?;
    let hosts: Vec<HostLine> = seen.into_iter().map(host).collect();
    let wire = Wire { providers: providers(app)?, hosts };
    match app.settings.output {
        Format::Json => write_json(&mut app.out, "welkin.providers/1", &wire)?,
        Format::Table => show(&wire, app)?,
    }
    Ok(Exit::Success)
}

fn providers(app: &App) -> anyhow::Result<Vec<ProviderLine>> {
    let catalog = app.catalog()?;
    let mut places: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, place) in catalog.places() {
        places.entry(place.provider).or_default().insert(place.region);
    }
    let offers = |provider: &str| {
        let providers = vec![provider.to_owned()];
        let filter = welkin_catalog::Filter { providers, include_restricted: true, ..Default::default() };
        catalog.select(&filter).ids.len()
    };
    let line = |(provider, regions): (&str, BTreeSet<&str>)| ProviderLine {
        provider: provider.to_owned(),
        nature: welkin_sky::nature(provider),
        places: regions.len(),
        offers: offers(provider),
    };
    Ok(places.into_iter().map(line).collect())
}

fn host(seen: Seen) -> HostLine {
    let place = format!("{}/{}/{}", Ssh::NAME, seen.pool, seen.host);
    let none = HostLine {
        place,
        in_reach: false,
        identity: None,
        address: None,
        has: None,
        limits: None,
        why: None,
        remedy: None,
    };
    match seen.state {
        HostState::Reached(info) => HostLine {
            in_reach: true,
            identity: Some(format!("{}@{}", info.user, info.hostname)),
            address: Some(info.address.clone()),
            has: Some(has(&info)),
            limits: Some(info.limits),
            ..none
        },
        HostState::Unreached { message, remedy } => HostLine { why: Some(message), remedy, ..none },
    }
}

/// What a host has, in words.
fn has(info: &HostInfo) -> String {
    let mut devices: BTreeMap<&str, usize> = BTreeMap::new();
    for gpu in &info.gpus {
        *devices.entry(gpu.name.as_str()).or_default() += 1;
    }
    let gib = info.memory.get() >> 30;
    let mut words =
        vec![format!("{} vCPU", info.vcpus_milli / 1_000), format!("{gib} GiB"), info.arch.clone()];
    words.extend(devices.into_iter().map(|(name, count)| format!("{count} x {name}")));
    words.join(", ")
}

fn show(wire: &Wire, app: &mut App) -> anyhow::Result<()> {
    let mut table = Table::new([
        ("PROVIDER", Align::Left),
        ("NATURE", Align::Left),
        ("REGIONS", Align::Right),
        ("OFFERS", Align::Right),
    ]);
    for line in &wire.providers {
        let nature = nature_words(line.nature).to_owned();
        table.row([line.provider.clone(), nature, line.places.to_string(), line.offers.to_string()]);
    }
    table.write(&mut app.out, app.style)?;
    writeln!(app.out)?;
    if wire.hosts.is_empty() {
        let [first, ..] = app.sky.hosts().files();
        writeln!(app.out, "no hosts: {} names hosts of your own, in pools", first.display())?;
        return Ok(());
    }
    let mut table = Table::new([
        ("HOST", Align::Left),
        ("AS", Align::Left),
        ("ADDRESS", Align::Left),
        ("HAS", Align::Left),
    ]);
    for line in wire.hosts.iter().filter(|line| line.in_reach) {
        // In the words of the hosts.
        let text = |text: &Option<String>| shown(text.as_deref().unwrap_or_default()).into_owned();
        table.row([line.place.clone(), text(&line.identity), text(&line.address), text(&line.has)]);
    }
    if !table.is_empty() {
        table.write(&mut app.out, app.style)?;
    }
    let away: Vec<&HostLine> = wire.hosts.iter().filter(|line| !line.in_reach).collect();
    if !away.is_empty() {
        writeln!(app.out, "\n{} cannot be used:", counted(away.len(), "host"))?;
    }
    for line in away {
        writeln!(app.out, "  {}: {}", line.place, shown(line.why.as_deref().unwrap_or("no answer")))?;
        if let Some(remedy) = &line.remedy {
            writeln!(app.out, "    {remedy}")?;
        }
    }
    debug_assert!(
        wire.providers.iter().any(|line| line.provider == Local::NAME),
        "this machine is always there"
    );
    Ok(())
}
