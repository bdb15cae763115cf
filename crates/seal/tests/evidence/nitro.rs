//! AWS Nitro Enclaves.

use crate::recorded::{accepted, cut_everywhere, find, read};
use welkin_seal::{ChainError, Evidence, EvidenceError, Expected, Kind, Outcome, Policy};

/// The certificate of the enclave lasts three hours.
const NOW: u64 = 1_736_179_625;

fn document(test: &str) -> Option<Evidence> {
    let bytes = read(&find(test)?, "nitro_attest-0.2.0/tests/fixtures/attestation.cose");
    Some(Evidence::read(&bytes).unwrap())
}

#[test]
fn a_document_says_what_it_measured() {
    let Some(evidence) = document("a_document_says_what_it_measured") else { return };
    let claims = evidence.verify(NOW).unwrap();
    assert_eq!((claims.kind, claims.chain.len(), claims.debug), (Kind::Nitro, 5, false));
    assert_eq!(format!("{:?}", claims.measurements["pcr0"])[..16], *"8bb159f202bb95d6");
    assert_eq!(claims.measurements.len(), 16);
}

#[test]
fn no_byte_of_a_document_can_be_changed() {
    let Some(evidence) = document("no_byte_of_a_document_can_be_changed") else { return };
    let with = |body| Evidence { body, ..evidence.clone() };
    // Certificates and signature are part of it.
    assert_eq!(accepted(&evidence.body, with, NOW), Vec::<usize>::new());
    cut_everywhere(&evidence.body, with, NOW);
    let longer = [&evidence.body[..], &[0]].concat();
    assert!(with(longer).verify(NOW).is_err());
}

#[test]
fn a_document_has_its_hours() {
    let Some(evidence) = document("a_document_has_its_hours") else { return };
    for now in [NOW - 6 * 3600, NOW + 6 * 3600] {
        assert!(matches!(evidence.verify(now), Err(EvidenceError::Chain(ChainError::Time { .. }))), "{now}");
    }
}

#[test]
fn a_nonce_has_a_field_of_its_own() {
    let Some(evidence) = document("a_nonce_has_a_field_of_its_own") else { return };
    let claims = evidence.verify(NOW).unwrap();
    let policy = format!(
        "schema = 'welkin.policy/1'\n[nitro]\nmeasurements.pcr0 = ['{:?}']",
        claims.measurements["pcr0"]
    );
    let policy = Policy::read(&policy).unwrap();
    let nonce = claims.nonce.clone().unwrap().0;
    let fresh = |nonce: Vec<u8>| {
        let verdict = policy.judge(&claims, &Expected::Nonce(nonce));
        verdict.checks.iter().all(|check| check.rule != "freshness" || check.outcome == Outcome::Passed)
    };
    assert_eq!(fresh(nonce.clone()), !nonce.is_empty());
    assert!(!fresh(vec![1, 2, 3]));
}
