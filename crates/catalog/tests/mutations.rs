//! The fuzz targets' properties on mutations of sound files, on any toolchain.
#![expect(clippy::expect_used, reason = "a property that does not hold says so")]

#[path = "../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use std::sync::LazyLock;
use welkin_catalog::{CatalogBuilder, starter};
use welkin_mutate::{mutations, seed};

const PRICES: &str = "InstanceType,vCPUs,MemoryGiB,AcceleratorName,AcceleratorCount,GpuInfo,Region,AvailabilityZone,Price,SpotPrice
m1,4,16,,,,us-east-1,us-east-1a,0.2,0.1
g1,8,64.5,A100,8,\"{'Gpus': [{'Name': 'A100', 'MemoryInfo': {'SizeInMiB': 40960}}]}\",eu-west-1,,32.77,
TPU-VM,,,tpu-v5e-8,1,,us-central1,us-central1-a,9.6,4.8
";

static CATALOG: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut builder = CatalogBuilder::new();
    for row in starter::rows().into_iter().step_by(200) {
        builder.push(&row).expect("the starter fits");
    }
    builder.finish()
});

type Check = (fn(&[u8]), &'static [u8]);

fn checks() -> [Check; 2] {
    [(properties::catalog, &CATALOG), (properties::price_list, PRICES.as_bytes())]
}

#[test]
fn sound_examples_hold() {
    let mut sealed = CATALOG.clone();
    sealed[24..32].fill(0);
    properties::seal(&mut sealed);
    assert_eq!(sealed, *CATALOG, "sealing is what the store does");
    for (check, example) in checks() {
        seed(example);
        (0..=example.len()).step_by(1 + example.len() / 500).for_each(|end| check(&example[..end]));
    }
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations()) {
        for (check, example) in checks() {
            check(&mutation.of(example));
        }
    }
}
