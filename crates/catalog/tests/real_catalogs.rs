//! The five published catalogs, faults included: how many offers come out, what is set aside and
//! why, and whether SkyPilot's own candidates are there at the same price.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests")]

use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use welkin_catalog::import::{Imported, Origin, Reason, import};
use welkin_catalog::tables::Tables;
use welkin_catalog::{
    AcceleratorFilter, AlignedBytes, Amount, Arch, Catalog, CatalogBuilder, Filter, Kind, Offer, Row, TeeSet,
};

const PROVIDERS: [&str; 5] = ["aws", "azure", "gcp", "lambda", "vast"];

/// A folder of measured data beside the repository; tells and gives nothing when it is absent.
fn shared(test: &str, folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder);
    if !path.is_dir() {
        println!("skipped: {test}: ../shared/{folder} is absent");
        return None;
    }
    Some(path)
}

fn read(folder: &Path, provider: &str) -> Vec<u8> {
    std::fs::read(folder.join(provider).join("vms.csv")).unwrap()
}

fn imported(provider: &str, bytes: &[u8]) -> Imported {
    let file = format!("{provider}/vms.csv");
    let origin = Origin { provider, file: &file, as_of: "2026-05-20" };
    import(bytes, &origin, Tables::embedded()).unwrap()
}

fn build<'a>(rows: impl Iterator<Item = &'a Row>) -> AlignedBytes {
    let mut builder = CatalogBuilder::new();
    for row in rows {
        builder.push(row).unwrap();
    }
    AlignedBytes::copy_from(&builder.finish())
}

/// All five lists, imported once for all tests.
fn all(folder: &Path) -> &'static BTreeMap<&'static str, Imported> {
    static ALL: OnceLock<BTreeMap<&'static str, Imported>> = OnceLock::new();
    ALL.get_or_init(|| {
        PROVIDERS.iter().map(|provider| (*provider, imported(provider, &read(folder, provider)))).collect()
    })
}

/// The catalog of all five lists.
fn catalog(folder: &Path) -> Catalog<'static> {
    static BYTES: OnceLock<AlignedBytes> = OnceLock::new();
    let bytes = BYTES.get_or_init(|| build(all(folder).values().flat_map(|imported| &imported.rows)));
    Catalog::open(bytes.as_bytes()).unwrap()
}

#[test]
fn counts_by_reason() {
    let Some(folder) = shared("counts_by_reason", "data/catalog") else { return };
    type Expected = (&'static str, u32, usize, u32, u32, &'static [(Reason, u32)]);
    let expected: [Expected; 5] = [
        // Fractional GPUs whose count is written as 0.
        ("aws", 2_635, 2_630, 0, 0, &[(Reason::OutOfRange, 5)]),
        // Seven prices of the F-ams family in New Zealand are a tenth of those elsewhere.
        ("azure", 56_671, 56_664, 27_141, 0, &[(Reason::ImplausiblePrice, 7)]),
        (
            "gcp",
            31_285,
            34_361,
            0,
            5_553,
            &[
                // Hosts of A4 at $0.0, and the B200 that are then without a host.
                (Reason::ZeroPrice, 11),
                // TPU v6e at $700 for every size of slice: 24 rows, and 8 that lose their spot price.
                (Reason::Placeholder, 32),
                (Reason::Duplicate, 154),
                (Reason::NoAcceleratorPrice, 57),
                (Reason::NoHost, 47),
                (Reason::NotForSale, 896),
            ],
        ),
        ("lambda", 425, 425, 0, 0, &[]),
        ("vast", 64, 64, 0, 0, &[(Reason::ZeroSpot, 64)]),
    ];
    for (provider, read_rows, offers, repaired, composed, counts) in expected {
        let got = &all(&folder)[provider];
        assert_eq!(
            (got.read, got.rows.len(), got.repaired, got.composed),
            (read_rows, offers, repaired, composed),
            "{provider}"
        );
        assert_eq!(got.counts, counts.iter().copied().collect::<BTreeMap<_, _>>(), "{provider}");
        let total: u32 = got.counts.values().sum();
        assert_eq!(got.quarantined.len(), total as usize, "{provider}: all entries are kept");
    }
}

