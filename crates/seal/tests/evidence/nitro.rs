//! AWS Nitro Enclaves.

use crate::recorded::{accepted, cut_everywhere, find, read};
use welkin_seal::{ChainError, Evidence, EvidenceError, Expected, GuestError, Kind, Outcome, Policy};

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

#[test]
fn what_a_security_module_gives_is_about_the_bytes_that_were_asked_with() {
    let test = "what_a_security_module_gives_is_about_the_bytes_that_were_asked_with";
    let Some(evidence) = document(test) else { return };
    let answer = |document: &[u8]| {
        let head = b"\xa1\x6bAttestation\xa1\x68document\x59";
        let length = u16::try_from(document.len()).unwrap().to_be_bytes();
        [&head[..], &length, document].concat()
    };
    let of = |document: &[u8]| Evidence::of_nitro(&answer(document), &[7; 64]);
    // The recorded one has no user data: nobody asked with any.
    assert_eq!(of(&evidence.body), Err(GuestError::Other(Kind::Nitro)));
    // One that has them in the place of nothing, which AWS did not sign so.
    let at = evidence.body.windows(10).position(|part| part == b"user_data\xf6").unwrap() + 9;
    let bound = [&[0x58, 64][..], &[7; 64]].concat();
    let mut document = [&evidence.body[..at], &bound, &evidence.body[at + 1..]].concat();
    let payload = u16::from_be_bytes([document[8], document[9]]) + 65;
    document[8..10].copy_from_slice(&payload.to_be_bytes());
    let given = of(&document).unwrap();
    assert_eq!((given.kind, &given.body), (Kind::Nitro, &document));
    assert_eq!(given.verify(NOW), Err(EvidenceError::Signature("the document")));
    assert_eq!(
        Evidence::of_nitro(&answer(&document), &[8; 64]),
        Err(GuestError::Other(Kind::Nitro)),
        "somebody else's"
    );
    for length in (0..answer(&document).len()).step_by(7) {
        assert!(Evidence::of_nitro(&answer(&document)[..length], &[7; 64]).is_err(), "cut at {length}");
    }
}
