//! The store: round trip, order of input, damage.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use proptest::prelude::*;
use std::sync::{Arc, LazyLock};
use welkin_catalog::{
    AlignedBytes, Arch, Catalog, CatalogBuilder, Continent, Kind, OfferId, OpenError, PlaceId, Row,
    RowAccelerator, RowDevice, RowPlace, RowSource, SCHEMA_VERSION, TeeSet, starter,
};
use welkin_units::Usd;

fn build(rows: &[Row]) -> AlignedBytes {
    let mut builder = CatalogBuilder::new();
    for row in rows {
        builder.push(row).unwrap();
    }
    AlignedBytes::copy_from(&builder.finish())
}

prop_compose! {
    fn places()(
        provider in prop::sample::select(vec!["aws", "azure", "gcp"]),
        region in "[a-c]{1,2}",
        restricted in any::<bool>(),
        certs in prop::sample::select(vec!["", "soc2", "iso27001;soc2"]),
    ) -> RowPlace {
        RowPlace {
            provider: provider.into(),
            region: region.into(),
            country: "nl".into(),
            jurisdiction: "eu".into(),
            continent: Continent::Europe,
            certs: certs.into(),
            restricted,
        }
    }
}

prop_compose! {
    fn rows()(
        place in places(),
        zone in "[xy]{0,2}",
        instance_type in "[mné]{0,3}",
        (tpu, burstable, undersized) in any::<(bool, bool, bool)>(),
        (vcpus_milli, memory_mib, network_mbps, min_billed_s) in any::<(u32, u32, u32, u16)>(),
        arch in prop::sample::select(vec![Arch::Unknown, Arch::X86_64, Arch::Arm64]),
        accelerator in prop::option::of((prop::sample::select(vec!["A100", "T4"]), 0_u32..3, 1_u32..5)),
        tee in 0_u8..64,
        // Every price but the one that stands for "not offered".
        (on_demand, spot) in any::<(Option<i64>, Option<i64>)>(),
    ) -> Row {
        let price = |nanos: Option<i64>| nanos.filter(|&nanos| nanos != i64::MAX).map(Usd::from_nanos);
        Row {
            place: Arc::new(place),
            zone: zone.into(),
            kind: if tpu { Kind::Tpu } else { Kind::Vm },
            instance_type: instance_type.into(),
            vcpus_milli,
            memory_mib,
            arch,
            burstable,
            undersized,
            accelerator: accelerator.map(|(name, memory_mib, count_milli)| RowAccelerator {
                device: Arc::new(RowDevice { name: name.into(), memory_mib }),
                count_milli,
            }),
            network_mbps,
            tee: TeeSet(tee),
            on_demand: price(on_demand),
            spot: price(spot),
            min_billed_s,
            source: Arc::new(RowSource { name: "list".into(), as_of: "2026-05-20".into() }),
        }
    }
}

/// One comparable text per row and per offer, of every field that both have.
fn of_row(row: &Row) -> String {
    let accelerator = row.accelerator.as_ref();
    let accelerator =
        accelerator.map(|a| (a.device.name.to_string(), u64::from(a.device.memory_mib) << 20, a.count_milli));
    let place = &row.place;
    format!(
        "{:?}",
        (
            (&*place.provider, &*place.region, &*place.country, &*place.jurisdiction, place.continent),
            (&*row.zone, row.kind, &*row.instance_type, row.vcpus_milli, u64::from(row.memory_mib) << 20),
            (row.arch, row.burstable, accelerator, u64::from(row.network_mbps) * 1_000_000, row.tee),
            (row.on_demand, row.spot, u32::from(row.min_billed_s), &*row.source.name, &*row.source.as_of),
            (&*place.certs, place.restricted),
        )
    )
}

fn of_offer(catalog: &Catalog<'_>, id: OfferId) -> String {
    let offer = catalog.offer(id);
    let accelerator = offer.accelerator.map(|a| (a.name.to_owned(), a.memory.get(), a.count_milli));
    let place = &offer.place;
    format!(
        "{:?}",
        (
            (place.provider, place.region, place.country, place.jurisdiction, place.continent),
            (
                offer.zone.unwrap_or_default(),
                offer.kind,
                offer.instance_type,
                offer.vcpus_milli,
                offer.memory.get()
            ),
            (offer.arch, offer.burstable, accelerator, offer.network.get(), offer.tee),
            (offer.on_demand, offer.spot, offer.min_billed_s, offer.source.name, offer.source.as_of),
            (
                catalog.certs(offer.place_id).collect::<Vec<_>>().join(";").as_str(),
                catalog.restricted(offer.place_id)
            ),
        )
    )
}

/// Looks at everything an open catalog has.
fn look_at_all(catalog: &Catalog<'_>) -> usize {
    let mut seen = catalog.digest().len();
    for (id, place) in catalog.places() {
        seen += place.region.len() + catalog.certs(id).count() + usize::from(catalog.restricted(id));
    }
    for offer in catalog.offers() {
        seen += offer.instance_type.len() + offer.source.name.len();
    }
    seen + catalog.select(&welkin_catalog::Filter::default()).ids.len()
}

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let rows: Vec<Row> = starter::rows().into_iter().step_by(40).collect();
    build(&rows).as_bytes().to_vec()
});

