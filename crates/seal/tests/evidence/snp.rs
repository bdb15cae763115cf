//! AMD SEV-SNP.

use crate::recorded::{accepted, cut_everywhere, find, read};
use welkin_seal::{Binding, ChainError, Evidence, EvidenceError, Expected, Hex, Kind, Outcome, Policy};

/// Between the first and the last day of the certificates.
const NOW: u64 = 1_700_000_000;
const DATA: &str = "sev-8.0.0/tests/certs_data";

fn milan(test: &str) -> Option<Evidence> {
    let folder = find(test)?.join(DATA);
    let mut evidence = Evidence::read(&read(&folder, "report_milan.hex")).unwrap();
    evidence.add_certificates(&read(&folder, "cert_chain_milan")).unwrap();
    evidence.add_certificates(&read(&folder, "vcek_milan.der")).unwrap();
    Some(evidence)
}

#[test]
fn a_report_of_a_milan_says_what_it_measured() {
    let Some(evidence) = milan("a_report_of_a_milan_says_what_it_measured") else { return };
    let claims = evidence.verify(NOW).unwrap();
    assert_eq!((claims.kind, claims.root, claims.chain.len()), (Kind::SevSnp, "ARK-Milan", 3));
    assert_eq!(claims.tcb.components["microcode"], 115);
    assert_eq!(claims.measurements["measurement"].0.len(), 48);
    assert!(!claims.debug);
    assert_eq!(Evidence::read(&evidence.write()).unwrap(), evidence);
}

#[test]
fn no_byte_of_a_report_can_be_changed() {
    let Some(evidence) = milan("no_byte_of_a_report_can_be_changed") else { return };
    let with = |body| Evidence { body, ..evidence.clone() };
    assert_eq!(accepted(&evidence.body, with, NOW), Vec::<usize>::new());
    cut_everywhere(&evidence.body, with, NOW);
}

#[test]
fn no_byte_of_a_certificate_can_be_changed() {
    let Some(evidence) = milan("no_byte_of_a_certificate_can_be_changed") else { return };
    assert_eq!(evidence.certificates.len(), 3);
    for (at, certificate) in evidence.certificates.iter().enumerate() {
        let with = |changed| {
            let mut evidence = evidence.clone();
            evidence.certificates[at] = changed;
            evidence
        };
        assert_eq!(accepted(certificate, with, NOW), Vec::<usize>::new(), "certificate {at}");
    }
}

#[test]
fn a_certificate_of_another_time_chip_or_generation_is_refused() {
    let Some(evidence) = milan("a_certificate_of_another_time_chip_or_generation_is_refused") else { return };
    for now in [0, 1_600_000_000, 2_000_000_000] {
        assert!(matches!(evidence.verify(now), Err(EvidenceError::Chain(ChainError::Time { .. }))), "{now}");
    }
    let folder = find("").unwrap().join(DATA);
    let mut turin = Evidence { certificates: Vec::new(), ..evidence.clone() };
    turin.add_certificates(&read(&folder, "vcek_turin.der")).unwrap();
    turin.add_certificates(&read(&folder, "cert_chain_turin")).unwrap();
    // The chain is AMD's own, to the root of another generation, for another chip.
    assert_eq!(turin.verify(1_750_000_000), Err(EvidenceError::Mismatch("version of firmware")));
    let mut without = evidence.clone();
    without.certificates.pop();
    assert!(matches!(without.verify(NOW), Err(EvidenceError::Missing(_))));
    without.certificates = evidence.certificates[2..].to_vec();
    assert!(matches!(without.verify(NOW), Err(EvidenceError::Chain(ChainError::Issuer(_)))));
}

