//! Files, signatures, and which agreements count.

use super::super::terms::{Charge, Facts, Traffic, in_force};
use super::*;
use ed25519_dalek::{Signer, SigningKey};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use welkin_catalog::tables::Tables;
use welkin_units::Bytes;

const PLAIN: &str = r#"{"id": "ab", "parties": ["aws", "gcp"], "kind": "peering-free",
    "scope": [{"from": "aws/us-*", "to": "gcp/@north_america"}], "reciprocal": true,
    "price": {"per_gb": [{"usd": "0"}]}, "effective": "2026-01-01", "until": "2027-01-01"}"#;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A file with one agreement, signed by those given.
fn file(agreement: &str, signers: &[(&str, u8)]) -> AgreementFile {
    let text = format!(r#"{{"schema": "{SCHEMA}", "agreements": [{agreement}]}}"#);
    let mut file = AgreementFile::parse(&text).unwrap();
    assert!(file.unread.is_empty(), "{:?}", file.unread);
    let message = file.agreements[0].signable();
    for (party, seed) in signers {
        let signature = hex(&key(*seed).sign(&message).to_bytes());
        file.agreements[0].signatures.insert((*party).to_owned(), signature);
    }
    for (party, seed) in [("aws", 1), ("gcp", 2)] {
        file.keys.insert(party.to_owned(), hex(key(seed).verifying_key().as_bytes()));
    }
    file
}

fn verdict(file: &AgreementFile, today: &str, declared: &[&str], traffic: Traffic) -> Result<Charge, String> {
    let facts = Facts {
        today,
        declared: &declared.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>(),
        traffic: &BTreeMap::from([("ab".to_owned(), traffic)]),
        size: Bytes::from_gb(100),
    };
    let (terms, ignored) = in_force(file, &facts);
    assert_eq!(terms.len() + ignored.len(), 1);
    terms.into_iter().next().map(|terms| terms.charge).ok_or_else(|| ignored[0].reason.clone())
}

const BOTH: &[(&str, u8)] = &[("aws", 1), ("gcp", 2)];
const NONE: Traffic = Traffic { sent: Bytes::ZERO, received: Bytes::ZERO };

#[test]
fn only_what_both_signed_counts() {
    let check = |signers: &[(&str, u8)]| verdict(&file(PLAIN, signers), "2026-06-01", &[], NONE);
    assert!(matches!(check(BOTH), Ok(Charge::PerGb(tariff)) if tariff.is_free()));
    assert_eq!(check(&[]).unwrap_err(), "aws has not signed");
    assert_eq!(check(&[("aws", 1)]).unwrap_err(), "gcp has not signed");
    assert_eq!(check(&[("aws", 1), ("gcp", 1)]).unwrap_err(), "the signature of gcp does not fit");
    let mut unknown = file(PLAIN, BOTH);
    unknown.keys.clear();
    assert!(verdict(&unknown, "2026-06-01", &[], NONE).unwrap_err().contains("no key"));
}

#[test]
fn a_change_after_signing_shows() {
    let changes: [fn(&mut Agreement); 6] = [
        |a| a.scope[0].to = "gcp/*".to_owned(),
        |a| a.until = None,
        |a| a.reciprocal = false,
        |a| a.price = Price::PerGb(vec![Step { up_to_gb: None, usd: Usd::from_nanos(1) }]),
        |a| a.conditions.within.push("eu".to_owned()),
        |a| a.id.push('x'),
    ];
    for change in changes {
        let mut file = file(PLAIN, BOTH);
        change(&mut file.agreements[0]);
        assert!(verdict(&file, "2026-06-01", &[], NONE).unwrap_err().contains("does not fit"));
    }
}

#[test]
fn days_statements_and_ratios_are_held() {
    let signed = file(PLAIN, BOTH);
    for (day, counts) in
        [("2025-12-31", false), ("2026-01-01", true), ("2026-12-31", true), ("2027-01-01", false)]
    {
        assert_eq!(verdict(&signed, day, &[], NONE).is_ok(), counts, "{day}");
    }
    let declared = PLAIN.replacen('{', r#"{"conditions": {"declared": ["same-organisation"]},"#, 1);
    let declared = file(&declared, BOTH);
    assert!(verdict(&declared, "2026-06-01", &[], NONE).is_err());
    assert!(verdict(&declared, "2026-06-01", &["same-organisation"], NONE).is_ok());
    let capped = file(&PLAIN.replacen('{', r#"{"ratio_cap": 2,"#, 1), BOTH);
    let traffic = |received| Traffic { sent: Bytes::from_gb(100), received: Bytes::from_gb(received) };
    assert!(verdict(&capped, "2026-06-01", &[], traffic(99)).is_err());
    assert!(verdict(&capped, "2026-06-01", &[], traffic(100)).is_ok());
}

#[test]
fn scope_and_conditions_choose_pairs() {
    let site = |name: &str| Site::known(name.parse().unwrap(), Tables::embedded());
    let (virginia, iowa, tokyo) =
        (site("aws:us-east-1"), site("gcp:us-central1"), site("gcp:asia-northeast1"));
    let covers = |extra: &str, from: &Site, to: &Site| {
        file(&PLAIN.replacen('{', extra, 1), &[]).agreements[0].covers(from, to)
    };
    assert!(covers("{", &virginia, &iowa) && covers("{", &iowa, &virginia));
    assert!(!covers("{", &virginia, &tokyo) && !covers("{", &iowa, &tokyo));
    assert!(covers(r#"{"conditions": {"within": ["us"]},"#, &virginia, &iowa));
    assert!(!covers(r#"{"conditions": {"within": ["eu", "uk"]},"#, &virginia, &iowa));
}

#[test]
fn what_cannot_be_read_is_set_aside() {
    for (from, to, reason) in [
        ("\"ab\"", "\"\"", "id"),
        ("\"gcp\"]", "\"aws\"]", "same"),
        ("2026-01-01", "yesterday", "day"),
        ("\"reciprocal\": true", "\"reciprocal\": false", "reciprocal"),
        ("aws/us-*", "aws", "PROVIDER/PLACES"),
        ("\"kind\"", "\"sort\"", "unknown field"),
        ("@north_america", "@atlantis", "continent"),
        ("peering-free", "customer-link", "capacity"),
    ] {
        let broken = PLAIN.replacen(from, to, 1);
        let text = format!(r#"{{"schema": "{SCHEMA}", "agreements": [{broken}, {PLAIN}]}}"#);
        let file = AgreementFile::parse(&text).unwrap();
        assert_eq!((file.unread.len(), file.agreements.len()), (1, 1), "{reason}");
        assert!(file.unread[0].1.contains(reason), "{} for {reason}", file.unread[0].1);
    }
    assert!(AgreementFile::parse("[]").is_err());
    assert!(AgreementFile::parse(r#"{"schema": "x", "agreements": []}"#).is_err());
}
