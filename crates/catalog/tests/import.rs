//! Importing small files with one fault each, and files that are nothing but faults.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use std::collections::BTreeMap;
use welkin_catalog::import::{FileError, Imported, MAX_KEPT, Origin, Quarantined, Reason, Scope, import};
use welkin_catalog::tables::Tables;
use welkin_catalog::{AcceleratorFilter, AlignedBytes, Catalog, CatalogBuilder, Filter, Kind, Row};

const HEADER: &str = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice";

fn read(provider: &str, text: impl AsRef<[u8]>) -> Result<Imported, FileError> {
    let origin = Origin { provider, file: "vms.csv", as_of: "2026-05-20" };
    import(text.as_ref(), &origin, Tables::embedded())
}

fn lines(provider: &str, rows: &[&str]) -> Imported {
    read(provider, format!("{HEADER}\n{}\n", rows.join("\n"))).unwrap()
}

fn reasons(imported: &Imported) -> Vec<(u32, Reason, Scope)> {
    imported.quarantined.iter().map(|q| (q.line, q.reason, q.scope)).collect()
}

fn dollars(row: &Row) -> (Option<f64>, Option<f64>) {
    (row.on_demand.map(|p| p.dollars()), row.spot.map(|p| p.dollars()))
}

#[test]
fn each_fault_is_named_and_costs_its_row_only() {
    let good = "m1,4,16,,,,r1,,0.2,0.1";
    for (bad, reason, scope, column) in [
        ("m2,4,16,,,,r1,,0,", Reason::ZeroPrice, Scope::Row, "Price"),
        ("m2,4,16,,,,r1,,-1,", Reason::OutOfRange, Scope::Row, "Price"),
        ("m2,4,16,,,,r1,,NaN,", Reason::NotANumber, Scope::Row, "Price"),
        ("m2,4,16,,,,r1,,cheap,", Reason::NotANumber, Scope::Row, "Price"),
        ("m2,4,16,,,,r1,,1e9,", Reason::AbsurdPrice, Scope::Row, "Price"),
        ("m2,4,16,,,,r1,,0.0001,", Reason::ImplausiblePrice, Scope::Row, "Price"),
        ("m2,4,16,,,,r1,,,", Reason::MissingPrice, Scope::Row, ""),
        ("m2,4,16,,,,r1,,1,0.00", Reason::ZeroSpot, Scope::Value, "SpotPrice"),
        ("m2,4,16,,,,r1,,1,x", Reason::NotANumber, Scope::Value, "SpotPrice"),
        ("m2,4,16,,,,r1,,1,2", Reason::SpotAboveOnDemand, Scope::Value, "SpotPrice"),
        ("m2,4,16,,,,,,1,", Reason::MissingField, Scope::Row, "Region"),
        ("m2,4,16,,,,../../x,,1,", Reason::UnsafeName, Scope::Row, "Region"),
        (",4,16,,,,r1,,1,", Reason::MissingField, Scope::Row, "InstanceType"),
        (",4,16,T4,1,,r1,,1,", Reason::MissingField, Scope::Row, "InstanceType"),
        ("m2,4,16,T4,,,r1,,1,", Reason::MissingField, Scope::Row, "AcceleratorCount"),
        ("m2,4,16,T4,0,,r1,,1,", Reason::OutOfRange, Scope::Row, "AcceleratorCount"),
        ("m2,four,16,,,,r1,,1,", Reason::NotANumber, Scope::Row, "vCPUs"),
        ("m2,4,1e12,,,,r1,,1,", Reason::OutOfRange, Scope::Row, "MemoryGiB"),
        ("m2,4,16,,,,r1,,1", Reason::WrongFieldCount, Scope::Row, ""),
        ("m2,4,16,,,,r1,,1,,", Reason::WrongFieldCount, Scope::Row, ""),
        ("m2,4,16,,,\"{,r1,,1,", Reason::MalformedRow, Scope::Row, ""),
        (good, Reason::Duplicate, Scope::Row, ""),
    ] {
        let got = lines("elsewhere", &[good, bad, "m3,4,16,,,,r1,,0.2,0.1"]);
        assert_eq!(reasons(&got), [(3, reason, scope)], "{bad}");
        let Quarantined { file, column: found, message, .. } = &got.quarantined[0];
        assert_eq!((file.as_str(), *found), ("vms.csv", column), "{bad}");
        assert!(!message.is_empty());
        assert_eq!(got.rows.len(), if scope == Scope::Row { 2 } else { 3 }, "{bad}");
    }
}

