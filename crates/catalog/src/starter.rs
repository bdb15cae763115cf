//! The catalog that the crate carries: list prices that let a plan be made with nothing downloaded.
//!
//! `data/starter/types.csv` says what a machine type is, `prices.csv` what it costs where; sources
//! and dates are in `data/README.md`. One offer a zone where the provider sells by zone.
//! `n1-standard-8+V100:1` is Google's `n1-standard-8` with one V100 attached: the part behind the
//! `+` repeats the accelerator's columns and is not part of the machine type's name.
//!
//! *Rejected:* a build script that writes the columns at compile time: reading two small files and
//! building takes a few milliseconds, once, before the first catalog is on disk.

use crate::import::{Dialect, starves};
use crate::tables::{TableProblem, Tables, read};
use crate::{Arch, CatalogBuilder, Kind, Row, RowAccelerator, RowDevice, RowPlace, RowSource, Text};
use std::collections::HashMap;
use std::sync::Arc;
use welkin_units::Usd;

const TYPES: &str = include_str!("../data/starter/types.csv");
const PRICES: &str = include_str!("../data/starter/prices.csv");

/// The starter catalog's offers.
#[must_use]
pub fn rows() -> Vec<Row> {
    parse(TYPES, PRICES, Tables::embedded()).0
}

/// The starter catalog as a store, for [`crate::Catalog::open`].
///
/// # Panics
/// When the data has outgrown a store, which has room for 4,000,000 offers at 65,534 places; the
/// data is part of the crate and has some thousands.
#[must_use]
pub fn catalog_bytes() -> Vec<u8> {
    let mut builder = CatalogBuilder::new();
    for row in &rows() {
        builder.push(row).expect("the embedded data is a thousandth of what a store holds");
    }
    builder.finish()
}

/// Reads a starter catalog from its two CSV texts; lines that make no sense are told and left out.
fn parse(types: &str, prices: &str, tables: &Tables) -> (Vec<Row>, Vec<TableProblem>) {
    let mut problems = Vec::new();
    let machines = machines(types, tables, &mut problems);
    let mut rows = Vec::new();
    let mut places: HashMap<(String, String), Arc<RowPlace>> = HashMap::new();
    let mut zones: HashMap<String, Vec<Text>> = HashMap::new();
    let columns = ["provider", "instance_type", "region", "zones", "on_demand", "spot"];
    read("prices.csv", prices, columns, &mut problems, |line, problems| {
        let (provider, region) = (line.get(0), line.get(2));
        let Some(machine) = machines.get(provider).and_then(|types| types.get(line.get(1))) else {
            problems.push(line.problem(format!("`{}` is not in types.csv", line.get(1))));
            return;
        };
        let (Some(on_demand), Some(spot)) = (price(line.get(4)), price(line.get(5))) else {
            problems.push(line.problem("a price must be a number above zero, or empty"));
            return;
        };
        let place = places
            .entry((provider.to_owned(), region.to_owned()))
            .or_insert_with(|| tables.regions.place(provider, region));
        // The zones of a region are written the same way over and over.
        let zones = zones.entry(line.get(3).to_owned()).or_insert_with(|| match line.get(3) {
            "" => vec!["".into()],
            _ => line.list(3).map(Text::from).collect(),
        });
        let offer = |zone: Text| Row {
            place: place.clone(),
            zone,
            tee: tables.tee.tee_in(&machine.tee_rules, region),
            on_demand,
            spot,
            ..machine.row.clone()
        };
        rows.extend(zones.iter().cloned().map(offer));
    });
    (rows, problems)
}

/// Machine types by provider and name.
type Machines = HashMap<String, HashMap<String, Machine>>;

/// What a machine type is: a row that lacks place, zone, TEE and prices.
struct Machine {
    row: Row,
    tee_rules: Vec<u32>,
}

fn machines(types: &str, tables: &Tables, problems: &mut Vec<TableProblem>) -> Machines {
    let nowhere = tables.regions.place("", "");
    let no_zone: Text = "".into();
    let mut sources: HashMap<(String, String), Arc<RowSource>> = HashMap::new();
    let mut machines = Machines::new();
    let columns = [
        "provider",
        "instance_type",
        "kind",
        "vcpus",
        "memory_gib",
        "arch",
        "burstable",
        "accelerator",
        "count",
        "network_gbps",
        "source",
        "as_of",
    ];
    read("types.csv", types, columns, problems, |line, problems| {
        let (provider, written) = (line.get(0), line.get(1));
        let (name, attached) = written.split_once('+').map_or((written, false), |(name, _)| (name, true));
        let kind = match line.get(2) {
            "vm" => Kind::Vm,
            "tpu" => Kind::Tpu,
            other => return problems.push(line.problem(format!("`{other}` is not a kind"))),
        };
        let arch = match line.get(5) {
            "x86_64" => Arch::X86_64,
            "arm64" => Arch::Arm64,
            "" => Arch::Unknown,
            other => return problems.push(line.problem(format!("`{other}` is not an architecture"))),
        };
        let numbers = [(3, 1000.0), (4, 1024.0), (8, 1000.0), (9, 1000.0)]
            .map(|(column, per_unit)| line.number(column).and_then(|value| whole(value * per_unit)));
        let [Some(vcpus_milli), Some(memory_mib), Some(count_milli), Some(network_mbps)] = numbers else {
            return problems.push(line.problem("vcpus, memory, count and network must be numbers"));
        };
        let accelerator = (!line.get(7).is_empty() && count_milli > 0).then(|| {
            let device = tables.accelerators.resolve(line.get(7));
            RowAccelerator {
                count_milli: count_milli.saturating_mul(device.devices),
                device: Arc::new(RowDevice { name: device.name, memory_mib: device.memory_mib }),
            }
        });
        let source = sources
            .entry((line.get(10).to_owned(), line.get(11).to_owned()))
            .or_insert_with_key(|(name, as_of)| {
                Arc::new(RowSource { name: name.as_str().into(), as_of: as_of.as_str().into() })
            })
            .clone();
        let row = Row {
            place: nowhere.clone(),
            zone: no_zone.clone(),
            kind,
            instance_type: name.into(),
            vcpus_milli,
            memory_mib,
            arch,
            burstable: line.get(6) == "1",
            undersized: attached && accelerator.as_ref().is_some_and(|gpu| starves(memory_mib, gpu)),
            accelerator,
            network_mbps,
            tee: crate::TeeSet::default(),
            on_demand: None,
            spot: None,
            min_billed_s: Dialect::of(provider).min_billed_s,
            source,
        };
        let machine = Machine { row, tee_rules: tables.tee.for_type(provider, name) };
        if machines.entry(provider.to_owned()).or_default().insert(written.to_owned(), machine).is_some() {
            problems.push(line.problem(format!("`{written}` is there twice")));
        }
    });
    machines
}

