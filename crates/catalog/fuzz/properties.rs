//! What must hold for any bytes at all. Run by the fuzz targets, and by a plain test over mutated examples.

use welkin_catalog::import::{MAX_KEPT, Origin, import};
use welkin_catalog::tables::Tables;
use welkin_catalog::{AlignedBytes, Catalog, CatalogBuilder};

/// A column file, as it is and with the length and the checksum that it should have: refused, or readable throughout.
pub(crate) fn catalog(bytes: &[u8]) {
    look(bytes);
    let mut sealed = bytes.to_vec();
    if sealed.len() >= HEADER {
        let length = sealed.len() as u64;
        sealed[LENGTH_AT..LENGTH_AT + 8].copy_from_slice(&length.to_le_bytes());
        seal(&mut sealed);
        look(&sealed);
    }
}

fn look(bytes: &[u8]) {
    let aligned = AlignedBytes::copy_from(bytes);
    let Ok(catalog) = Catalog::open(aligned.as_bytes()) else { return };
    let mut seen = catalog.digest().len();
    for (id, place) in catalog.places() {
        seen += place.provider.len() + catalog.certs(id).count() + usize::from(catalog.restricted(id));
    }
    for offer in catalog.offers() {
        seen += format!("{offer:?}").len();
    }
    assert!(seen > 0);
}

/// A price list of each provider whose lists are read in a way of their own: refused, or rows that a catalog takes, each
/// with a price that is one.
pub(crate) fn price_list(bytes: &[u8]) {
    for provider in ["aws", "azure", "gcp", "nobody"] {
        let origin = Origin { provider, file: "vms.csv", as_of: "2026-05-20" };
        let Ok(imported) = import(bytes, &origin, Tables::embedded()) else { continue };
        assert!(imported.quarantined.len() <= MAX_KEPT);
        let counted: u32 = imported.counts.values().sum();
        assert!(counted as usize >= imported.quarantined.len(), "{:?}", imported.counts);
        let mut builder = CatalogBuilder::new();
        for row in &imported.rows {
            let prices = [row.on_demand, row.spot];
            assert!(prices.iter().flatten().all(|price| price.nanos() >= 0), "{row:?}");
            assert!(prices.iter().any(Option::is_some), "{row:?}");
            builder.push(row).expect("what was imported can be kept");
        }
        let built = AlignedBytes::copy_from(&builder.finish());
        Catalog::open(built.as_bytes()).expect("what was built can be opened");
    }
}

/// As `src/store/layout.rs` has it: what is before the sections' table is there.
const HEADER: usize = 96;
const LENGTH_AT: usize = 16;
const CHECKSUM_AT: usize = 24;
const SUMMED_FROM: usize = 32;

/// Writes the checksum that `bytes` should have: the definition, restated.
pub(crate) fn seal(bytes: &mut [u8]) {
    let step = |lane: u64, word: u64| (lane ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let word = |part: &[u8]| {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        u64::from_le_bytes(word)
    };
    let summed = &bytes[SUMMED_FROM..];
    let blocks = summed.len() / 32 * 32;
    let mut lanes = [1_u64, 3, 5, 7];
    for (at, part) in summed[..blocks].chunks(8).enumerate() {
        lanes[at % 4] = step(lanes[at % 4], word(part));
    }
    let sum = summed[blocks..].chunks(8).fold(9, |sum, part| step(sum, word(part)));
    let sum = lanes.iter().fold(sum, |sum, lane| step(sum, *lane));
    let sum = step(sum, summed.len() as u64);
    bytes[CHECKSUM_AT..CHECKSUM_AT + 8].copy_from_slice(&sum.to_le_bytes());
}