#[test]
fn a_policy_has_to_name_program_and_nonce() {
    let Some(evidence) = milan("a_policy_has_to_name_program_and_nonce") else { return };
    let claims = evidence.verify(NOW).unwrap();
    let refused = |policy: &str, expected: &Expected| {
        let verdict = Policy::read(policy).unwrap().judge(&claims, expected);
        let refused =
            verdict.checks.into_iter().filter(|check| check.outcome == welkin_seal::Outcome::Refused);
        refused.map(|check| check.rule).collect::<Vec<_>>()
    };
    let nonce = Expected::Nonce(claims.report_data.0.clone());
    assert_eq!(refused("schema = 'welkin.policy/1'", &Expected::Nothing), ["kind", "program", "freshness"]);
    assert_eq!(refused("schema = 'welkin.policy/1'\n[sev-snp]", &nonce), ["program"]);
    let measured = &claims.measurements["measurement"];
    let naming = |rest: &str| {
        format!("schema = 'welkin.policy/1'\n[sev-snp]\nmeasurements.measurement = ['{measured:?}']\n{rest}")
    };
    assert_eq!(refused(&naming(""), &nonce), <[&str; 0]>::default());
    assert_eq!(refused(&naming("minimum.microcode = 116"), &nonce), ["version of microcode"]);
    assert_eq!(refused(&naming("minimum.fmc = 0"), &nonce), ["version of fmc"]);
    assert_eq!(refused(&naming(""), &Expected::Nonce(vec![1])), ["freshness"]);
    assert_eq!(refused(&naming("measurements.host-data = ['00']"), &nonce), ["host-data"]);
}

/// A host's table of certificates as Linux hands it on: entries, zeros, certificates.
fn table(evidence: &Evidence, guids: &[&str]) -> Vec<u8> {
    let mut at = u32::try_from(24 * (guids.len() + 1)).unwrap();
    let (mut entries, mut certificates) = (Vec::new(), Vec::new());
    for (guid, certificate) in guids.iter().zip(&evidence.certificates) {
        let length = u32::try_from(certificate.len()).unwrap();
        entries.extend(welkin_seal::from_hex(guid).unwrap());
        entries.extend([at.to_le_bytes(), length.to_le_bytes()].concat());
        certificates.extend(certificate);
        at += length;
    }
    [entries, vec![0; 24], certificates].concat()
}

#[test]
fn what_linux_gives_a_guest_is_genuine_and_no_answer_to_another_question() {
    let test = "what_linux_gives_a_guest_is_genuine_and_no_answer_to_another_question";
    let Some(milan) = milan(test) else { return };
    let of = |table: &[u8]| Evidence::of_guest("sev_guest", milan.body.clone(), table).unwrap();
    // As the chain was read: authority, root, and the chip's key.
    let guids = [
        "4ab7b379bbac4fe4a02f05aef327c782",
        "c0b406a4a803495297433fb6014cd0ae",
        "63da758de6644564adc5f4b93be8accd",
    ];
    let table = table(&milan, &guids);
    let whole = of(&table);
    assert_eq!(whole, milan);
    let claims = whole.verify(NOW).unwrap();
    let measured = &claims.measurements["measurement"];
    let policy =
        format!("schema = 'welkin.policy/1'\n[sev-snp]\nmeasurements.measurement = ['{measured:?}']");
    let asked = Binding {
        nonce: Hex([1; 32]),
        key: Hex([2; 32]),
        signing: Hex([3; 32]),
        contract: Hex([4; 32]),
        place: None,
    };
    let verdict = Policy::read(&policy).unwrap().judge(&claims, &Expected::Binding(asked));
    let refused = verdict.checks.iter().filter(|check| check.outcome == Outcome::Refused);
    assert_eq!(refused.map(|check| check.rule.as_str()).collect::<Vec<_>>(), ["freshness"]);
    // A host without certificates leaves it to files; one that has the chip's key alone, in part.
    let mut bare = of(&[]);
    assert!(matches!(bare.verify(NOW), Err(EvidenceError::Missing(_))));
    let folder = find("").unwrap().join(DATA);
    bare.add_certificates(&read(&folder, "vcek_milan.der")).unwrap();
    bare.add_certificates(&read(&folder, "cert_chain_milan")).unwrap();
    assert_eq!(bare.verify(NOW).unwrap().digest, claims.digest);
}