#[test]
fn bytes_that_are_not_text_cost_their_line() {
    let mut bytes = format!("{HEADER}\nm1,4,16,,,,r1,,0.2,\n").into_bytes();
    bytes.extend_from_slice(b"m2,\xff\xfe,16,,,,r1,,0.2,\nm3,4,16,,,,r1,,0.2,\n");
    let got = read("elsewhere", bytes).unwrap();
    assert_eq!(reasons(&got), [(3, Reason::BadUtf8, Scope::Row)]);
    assert_eq!(got.rows.len(), 2);
}

#[test]
fn a_file_without_its_columns_is_refused() {
    for nobody in ["", "../aws", "AWS"] {
        assert_eq!(read(nobody, HEADER).unwrap_err(), FileError::BadProvider);
    }
    assert_eq!(read("aws", "").unwrap_err(), FileError::Empty);
    assert_eq!(read("aws", "\"open\n").unwrap_err(), FileError::BadHeader);
    assert_eq!(
        read("aws", "InstanceType,Region\n").unwrap_err(),
        FileError::MissingColumn { column: "Price" }
    );
    assert_eq!(
        read("aws", "InstanceType,Region,Price,Price\n").unwrap_err(),
        FileError::RepeatedColumn { column: "Price" }
    );
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let got = read("elsewhere", "Price,Extra,Region,InstanceType\n1.5,?,r1,m1\n").unwrap();
    assert_eq!(got.rows.len(), 1);
    let row = &got.rows[0];
    assert_eq!((&*row.instance_type, &*row.place.region, dollars(row)), ("m1", "r1", (Some(1.5), None)));
    assert_eq!((row.vcpus_milli, row.memory_mib), (0, 0));
}

#[test]
fn an_unquoted_list_in_the_last_column_is_repaired() {
    let header = "InstanceType,vCPUs,MemoryGiB,Price,SpotPrice,Region,Generation";
    let got = read("azure", format!("{header}\nA,1,2,0.1,,eastus,V1,V2\nB,1,2,0.1,,eastus,V2\n")).unwrap();
    assert_eq!((got.rows.len(), got.repaired, got.quarantined.len()), (2, 1, 0));
    // Only there: a surplus field elsewhere shifts all that follow.
    let other = header.replace("Generation", "Note");
    let got = read("azure", format!("{other}\nA,1,2,0.1,,eastus,V1,V2\n")).unwrap();
    assert_eq!(reasons(&got), [(2, Reason::WrongFieldCount, Scope::Row)]);
}

#[test]
fn of_two_prices_the_dearer_stays() {
    for rows in [["m1,4,16,,,,r1,,1,", "m1,4,16,,,,r1,,2,"], ["m1,4,16,,,,r1,,2,", "m1,4,16,,,,r1,,1,"]] {
        let got = lines("elsewhere", &rows);
        assert_eq!(got.counts, BTreeMap::from([(Reason::ConflictingDuplicate, 1)]));
        assert_eq!(got.rows.iter().map(dollars).collect::<Vec<_>>(), [(Some(2.0), None)]);
    }
    // Another zone is another offer.
    assert_eq!(lines("elsewhere", &["m1,4,16,,,,r1,a,1,", "m1,4,16,,,,r1,b,2,"]).rows.len(), 2);
}

#[test]
fn prices_far_from_their_peers_are_doubted() {
    let list = |price: &str, spot: &str| {
        let odd = format!("m1,4,16,,,,r9,,{price},{spot}");
        lines("elsewhere", &["m1,4,16,,,,r1,,1,0.5", "m1,4,16,,,,r2,,1,0.5", "m1,4,16,,,,r3,,1,0.5", &odd])
    };
    // Four times the median in either direction is still believed.
    for (price, spot) in [("4", "0.5"), ("0.25", "0.1"), ("4", "4"), ("1", "0.0625")] {
        assert_eq!(reasons(&list(price, spot)), [], "{price} {spot}");
    }
    for (price, spot, scope) in [
        ("4.001", "0.5", Scope::Row),
        ("0.2499", "0.1", Scope::Row),
        ("4", "4.001", Scope::Value),
        ("1", "0.0624", Scope::Value),
    ] {
        let got = list(price, spot);
        assert_eq!(got.quarantined.len(), 1, "{price} {spot}");
        assert_eq!(got.quarantined[0].scope, scope);
        assert_eq!(got.rows.len(), if scope == Scope::Row { 3 } else { 4 });
    }
    // Two regions are no peers: nobody knows which of the two is wrong.
    assert_eq!(reasons(&lines("elsewhere", &["m1,4,16,,,,r1,,1,", "m1,4,16,,,,r2,,99,"])), []);
}

