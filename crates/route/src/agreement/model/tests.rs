//! Files, signatures, and which agreements count.

use super::super::signature::TrustedKeys;
use super::super::terms::{Charge, Facts, Traffic, in_force};
use super::*;
use ed25519_dalek::{Signer, SigningKey};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use welkin_catalog::tables::Tables;
use welkin_units::Bytes;

const PLAIN: &str = r#"{"id": "ab", "version": 1, "parties": ["aws", "gcp"], "kind": "peering-free",
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

fn trusted() -> TrustedKeys {
    let public = |seed| vec![hex(key(seed).verifying_key().as_bytes())];
    [("aws", 1), ("gcp", 2)].into_iter().map(|(party, seed)| (party.to_owned(), public(seed))).collect()
}

fn sign(agreement: &mut Agreement, signers: &[(&str, u8)]) {
    let message = agreement.signable();
    for (party, seed) in signers {
        agreement.signatures.insert((*party).to_owned(), hex(&key(*seed).sign(&message).to_bytes()));
    }
}

/// A file with one agreement, signed by those given.
fn file(agreement: &str, signers: &[(&str, u8)]) -> AgreementFile {
    let text = format!(r#"{{"schema": "{SCHEMA}", "agreements": [{agreement}]}}"#);
    let mut file = AgreementFile::parse(&text).unwrap();
    assert!(file.unread.is_empty(), "{:?}", file.unread);
    sign(&mut file.agreements[0], signers);
    file
}

fn verdict(file: &AgreementFile, today: &str, declared: &[&str], traffic: Traffic) -> Result<Charge, String> {
    verdict_of(&trusted(), file, today, declared, traffic)
}

fn verdict_of(
    keys: &TrustedKeys,
    file: &AgreementFile,
    today: &str,
    declared: &[&str],
    traffic: Traffic,
) -> Result<Charge, String> {
    let facts = Facts {
        keys,
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
    let unknown = verdict_of(&TrustedKeys::new(), &file(PLAIN, BOTH), "2026-06-01", &[], NONE);
    assert_eq!(unknown.unwrap_err(), "no key of aws is trusted");
    // A provider that changes its key has two for a while.
    let mut two = trusted();
    two.get_mut("gcp").unwrap().insert(0, hex(key(9).verifying_key().as_bytes()));
    assert!(verdict_of(&two, &file(PLAIN, BOTH), "2026-06-01", &[], NONE).is_ok());
}

#[test]
fn a_change_after_signing_shows() {
    let changes: [fn(&mut Agreement); 7] = [
        |a| a.version += 1,
        |a| a.scope[0].to = "gcp/*".to_owned(),
        |a| a.until = "2028-01-01".to_owned(),
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
    // What nobody has counted is not taken for nothing.
    let facts = Facts {
        keys: &trusted(),
        today: "2026-06-01",
        declared: &BTreeSet::new(),
        traffic: &BTreeMap::new(),
        size: Bytes::from_gb(1),
    };
    let (_, ignored) = in_force(&capped, &facts);
    assert!(ignored[0].reason.contains("nothing says how much"), "{ignored:?}");
}

/// All agreements with their charges per gigabyte in nano-dollars, and why the others do not count.
fn standing(file: &AgreementFile, keys: &TrustedKeys) -> (Vec<(u32, String)>, Vec<String>) {
    let facts = Facts {
        keys,
        today: "2026-06-01",
        declared: &BTreeSet::new(),
        traffic: &BTreeMap::new(),
        size: Bytes::from_gb(1),
    };
    let (terms, ignored) = in_force(file, &facts);
    let terms = terms.into_iter().map(|terms| (terms.version, terms.parties.join("+"))).collect();
    (terms, ignored.into_iter().map(|ignored| ignored.reason).collect())
}

/// The agreement in another version.
fn version(number: u32, signers: &[(&str, u8)]) -> Agreement {
    let mut agreement = file(PLAIN, &[]).agreements.remove(0);
    agreement.version = number;
    sign(&mut agreement, signers);
    agreement
}

#[test]
fn of_the_versions_that_both_signed_the_highest_counts() {
    let agreements = vec![version(2, BOTH), version(3, BOTH), version(1, BOTH), version(4, &[("aws", 1)])];
    let file = AgreementFile { agreements, ..AgreementFile::default() };
    let (terms, ignored) = standing(&file, &trusted());
    assert_eq!(terms, [(3, "aws+gcp".to_owned())]);
    assert_eq!(
        ignored.iter().filter(|reason| reason.starts_with("version 3 replaces")).count(),
        2,
        "{ignored:?}"
    );
    // One that ended does not bring back the one before it.
    let mut ended = version(5, &[]);
    ended.until = "2026-02-01".to_owned();
    sign(&mut ended, BOTH);
    let file = AgreementFile { agreements: vec![version(4, BOTH), ended], ..AgreementFile::default() };
    assert!(standing(&file, &trusted()).0.is_empty());
    // Nor does one of two that were signed as the same version.
    let mut other = version(2, &[]);
    other.effective = "2026-01-02".to_owned();
    sign(&mut other, BOTH);
    let file = AgreementFile { agreements: vec![version(2, BOTH), other], ..AgreementFile::default() };
    let (terms, ignored) = standing(&file, &trusted());
    assert!(terms.is_empty() && ignored[0].contains("2 different agreements as version 2"), "{ignored:?}");
}

#[test]
fn a_party_takes_back_what_it_signed_and_nobody_else_does() {
    let revoked = |by: &str, seed: u8, number: u32, parties: [&str; 2]| {
        let mut revocation = Revocation {
            id: "ab".to_owned(),
            version: number,
            parties: parties.map(str::to_owned),
            by: by.to_owned(),
            signature: String::new(),
        };
        revocation.signature = hex(&key(seed).sign(&revocation.signable()).to_bytes());
        let agreements = vec![version(2, BOTH)];
        let file = AgreementFile { agreements, revocations: vec![revocation], ..AgreementFile::default() };
        let mut keys = trusted();
        keys.insert("azure".to_owned(), vec![hex(key(3).verifying_key().as_bytes())]);
        standing(&file, &keys).0.is_empty()
    };
    assert!(revoked("gcp", 2, 2, ["aws", "gcp"]));
    assert!(revoked("aws", 1, 7, ["gcp", "aws"]), "the order of the parties says nothing");
    assert!(!revoked("gcp", 2, 1, ["aws", "gcp"]), "an older version");
    assert!(!revoked("gcp", 3, 2, ["aws", "gcp"]), "another's signature");
    assert!(!revoked("azure", 3, 2, ["aws", "gcp"]), "no party");
    assert!(!revoked("azure", 3, 2, ["aws", "azure"]), "another agreement of that name");
}

/// Two parties that are no providers, with keys of their own, agreed that everybody's transfers are free.
#[test]
fn nobody_agrees_on_what_others_charge() {
    for (from, to) in [("*/*", "*/*"), ("aws/*", "azure/*"), ("aw*/*", "gcp/*"), ("aws/*", "[g]cp/*")] {
        let text = PLAIN.replace("aws/us-*", from).replace("gcp/@north_america", to);
        let text = format!(r#"{{"schema": "{SCHEMA}", "agreements": [{text}]}}"#);
        let file = AgreementFile::parse(&text).unwrap();
        assert!(file.agreements.is_empty(), "{from} {to}");
        assert!(file.unread[0].1.contains("its scope speaks for"), "{:?}", file.unread);
    }
    let party = PLAIN.replace("\"gcp\"", "\"*\"");
    let text = format!(r#"{{"schema": "{SCHEMA}", "agreements": [{party}]}}"#);
    assert!(AgreementFile::parse(&text).unwrap().unread[0].1.contains("is not the name of a provider"));
}

#[test]
fn a_file_that_brings_its_own_keys_is_refused() {
    let keys = format!(r#"{{"schema": "{SCHEMA}", "keys": {{"aws": "00"}}, "agreements": []}}"#);
    assert!(AgreementFile::parse(&keys).unwrap_err().contains("unknown field `keys`"));
    let old = r#"{"schema": "welkin.agreements/v1", "keys": {}, "agreements": []}"#;
    assert!(AgreementFile::parse(old).unwrap_err().contains("whose keys are trusted"));
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
        (", \"until\": \"2027-01-01\"", "", "missing field `until`"),
        ("2027-01-01", "2026-01-01", "before it begins"),
        ("\"version\": 1, ", "", "missing field `version`"),
        ("\"version\": 1", "\"version\": 0", "versions begin at 1"),
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