proptest! {
    #[test]
    fn what_goes_in_comes_out(rows in prop::collection::vec(rows(), 0..30)) {
        let bytes = build(&rows);
        let catalog = Catalog::open(bytes.as_bytes()).unwrap();
        let mut expected: Vec<_> = rows.iter().map(of_row).collect();
        let mut found: Vec<_> = catalog.offers().map(|offer| of_offer(&catalog, offer.id)).collect();
        expected.sort();
        expected.dedup();
        found.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn order_of_input_does_not_matter(
        (rows, shuffled) in prop::collection::vec(rows(), 0..30)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let (one, other) = (build(&rows), build(&shuffled));
        prop_assert_eq!(one.as_bytes(), other.as_bytes());
    }

    #[test]
    fn a_flipped_byte_is_refused(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = WHOLE.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(Catalog::open(AlignedBytes::copy_from(&bytes).as_bytes()).is_err(), "byte {}", at);
    }

    #[test]
    fn a_cut_or_grown_file_is_refused(to in any::<prop::sample::Index>(), more in 1_usize..20) {
        let short = AlignedBytes::copy_from(&WHOLE[..to.index(WHOLE.len())]);
        prop_assert!(Catalog::open(short.as_bytes()).is_err());
        let mut long = WHOLE.clone();
        long.resize(WHOLE.len() + more, 0);
        let refused = Catalog::open(AlignedBytes::copy_from(&long).as_bytes()).unwrap_err();
        prop_assert!(matches!(refused, OpenError::Torn { .. }), "{refused:?}");
    }

    /// Damage with a checksum that fits it: every index is still checked, nothing panics.
    #[test]
    fn a_forged_file_is_refused_or_harmless(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), in_header in any::<bool>(),
    ) {
        let mut bytes = WHOLE.clone();
        let until = if in_header { 480 } else { bytes.len() };
        for (at, value) in edits {
            let at = 32 + at.index(until - 32);
            bytes[at] = value;
        }
        seal(&mut bytes);
        let aligned = AlignedBytes::copy_from(&bytes);
        if let Ok(catalog) = Catalog::open(aligned.as_bytes()) {
            prop_assert!(look_at_all(&catalog) > 0);
        }
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..600), magic in any::<bool>()) {
        let mut bytes = bytes;
        if magic && bytes.len() >= 12 {
            bytes[..12].copy_from_slice(&WHOLE[..12]);
        }
        prop_assert!(Catalog::open(AlignedBytes::copy_from(&bytes).as_bytes()).is_err());
    }
}

/// Writes the checksum that `bytes` should have: the definition, restated.
fn seal(bytes: &mut [u8]) {
    let step = |lane: u64, word: u64| (lane ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let words: Vec<u64> =
        bytes[32..].chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
    let blocks = words.len() / 4 * 4;
    let mut lanes = [1_u64, 3, 5, 7];
    for (at, &word) in words[..blocks].iter().enumerate() {
        lanes[at % 4] = step(lanes[at % 4], word);
    }
    let length = (bytes.len() - 32) as u64;
    let sum = words[blocks..].iter().chain(&lanes).chain([&length]).fold(9, |sum, &word| step(sum, word));
    bytes[24..32].copy_from_slice(&sum.to_le_bytes());
}

#[test]
fn sealing_is_what_the_store_does() {
    let mut bytes = WHOLE.clone();
    bytes[24..32].fill(0);
    seal(&mut bytes);
    assert_eq!(bytes, *WHOLE);
}

#[test]
fn an_index_out_of_its_table_is_found() {
    let mut bytes = WHOLE.clone();
    // The place column: section 17 of the header's table.
    let entry = 96 + 16 * 17;
    let offset = u64::from_le_bytes(bytes[entry..entry + 8].try_into().unwrap());
    let offset = usize::try_from(offset).unwrap();
    bytes[offset..offset + 2].copy_from_slice(&[0xff, 0xff]);
    seal(&mut bytes);
    let refused = Catalog::open(AlignedBytes::copy_from(&bytes).as_bytes()).unwrap_err();
    assert_eq!(refused, OpenError::Inconsistent { what: "place column" });
}

#[test]
fn another_version_is_named() {
    let mut bytes = WHOLE.clone();
    bytes[8] += 1;
    let refused = Catalog::open(AlignedBytes::copy_from(&bytes).as_bytes()).unwrap_err();
    assert_eq!(refused, OpenError::OtherVersion { found: SCHEMA_VERSION + 1, expected: SCHEMA_VERSION });
    assert_eq!(Catalog::open(b"PK\x03\x04").unwrap_err(), OpenError::NotACatalog);
}

#[test]
fn a_shifted_buffer_is_refused() {
    let mut shifted = vec![0_u8; 4];
    shifted.extend_from_slice(&WHOLE);
    let shifted = AlignedBytes::copy_from(&shifted);
    assert_eq!(Catalog::open(&shifted.as_bytes()[4..]).unwrap_err(), OpenError::Misaligned);
}

#[test]
fn an_empty_catalog_opens() {
    let bytes = build(&[]);
    let catalog = Catalog::open(bytes.as_bytes()).unwrap();
    assert!(catalog.is_empty());
    assert_eq!(catalog.place_count(), 0);
    assert_eq!(catalog.digest().len(), 64);
    assert_eq!(look_at_all(&catalog), 64);
}

#[test]
fn offers_are_grouped_by_place_in_order() {
    let catalog = Catalog::open(Box::leak(Box::new(AlignedBytes::copy_from(&WHOLE))).as_bytes()).unwrap();
    let columns = catalog.columns();
    assert!(columns.place.is_sorted());
    let names: Vec<_> = catalog.places().map(|(_, place)| (place.provider, place.region)).collect();
    assert!(names.is_sorted());
    assert_eq!(catalog.place(PlaceId(0)).provider, names[0].0);
}
