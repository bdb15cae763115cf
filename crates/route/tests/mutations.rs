//! The fuzz targets' properties on mutations of sound files, on any toolchain.
#![expect(clippy::expect_used, reason = "a property that does not hold says so")]

#[path = "../fuzz/properties.rs"]
mod properties;

use proptest::prelude::*;
use welkin_mutate::{mutations, seed};

const AGREEMENTS: &str = r#"{"schema": "welkin.agreements/v2", "agreements": [{"id": "ab", "version": 3,
    "parties": ["aws", "gcp"], "kind": "settlement", "scope": [{"from": "aws/us-*;@europe", "to": "gcp/*"}],
    "reciprocal": true, "price": {"per_gb": [{"up_to_gb": 10, "usd": "0"}, {"usd": "0.01"}]}, "ratio_cap": 2.5,
    "conditions": {"within": ["eu"], "declared": ["x"]}, "effective": "2026-01-01", "until": "2027-01-01",
    "signatures": {"aws": "00", "gcp": "ff"}},
    {"id": "c", "version": 1, "parties": ["aws", "gcp"], "kind": "customer-link",
    "scope": [{"from": "aws/*", "to": "gcp/*"}],
    "price": {"capacity": {"rate": "500 Mbit/s", "usd_per_hour": "2", "units": 3}},
    "effective": "2026-01-01", "until": "2027-01-01"}],
    "revocations": [{"id": "ab", "version": 2, "parties": ["aws", "gcp"], "by": "gcp", "signature": "00"}]}"#;
const GRID: &str = "# welkin grid v1
from,to,bits_per_s,bits_per_s_one_connection,rtt_ms,connections,taken_at
aws:us-east-1,gcp:us-central1,5000000000,90000000,12.5,64,2026-11-20T08:00:00Z
aws:us-east-1,azure:eastus,1000,,,,
azure:eastus,gcp:us-central1,1e11,,,8,
";
const PUBLISHED: &str = "src_region,src_tier,dst_region,dst_tier,throughput_sent_bits_per_second
aws:us-east-1,PREMIUM,gcp:us-central1-a,PREMIUM,4.1e9
gcp:us-central1-a,PREMIUM,aws:us-east-1,STANDARD,1e9
";

type Check = (fn(&[u8]), &'static str);
const CHECKS: [Check; 3] =
    [(properties::agreements, AGREEMENTS), (properties::grid, GRID), (properties::grid, PUBLISHED)];

#[test]
fn sound_examples_hold() {
    for (check, example) in CHECKS {
        seed(example.as_bytes());
        (0..=example.len()).for_each(|end| check(&example.as_bytes()[..end]));
    }
}

proptest! {
    #[test]
    fn mutated_examples_hold(mutation in mutations()) {
        for (check, example) in CHECKS {
            check(&mutation.of(example.as_bytes()));
        }
    }
}