#[test]
fn one_price_for_every_count_is_no_price() {
    let slices = |region: &str, prices: [(&str, &str); 3]| {
        ["1", "4", "256"]
            .iter()
            .zip(prices)
            .map(|(chips, (price, spot))| {
                format!(",4,16,tpu-v6e-{chips},1,,{region},{region}-a,{price},{spot}")
            })
            .collect::<Vec<_>>()
    };
    let good = slices("us-east5", [("2.7", "1.2"), ("10.8", "5"), ("691.2", "300")]);
    let placeholder = slices("asia-east1", [("700.0", "700.0"); 3]);
    let only_spot = slices("southamerica-west1", [("2.7", "700"), ("10.8", "700"), ("691.2", "700")]);
    let rows = [good, placeholder, only_spot].concat();
    let got = lines("gcp", &rows.iter().map(String::as_str).collect::<Vec<_>>());
    let of = |line| (line, Reason::Placeholder, Scope::Row);
    let spot_of = |line| (line, Reason::Placeholder, Scope::Value);
    assert_eq!(reasons(&got), [of(5), of(6), of(7), spot_of(8), spot_of(9), spot_of(10)]);
    let mut kept: Vec<_> = got
        .rows
        .iter()
        .map(|row| (row.place.region.to_string(), dollars(row).0, dollars(row).1.is_some()))
        .collect();
    kept.sort_by(|one, other| one.partial_cmp(other).unwrap());
    let here = |region: &str, price, spot| (region.to_owned(), Some(price), spot);
    let (south, east) = ("southamerica-west1", "us-east5");
    assert_eq!(
        kept,
        [
            here(south, 2.7, false),
            here(south, 10.8, false),
            here(south, 691.2, false),
            here(east, 2.7, true),
            here(east, 10.8, true),
            here(east, 691.2, true)
        ]
    );
}

#[test]
fn a_constrained_size_has_the_vcpus_of_its_name() {
    let header = "InstanceType,vCPUs,MemoryGiB,Price,SpotPrice,Region";
    let text =
        format!("{header}\nStandard_E64-16as_v5,64,512,3.6,,eastus\nStandard_E64as_v5,64,512,3.6,,eastus\n");
    let got = read("azure", text).unwrap();
    let mut vcpus: Vec<_> = got.rows.iter().map(|row| (row.vcpus_milli, row.memory_mib)).collect();
    vcpus.sort_unstable();
    assert_eq!(vcpus, [(16_000, 512 << 10), (64_000, 512 << 10)]);
}

#[test]
fn a_variant_with_more_memory_is_found_by_its_memory() {
    let info = |mib: u32| format!("\"{{'MemoryInfo': {{'SizeInMiB': {mib}}}}}\"");
    let row = |name: &str, mib, region: &str| format!("{name},8,64,A100,1,{},{region},,0.93,", info(mib));
    let got = lines("vast", &[&row("m1", 81_920, "r1"), &row("m2", 81_251, "r2"), &row("m3", 40_960, "r3")]);
    let bytes = AlignedBytes::copy_from(
        &got.rows
            .iter()
            .fold(CatalogBuilder::new(), |mut builder, row| {
                builder.push(row).unwrap();
                builder
            })
            .finish(),
    );
    let catalog = Catalog::open(bytes.as_bytes()).unwrap();
    let with = |name: &str| {
        let accelerator = Some(AcceleratorFilter { name: name.to_owned(), count: None });
        let found = catalog.select(&Filter { accelerator, ..Filter::default() }).ids;
        found.iter().map(|id| catalog.offer(*id).instance_type).collect::<Vec<_>>()
    };
    assert_eq!(with("80GB"), ["m1", "m2"]);
    assert_eq!(with("NVIDIA:40GB"), ["m3"]);
    assert_eq!(with("A100"), ["m1", "m2", "m3"]);
}

