//! `welkin offers`: search the catalog.

use crate::app::App;
use crate::cli::{ArchKind, OffersArgs, Sort, TeeKind};
use crate::exit::Exit;
use crate::output::{Format, OfferWire, counted, offer_table, write_json};
use crate::planning::look_at_hosts;
use crate::report::{Code, Fault};
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use welkin_catalog::tables::Tables;
use welkin_catalog::{Arch, Catalog, Filter, Market, OfferId, Place, Selection, TeeSet};
use welkin_clouds::Local;

#[derive(Serialize)]
struct Wire<'a> {
    /// How many offers satisfy the conditions.
    matching: usize,
    offers: Vec<OfferWire<'a>>,
}

pub(crate) fn run(args: &OffersArgs, app: &mut App) -> anyhow::Result<Exit> {
    look_at_hosts(app)?;
    let catalog = app.catalog()?;
    let filter = filter(args, &app.settings.providers);
    let unknown: Vec<String> = catalog.unknown_names(&filter, Tables::embedded()).into_iter().collect();
    let selection = catalog.select(&Filter { countries: countries(&args.residency, &catalog), ..filter });
    if selection.ids.is_empty() {
        return Err(nothing(&catalog, &selection, &unknown).into());
    }
    // Of several names one may be wrong.
    unknown.iter().for_each(|remark| app.remark(remark));
    let matching = selection.ids.len();
    // Spot prices change by the hour: they order the rows only when spot is asked for.
    let market = if args.spot { Market::Spot } else { Market::OnDemand };
    let ids = sorted(&catalog, selection.ids, args.sort, market);
    let shown: Vec<OfferId> = match args.limit {
        0 => ids,
        limit => ids.into_iter().take(limit).collect(),
    };
    match app.settings.output {
        Format::Json => {
            let offers = shown.iter().map(|id| OfferWire::new(&catalog, *id)).collect();
            write_json(&mut app.out, "welkin.offers/1", &Wire { matching, offers })?;
        }
        Format::Table => {
            offer_table(&catalog, &shown).write(&mut app.out, app.style)?;
            if shown.len() < matching {
                let rest = counted(matching - shown.len(), "more offer");
                writeln!(app.out, "{}", app.style.dim(&format!("… and {rest}; --limit 0 shows all")))?;
            }
            app.out.flush()?;
        }
    }
    Ok(Exit::Success)
}

fn filter(args: &OffersArgs, configured: &[String]) -> Filter {
    let providers = if args.provider.is_empty() { configured.to_vec() } else { args.provider.clone() };
    // This machine is no market: it is offered to those who ask for it.
    let deny_providers = if providers.is_empty() { vec![Local::NAME.to_owned()] } else { Vec::new() };
    let codes = args.residency.iter().filter(|code| !welkin_job::residency_is_union(code));
    Filter {
        providers,
        deny_providers,
        region: args.region.clone(),
        zone: args.zone.clone(),
        jurisdictions: Vec::new(),
        countries: codes.cloned().collect(),
        certs: args.cert.clone(),
        include_restricted: args.restricted,
        instance_type: args.instance_type.clone(),
        accelerator: args.accelerator.clone().or_else(|| args.wanted.clone()),
        cpus: args.cpus,
        memory_gib: args.memory,
        memory_per_cpu_milli: None,
        include_undersized: false,
        arch: args.arch.map(|arch| match arch {
            ArchKind::X8664 => Arch::X86_64,
            ArchKind::Arm64 => Arch::Arm64,
        }),
        tee: args.tee.iter().fold(TeeSet::default(), |set, kind| set.union(tee(*kind))),
        exclude_arch: None,
        exclude_burstable: false,
        market: match (args.spot, args.on_demand) {
            (true, _) => Market::Spot,
            (_, true) => Market::OnDemand,
            _ => Market::Any,
        },
        max_hourly: args.max_hourly,
    }
}

/// The countries of the catalog that lie in any of these; the codes themselves where none does, since no
/// country at all would be no condition.
fn countries(residency: &[String], catalog: &Catalog<'_>) -> Vec<String> {
    let codes: Vec<String> = residency.iter().map(|code| code.to_lowercase()).collect();
    let inside = |place: &Place<'_>| {
        let within = |code: &String| {
            [place.jurisdiction, place.country]
                .iter()
                .any(|inner| welkin_job::residency_contains(code, inner))
        };
        codes.iter().any(within)
    };
    let found =
        catalog.places().filter(|(_, place)| inside(place)).map(|(_, place)| place.country.to_owned());
    let found: BTreeSet<String> = found.collect();
    if found.is_empty() { codes } else { found.into_iter().collect() }
}

fn tee(kind: TeeKind) -> TeeSet {
    match kind {
        TeeKind::SevSnp => TeeSet::SEV_SNP,
        TeeKind::Sev => TeeSet::SEV,
        TeeKind::Tdx => TeeSet::TDX,
        TeeKind::Sgx => TeeSet::SGX,
        TeeKind::Nitro => TeeSet::NITRO,
        TeeKind::GpuCc => TeeSet::GPU_CC,
    }
}

fn sorted(catalog: &Catalog<'_>, mut ids: Vec<OfferId>, sort: Sort, market: Market) -> Vec<OfferId> {
    match sort {
        Sort::Price => catalog.sort_by_price(&mut ids, market),
        Sort::PricePerAccelerator => catalog.sort_by_price_per_accelerator(&mut ids, market),
        // Rows of a catalog are in this order.
        Sort::Place => ids.sort_unstable(),
    }
    ids
}

/// Why nothing is left: a name nobody has, or what each condition removed.
fn nothing(catalog: &Catalog<'_>, selection: &Selection, unknown: &[String]) -> Fault {
    let removed: Vec<String> = selection
        .removed
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(condition, count)| format!("{condition} removed {count}"))
        .collect();
    let total = counted(catalog.len(), "offer");
    let fault = Fault::new(
        Code::NoOffers,
        format!("none of {total} satisfies the conditions: {}", removed.join(", ")),
    );
    if unknown.is_empty() { fault } else { fault.hint(unknown.join("; ")) }
}
