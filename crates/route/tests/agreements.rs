//! What signed agreements do to a plan.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

use ed25519_dalek::{Signer, SigningKey};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use welkin_catalog::tables::Tables;
use welkin_route::{
    AgreementFile, Anywhere, Facts, Gateways, Medium, Objective, Question, Rates, RoutePlan, SiteId, Tariffs,
    Terms, TrustedKeys, Wan, in_force, plan_route,
};
use welkin_units::{BitsPerSecond, Bytes, Usd};

const FROM: &str = "aws:us-east-1";
const TO: &str = "gcp:us-east4";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// An agreement between two providers, signed by both and in force.
fn terms(kind: &str, scope: (&str, &str), price: &str) -> Vec<Terms> {
    let (from, to) = scope;
    let text = format!(
        r#"{{"schema": "welkin.agreements/v2", "agreements": [{{"id": "ab", "version": 3, "parties": ["aws", "gcp"],
        "kind": "{kind}", "scope": [{{"from": "{from}", "to": "{to}"}}], "reciprocal": true,
        "price": {price}, "effective": "2026-01-01", "until": "2027-01-01"}}]}}"#
    );
    let mut file = AgreementFile::parse(&text).unwrap();
    assert!(file.unread.is_empty(), "{:?}", file.unread);
    let mut keys = TrustedKeys::new();
    for (party, seed) in [("aws", 1), ("gcp", 2)] {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let signature = hex(&key.sign(&file.agreements[0].signable()).to_bytes());
        file.agreements[0].signatures.insert(party.to_owned(), signature);
        keys.insert(party.to_owned(), vec![hex(key.verifying_key().as_bytes())]);
    }
    let facts = Facts {
        keys: &keys,
        today: "2026-06-01",
        declared: &BTreeSet::new(),
        traffic: &BTreeMap::new(),
        size: Bytes::from_gb(1),
    };
    let (terms, ignored) = in_force(&file, &facts);
    assert!(ignored.is_empty(), "{ignored:?}");
    terms
}

fn starter() -> Wan {
    Wan::starter(&Rates::builtin(), &Tariffs::builtin(), &Gateways::builtin(), Tables::embedded())
}

fn plan(wan: &Wan, objective: Objective, terms: &[Terms], gb: u64) -> RoutePlan {
    let at = |name: &str| -> SiteId { wan.find(&name.parse().unwrap()).unwrap() };
    let question = Question {
        wan,
        from: at(FROM),
        to: &[at(TO)],
        size: Bytes::from_gb(gb),
        objective,
        max_vms: 1,
        relays: &Anywhere,
        month_to_date: &BTreeMap::new(),
        terms,
        stores: &[],
    };
    plan_route(&question).unwrap()
}

#[test]
fn free_peering_spares_the_egress_and_says_how_much() {
    let wan = starter();
    let free = terms("peering-free", ("aws/us-*", "gcp/@north_america"), r#"{"per_gb": [{"usd": "0"}]}"#);
    let (with, without) = (
        plan(&wan, Objective::Cheapest(None), &free, 1000),
        plan(&wan, Objective::Cheapest(None), &[], 1000),
    );
    assert_eq!(with.egress, Usd::ZERO);
    assert_eq!(with.hops[0].agreement.as_deref(), Some("ab"));
    // 100 GB of a month are free anyway, the rest costs 0.09.
    assert_eq!(without.egress, Usd::from_cents(8100));
    assert_eq!(with.savings[0].saved, Usd::from_cents(8100));
    // By whom it is, so that nobody takes a stranger's word for a price.
    assert_eq!(with.savings[0].parties, ["aws", "gcp"]);
    assert_eq!((with.savings[0].version, with.savings[0].until.as_str()), (3, "2027-01-01"));
}

#[test]
fn a_leased_line_is_taken_while_it_is_fast_enough() {
    let wan = starter();
    let line = r#"{"capacity": {"rate": "500 Mbit/s", "usd_per_hour": "0", "units": 1}}"#;
    let line = terms("customer-link", ("aws/us-east-1", "gcp/us-east4"), line);
    let at_rate = |mbit: u64| {
        let rate = BitsPerSecond::new(mbit * 1_000_000);
        plan(&wan, Objective::Cheapest(Some(rate)), &line, 1000)
    };
    let slow = at_rate(400);
    assert_eq!(slow.egress, Usd::ZERO);
    assert!(slow.hops.iter().all(|hop| hop.medium == Medium::Leased));
    assert_eq!(slow.rate, BitsPerSecond::new(500_000_000));
    // Faster than the line: it carries what it can, the internet the rest.
    let fast = at_rate(2000);
    let media: BTreeSet<Medium> = fast.hops.iter().map(|hop| hop.medium).collect();
    assert_eq!(media, BTreeSet::from([Medium::Leased, Medium::Network]));
    assert_eq!(fast.hops[0].rate.get() + fast.hops[1].rate.get(), fast.rate.get());
    let leased = fast.hops.iter().find(|hop| hop.medium == Medium::Leased).unwrap();
    assert_eq!(leased.rate, BitsPerSecond::new(500_000_000));
    assert!(fast.savings[0].saved > Usd::ZERO);
}

#[test]
fn an_hourly_price_is_weighed_against_the_gigabytes() {
    let wan = starter();
    let line = |hourly: &str| {
        let price =
            format!(r#"{{"capacity": {{"rate": "2 Gbit/s", "usd_per_hour": "{hourly}", "units": 1}}}}"#);
        let line = terms("customer-link", ("aws/us-east-1", "gcp/us-east4"), &price);
        plan(&wan, Objective::Cheapest(Some(BitsPerSecond::from_gbit(2))), &line, 1000)
    };
    // 1,000 GB at 2 Gbit/s take 1.1 hours: 81 dollars of egress are a line at 73 dollars an hour.
    assert_eq!(line("50").hops[0].medium, Medium::Leased);
    assert_eq!(line("50").savings[0].saved.dollars().round(), 25.0);
    assert!(line("100").hops.iter().all(|hop| hop.medium == Medium::Network));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn an_agreement_never_makes_a_plan_dearer(
        nano in 0_i64..200_000_000, quota in 1_u64..5000, gb in 1_u64..20_000, gbit in 1_u64..5,
    ) {
        let wan = starter();
        let price = format!(
            r#"{{"per_gb": [{{"up_to_gb": {quota}, "usd": "0"}}, {{"usd": "0.{nano:09}"}}]}}"#
        );
        let agreed = terms("settlement", ("aws/*", "gcp/*"), &price);
        let objective = Objective::Cheapest(Some(BitsPerSecond::from_gbit(gbit)));
        let (with, without) = (plan(&wan, objective, &agreed, gb), plan(&wan, objective, &[], gb));
        prop_assert!(with.cost.dollars() <= without.cost.dollars() * (1.0 + 3e-4) + 1e-6, "{} {}", with.cost, without.cost);
        prop_assert!(with.savings.iter().all(|saving| saving.saved >= Usd::from_nanos(-1000)));
    }
}