#[test]
fn a_region_with_many_zones_has_one_vote() {
    let rows = [
        "m1,4,16,,,,r1,a,9,",
        "m1,4,16,,,,r1,b,9,",
        "m1,4,16,,,,r1,c,9,",
        "m1,4,16,,,,r1,d,9,",
        "m1,4,16,,,,r2,a,1,",
        "m1,4,16,,,,r3,a,1,",
    ];
    let got = lines("elsewhere", &rows);
    assert_eq!(got.counts, BTreeMap::from([(Reason::ImplausiblePrice, 4)]));
}

#[test]
fn hosts_and_accelerators_priced_apart_become_pairs() {
    let got = lines(
        "gcp",
        &[
            "n1-standard-4,4,15,,,,us-central1,us-central1-a,0.19,0.04",
            "n1-standard-1,1,3.75,,,,us-central1,us-central1-a,0.05,0.01",
            "n1-standard-96,96,360,,,,us-central1,us-central1-a,4.56,",
            "n2-standard-4,4,16,,,,us-central1,us-central1-a,0.2,0.05",
            "n1-standard-4,4,15,,,,us-central1,us-central1-b,0.19,0.04",
            "a2-highgpu-1g,12,85,,,,us-central1,us-central1-a,0.88,0.4",
            "a2-highgpu-2g,24,170,,,,us-central1,us-central1-a,1.76,0.8",
            ",,,T4,1,{'Gpus': [{'MemoryInfo': {'SizeInMiB': 16384}}]},us-central1,us-central1-a,0.35,0.11",
            ",,,A100,1,{'Gpus': [{'MemoryInfo': {'SizeInMiB': 40960}}]},us-central1,us-central1-a,2.93,0.88",
            ",,,V100,1,,us-east1,us-east1-b,2.48,",
        ],
    );
    let pairs: Vec<_> = got
        .rows
        .iter()
        .filter_map(|row| {
            let accelerator = row.accelerator.as_ref()?;
            Some((&*row.instance_type, &*accelerator.device.name, dollars(row), row.undersized))
        })
        .collect();
    assert_eq!(got.composed, 3);
    // T4:1 goes up to 48 vCPUs, so not on n1-standard-96; and one vCPU's memory is too little.
    for pair in [
        ("n1-standard-4", "T4", (Some(0.54), Some(0.15)), false),
        ("n1-standard-1", "T4", (Some(0.4), Some(0.12)), true),
        ("a2-highgpu-1g", "A100", (Some(3.81), Some(1.28)), false),
    ] {
        assert!(pairs.contains(&pair), "{pair:?} in {pairs:?}");
    }
    let bare: Vec<_> =
        got.rows.iter().filter(|row| row.accelerator.is_none()).map(|row| &*row.instance_type).collect();
    assert_eq!(bare.len(), 5, "hosts without a GPU are offered, A2 is not: {bare:?}");
    let mut told = reasons(&got);
    told.sort_by_key(|(line, ..)| *line);
    assert_eq!(told, [(8, Reason::NoAcceleratorPrice, Scope::Row), (11, Reason::NoHost, Scope::Row)]);
}

#[test]
fn a_tpu_row_is_a_slice_of_so_many_chips() {
    let got = lines(
        "gcp",
        &[
            ",,,tpu-v5litepod-8,1,,us-west4,us-west4-a,9.6,4.8",
            ",,,tpu-v4-16,1,,us-central2,us-central2-b,25.76,",
            "TPU-VM,,,tpu-v6e-4,1,,us-east5,us-east5-a,10.8,",
        ],
    );
    let mut slices: Vec<_> = got
        .rows
        .iter()
        .map(|row| {
            let accelerator = row.accelerator.as_ref().unwrap();
            assert_eq!(row.kind, Kind::Tpu);
            (&*row.instance_type, &*accelerator.device.name, accelerator.count_milli)
        })
        .collect();
    slices.sort_unstable();
    assert_eq!(
        slices,
        [("v4-16", "tpu-v4", 8_000), ("v5litepod-8", "tpu-v5e", 8_000), ("v6e-4", "tpu-v6e", 4_000)]
    );
}

#[test]
fn marketplace_regions_are_free_text() {
    let got = lines("vast", &["1x-T4,4,16,T4,1,,\"Czechia, CZ, EU\",,0.2,0.00"]);
    assert_eq!(&*got.rows[0].place.jurisdiction, "eu");
    assert_eq!(got.rows[0].spot, None);
    assert_eq!(reasons(&got), [(2, Reason::ZeroSpot, Scope::Value)]);
}

