//! `welkin catalog list`: providers, how much of each, from where and of what date.

use crate::app::App;
use crate::exit::Exit;
use crate::output::{Align, Format, Table, write_json};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use welkin_catalog::Catalog;

#[derive(Default, Serialize)]
struct Provider<'a> {
    offers: usize,
    regions: BTreeSet<&'a str>,
    instance_types: usize,
    sources: BTreeSet<&'a str>,
    oldest: Option<&'a str>,
    newest: Option<&'a str>,
    #[serde(skip)]
    types: BTreeSet<&'a str>,
}

#[derive(Serialize)]
struct Wire<'a> {
    offers: usize,
    digest: &'a str,
    providers: BTreeMap<&'a str, Provider<'a>>,
}

pub(crate) fn run(app: &mut App) -> anyhow::Result<Exit> {
    let catalog = app.catalog()?;
    let providers = providers(&catalog);
    if app.settings.output == Format::Json {
        let wire = Wire { offers: catalog.len(), digest: catalog.digest(), providers };
        write_json(&mut app.out, "welkin.catalog/1", &wire)?;
        return Ok(Exit::Success);
    }
    let mut table = Table::new([
        ("PROVIDER", Align::Left),
        ("OFFERS", Align::Right),
        ("REGIONS", Align::Right),
        ("TYPES", Align::Right),
        ("PRICES OF", Align::Left),
        ("FROM", Align::Left),
    ]);
    for (name, provider) in &providers {
        let dates: Vec<&str> = provider.oldest.into_iter().chain(provider.newest).collect();
        let dates =
            if provider.oldest == provider.newest { dates[..dates.len().min(1)].to_vec() } else { dates };
        table.row([
            (*name).to_owned(),
            provider.offers.to_string(),
            provider.regions.len().to_string(),
            provider.instance_types.to_string(),
            dates.join(" to "),
            provider.sources.iter().copied().collect::<Vec<_>>().join(", "),
        ]);
    }
    table.write(&mut app.out, app.style)?;
    app.out.flush()?;
    Ok(Exit::Success)
}

fn providers<'a>(catalog: &Catalog<'a>) -> BTreeMap<&'a str, Provider<'a>> {
    let mut providers: BTreeMap<&str, Provider<'_>> = BTreeMap::new();
    for offer in catalog.offers() {
        let provider = providers.entry(offer.place.provider).or_default();
        provider.offers += 1;
        provider.regions.insert(offer.place.region);
        provider.types.insert(offer.instance_type);
        provider.sources.insert(offer.source.name);
        let date = Some(offer.source.as_of).filter(|date| !date.is_empty());
        provider.oldest = provider.oldest.into_iter().chain(date).min();
        provider.newest = provider.newest.into_iter().chain(date).max();
    }
    for provider in providers.values_mut() {
        provider.instance_types = provider.types.len();
    }
    providers
}