/// A price field: `Some(None)` when empty, `None` when it is not a price.
fn price(text: &str) -> Option<Option<Usd>> {
    if text.is_empty() {
        return Some(None);
    }
    let price = Usd::from_dollars(text.parse().ok()?)?;
    (price > Usd::ZERO).then_some(Some(price))
}

fn whole(value: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (0.0..=f64::from(u32::MAX)).contains(&value).then(|| value.round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AcceleratorFilter, AlignedBytes, Amount, Catalog, Filter, TeeSet};
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_line_parses_and_prices_are_sound() {
        let (rows, problems) = parse(TYPES, PRICES, Tables::embedded());
        assert_eq!(problems, []);
        assert!(rows.len() > 3000, "{}", rows.len());
        for row in &rows {
            assert!(row.on_demand.is_some(), "{row:?}");
            assert!(row.spot <= row.on_demand, "{row:?}");
            assert!(!row.place.country.is_empty(), "{row:?}");
        }
    }

    #[test]
    fn three_clouds_in_eight_regions_each() {
        let mut regions: BTreeMap<Text, BTreeSet<Text>> = BTreeMap::new();
        for row in rows() {
            regions.entry(row.place.provider.clone()).or_default().insert(row.place.region.clone());
        }
        for provider in ["aws", "azure", "gcp"] {
            assert!(regions[provider].len() >= 8, "{provider}: {:?}", regions[provider]);
        }
    }

    #[test]
    fn the_founding_example_can_be_placed() {
        let bytes = AlignedBytes::copy_from(&catalog_bytes());
        let catalog = Catalog::open(bytes.as_bytes()).unwrap();
        let accelerator = |name: &str, count| {
            let count = Some(Amount::exactly(count));
            Filter {
                accelerator: Some(AcceleratorFilter { name: name.to_owned(), count }),
                ..Filter::default()
            }
        };
        let confidential = Filter {
            providers: vec!["azure".to_owned()],
            tee: TeeSet::SEV_SNP.union(TeeSet::TDX),
            cpus: Some(Amount::at_least(8000)),
            memory_gib: Some(Amount::at_least(32_000)),
            ..Filter::default()
        };
        for filter in [
            confidential,
            accelerator("tpu-v5e", 8000),
            accelerator("tpu-v5litepod-8", 1000),
            accelerator("A100", 8000),
            accelerator("inferentia2", 1000),
            accelerator("L4", 1000),
            accelerator("T4", 1000),
            accelerator("V100", 1000),
        ] {
            assert!(!catalog.select(&filter).ids.is_empty(), "{filter:?}");
        }
    }

    #[test]
    fn bad_lines_are_told() {
        let types = "provider,instance_type,kind,vcpus,memory_gib,arch,burstable,accelerator,count,network_gbps,source,as_of\n\
                     p,a,vm,4,15,x86_64,0,,,,s,2026-01-01\np,a+T4:1,vm,4,8,x86_64,0,T4,1,,s,2026-01-01\n\
                     p,b,boat,4,15,x86_64,0,,,,s,2026-01-01\n";
        let prices = "provider,instance_type,region,zones,on_demand,spot\n\
                      p,a,r,r-1;r-2,0.1,0.05\np,a+T4:1,r,,0.5,\np,b,r,,1,\np,a,q,,0,\n";
        let (rows, problems) = parse(types, prices, Tables::embedded());
        assert_eq!(
            problems.iter().map(|p| (p.table, p.line)).collect::<Vec<_>>(),
            [("types.csv", 4), ("prices.csv", 4), ("prices.csv", 5)]
        );
        let shown: Vec<_> = rows.iter().map(|r| (&*r.instance_type, &*r.zone, r.undersized)).collect();
        assert_eq!(shown, [("a", "r-1", false), ("a", "r-2", false), ("a", "", true)]);
    }
}