#[test]
fn complaints_are_counted_beyond_those_kept() {
    let rows = vec!["m,4,16,,,,r,,0,"; MAX_KEPT + 7];
    let got = lines("elsewhere", &rows);
    assert_eq!(got.quarantined.len(), MAX_KEPT);
    assert_eq!(got.counts[&Reason::ZeroPrice] as usize, MAX_KEPT + 7);
}

#[test]
fn a_flood_of_names_stops_at_its_own_file() {
    let regions: Vec<String> = (0..4_010).map(|n| format!("m,4,16,,,,r{n},,1,")).collect();
    let models: Vec<String> = (0..4_010).map(|n| format!("m,4,16,gpu{n},1,,r,,1,")).collect();
    for rows in [regions, models] {
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        let got = lines("elsewhere", &rows);
        assert_eq!((got.rows.len(), got.counts[&Reason::TooMany]), (4_000, 10));
    }
}

/// Whatever comes out must be storable and sound.
fn sound(imported: &Imported) {
    let mut builder = CatalogBuilder::new();
    for row in &imported.rows {
        builder.push(row).unwrap();
        assert!(row.on_demand.is_some() || row.spot.is_some());
        for price in [row.on_demand, row.spot].into_iter().flatten() {
            assert!(price.nanos() > 0);
        }
        assert!(!row.place.region.is_empty() && !row.instance_type.is_empty());
    }
    let bytes = welkin_catalog::AlignedBytes::copy_from(&builder.finish());
    welkin_catalog::Catalog::open(bytes.as_bytes()).unwrap();
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => prop::sample::select(vec![
            "", "0", "1", "-1", "4", "0.5", "1e308", "nan", "-inf", "\"", "\"a,b\"", "\"a\"\"b\"", "V1,V2",
            "T4", "A100", "tpu-v4-8", "tpu-v4-99999999999", "n1-standard-4", "a2-highgpu-1g", "us-central1",
            "TPU-VM", "{'SizeInMiB': 16384}", "'SizeInMiB': 99999999999", "x86_64", "supported",
        ]).prop_map(str::to_owned),
        1 => "[ -~éß\u{0}]{0,8}",
        1 => (0.0..50.0_f64).prop_map(|number| number.to_string()),
    ]
}

fn providers() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["aws", "azure", "gcp", "lambda", "vast", "elsewhere", ""])
}

proptest! {
    #[test]
    fn random_bytes_never_panic(
        provider in providers(), bytes in prop::collection::vec(any::<u8>(), 0..400), headed in any::<bool>(),
    ) {
        let mut file = if headed { format!("{HEADER}\n").into_bytes() } else { Vec::new() };
        file.extend_from_slice(&bytes);
        if let Ok(imported) = read(provider, &file) {
            sound(&imported);
        }
    }

    #[test]
    fn random_rows_never_panic(
        provider in providers(),
        rows in prop::collection::vec(prop::collection::vec(field(), 8..12), 0..20),
        open_ended in any::<bool>(),
    ) {
        let mut text = HEADER.to_owned();
        if open_ended {
            text.push_str(",Generation");
        }
        for row in rows {
            text.push('\n');
            text.push_str(&row.join(","));
        }
        match read(provider, &text) {
            Ok(imported) => sound(&imported),
            Err(error) => assert_eq!((provider, error), ("", FileError::BadProvider)),
        }
    }

    #[test]
    fn order_of_lines_does_not_matter(
        (rows, shuffled) in prop::collection::vec(
            ("[mn][12]", 1..4_u8, prop::sample::select(vec!["r1", "r2", "r3", "r4"]), 1..40_u8, 0..40_u8), 1..25,
        ).prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let text = |rows: &[(String, u8, &str, u8, u8)]| {
            let mut text = HEADER.to_owned();
            for (name, vcpus, region, price, spot) in rows {
                text.push_str(&format!("\n{name},{vcpus},4,,,,{region},,{price},{spot}"));
            }
            text
        };
        // Hardware is not part of an offer's key, so rows that tie on price may keep either one's.
        let key = |row: &Row| (row.instance_type.clone(), row.place.region.clone(), row.on_demand);
        let sorted = |imported: Imported| {
            let mut keys: Vec<_> = imported.rows.iter().map(key).collect();
            keys.sort();
            keys
        };
        let one = sorted(read("elsewhere", text(&rows)).unwrap());
        prop_assert_eq!(one, sorted(read("elsewhere", text(&shuffled)).unwrap()));
    }
}