#[test]
fn every_line_is_accounted_for() {
    let Some(folder) = shared("every_line_is_accounted_for", "data/catalog") else { return };
    for provider in ["aws", "azure", "lambda", "vast"] {
        let got = &all(&folder)[provider];
        let lost = got.quarantined.iter().filter(|q| q.scope == welkin_catalog::import::Scope::Row).count();
        assert_eq!(got.rows.len() + lost, got.read as usize, "{provider}");
    }
}

#[test]
fn one_broken_file_costs_the_others_nothing() {
    let Some(folder) = shared("one_broken_file_costs_the_others_nothing", "data/catalog") else { return };
    for broken in PROVIDERS {
        let mut bytes = read(&folder, broken);
        // From the middle on: no quote is ever closed, no line is UTF-8.
        let middle = bytes.len() / 2;
        for (at, byte) in bytes.iter_mut().enumerate().skip(middle) {
            if *byte != b'\n' {
                *byte = if at % 2 == 0 { b'"' } else { 0xff };
            }
        }
        let damaged = imported(broken, &bytes);
        let whole = &all(&folder)[broken];
        assert!(damaged.counts[&Reason::BadUtf8] > 0, "{broken}: {:?}", damaged.counts);
        assert!(damaged.rows.len() * 3 > whole.rows.len(), "{broken}: the first half stays");
        let others = all(&folder).iter().filter(|(provider, _)| **provider != broken);
        let others: Vec<&Row> = others.flat_map(|(_, imported)| &imported.rows).collect();
        let bytes = build(others.iter().copied().chain(&damaged.rows));
        let catalog = Catalog::open(bytes.as_bytes()).unwrap();
        assert_eq!(catalog.len(), others.len() + damaged.rows.len());
    }
}

#[test]
fn no_price_is_free_or_above_its_bounds() {
    let Some(folder) = shared("no_price_is_free_or_above_its_bounds", "data/catalog") else { return };
    let catalog = catalog(&folder);
    assert!(catalog.len() > 90_000);
    let bytes = build(all(&folder).values().flat_map(|imported| &imported.rows));
    assert!(bytes.as_bytes().len() <= catalog.len() * 60, "at most 60 bytes an offer");
    for offer in catalog.offers() {
        assert!(offer.on_demand.is_some() || offer.spot.is_some(), "{offer:?}");
        for price in [offer.on_demand, offer.spot].into_iter().flatten() {
            assert!(price.nanos() > 0 && price.dollars() < 100_000.0, "{offer:?}");
        }
        if let (Some(on_demand), Some(spot)) = (offer.on_demand, offer.spot) {
            assert!(spot <= on_demand, "{offer:?}");
        }
    }
}

#[test]
fn hardware_and_places_are_named() {
    let Some(folder) = shared("hardware_and_places_are_named", "data/catalog") else { return };
    let catalog = catalog(&folder);
    let select = |filter: Filter| catalog.select(&filter).ids.len();
    let accelerator = |name: &str, count| {
        let accelerator = AcceleratorFilter { name: name.to_owned(), count: Some(Amount::exactly(count)) };
        Filter { accelerator: Some(accelerator), ..Filter::default() }
    };
    let slices = select(accelerator("tpu-v5litepod-8", 1000));
    assert_eq!(slices, 26);
    assert_eq!(select(accelerator("tpu-v5e", 8000)), slices);
    assert_eq!(select(accelerator("tpu-v4-8", 1000)), select(accelerator("tpu-v4", 4000)));
    assert_eq!(select(accelerator("A100-40GB", 8000)), select(accelerator("a100", 8000)));
    assert!(select(accelerator("inferentia2", 1000)) > 0);
    let tee = |provider: &str, tee| Filter { providers: vec![provider.to_owned()], tee, ..Filter::default() };
    for (provider, kind) in
        [("azure", TeeSet::SEV_SNP), ("azure", TeeSet::TDX), ("azure", TeeSet::SGX), ("aws", TeeSet::NITRO)]
    {
        assert!(select(tee(provider, kind)) > 0, "{provider} {kind:?}");
    }
    assert!(select(Filter { arch: Some(Arch::Arm64), ..tee("azure", TeeSet::default()) }) > 1000);
    // Every region of the four clouds with a region table is in it; marketplaces say their country.
    for (id, place) in catalog.places() {
        assert!(!place.country.is_empty(), "{place:?}");
        assert_eq!(catalog.restricted(id), place.region.starts_with("us-gov-"), "{place:?}");
    }
    let tpus: Vec<_> = catalog.offers().filter(|offer| offer.kind == Kind::Tpu).collect();
    assert!(tpus.len() > 1000);
    assert!(tpus.iter().all(|offer| offer.accelerator.is_some_and(|a| a.name.starts_with("tpu-v"))));
}

/// One task's candidates in a placement fixture. Their cost is price × nodes × hours, and the hours
/// are not written, so they are worked out from the first candidate that is found.
#[test]
fn skypilot_candidates_are_there_at_the_same_price() {
    const TEST: &str = "skypilot_candidates_are_there_at_the_same_price";
    let (Some(folder), Some(fixtures)) = (shared(TEST, "data/catalog"), shared(TEST, "fixtures/placement"))
    else {
        return;
    };
    let catalog = catalog(&folder);
    let mut index = Index::new();
    for offer in catalog.offers() {
        index.entry((offer.instance_type, offer.place.region)).or_default().push(offer);
    }
    let (mut same, mut zero, mut priced) = (0, 0, 0);
    let mut others = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 8);
    for path in files {
        let fixture: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for task in fixture["tasks"].as_array().unwrap() {
            let nodes = task["num_nodes"].as_f64().unwrap();
            let mut hours = None;
            for candidate in task["candidates"].as_array().unwrap() {
                let cost = candidate["cost"].as_f64().unwrap();
                if cost == 0.0 {
                    // The spot prices of zero that are quarantined here.
                    assert_eq!(candidate["cloud"], "Vast");
                    zero += 1;
                    continue;
                }
                priced += 1;
                let price = find(&index, candidate);
                let hours = price.map(|price| *hours.get_or_insert(cost / price / nodes));
                // All but the generated fixture run for whole hours.
                let whole = |hours: f64| fixture["name"] == "e5" || (hours - hours.round()).abs() < 1e-9;
                assert!(hours.is_none_or(whole), "{candidate}: {hours:?} hours");
                match price.zip(hours) {
                    Some((price, hours)) if (price * nodes * hours - cost).abs() < 1e-6 => same += 1,
                    _ => others.push(format!("{}: {candidate}: {price:?}", path.display())),
                }
            }
        }
    }
    println!("{same} of {priced} candidates at the same price, {zero} at zero left out");
    println!("{others:#?}");
    assert_eq!(zero, 4);
    assert!(same * 100 >= priced * 99, "{same} of {priced}: {others:#?}");
}

/// Offers by machine type and region.
type Index<'a> = HashMap<(&'a str, &'a str), Vec<Offer<'a>>>;

/// Price of the one offer that is this candidate, in dollars per hour.
fn find(index: &Index<'_>, candidate: &Value) -> Option<f64> {
    let text = |key: &str| candidate[key].as_str().unwrap_or_default();
    let spot = candidate["use_spot"].as_bool().unwrap();
    let wanted = candidate["accelerators"].as_object().unwrap().iter().next().map(|(name, count)| {
        let name = Tables::embedded().accelerators.resolve(name).name;
        (name, count.as_f64().unwrap() * 1000.0)
    });
    let is_it = |offer: &&Offer<'_>| {
        offer.place.provider == text("cloud").to_lowercase()
            && offer.zone.unwrap_or_default() == text("zone")
            && (if spot { offer.spot } else { offer.on_demand }).is_some()
            && match (&wanted, offer.accelerator) {
                (None, None) => true,
                (Some((name, milli)), Some(found)) => {
                    **name == *found.name && (milli - f64::from(found.count_milli)).abs() < 1e-6
                }
                _ => false,
            }
    };
    let mut found = index.get(&(text("instance_type"), text("region")))?.iter().filter(is_it);
    let (offer, None) = (found.next()?, found.next()) else { return None };
    (if spot { offer.spot } else { offer.on_demand }).map(|price| price.dollars())
}
