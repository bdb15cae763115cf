//! Azure's confidential machines. The published crate has pieces of three of them: reports with what the paravisor says, and a quote
//! of a TPM. Evidence that is whole is read where `WELKIN_AZURE_EVIDENCE` names a folder of what attesters wrote.

use crate::recorded::{accepted, cut_everywhere, find, read};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use std::path::{Path, PathBuf};
use welkin_seal::{Evidence, EvidenceError, Expected, Kind, Outcome, Policy};

/// Between the first and the last day of the certificates.
const NOW: u64 = 1_760_000_000;
const DATA: &str = "az-cvm-vtpm-0.8.2/test";
const MILAN: &str = "sev-8.0.0/tests/certs_data/cert_chain_milan";

/// What a TPM signed, its signature, and the values of its registers.
struct Quote {
    message: Vec<u8>,
    signature: Vec<u8>,
    registers: Vec<Vec<u8>>,
}

/// Lists behind their length, of bytes and at last of registers.
fn quote(bytes: &[u8]) -> Quote {
    let mut rest = bytes;
    let mut length = || {
        let (length, behind) = rest.split_first_chunk::<8>().unwrap();
        let (list, after) =
            behind.split_at_checked(u64::from_le_bytes(*length) as usize).unwrap_or((behind, &[]));
        rest = after;
        list
    };
    let (signature, message, values) =
        (length().to_vec(), length().to_vec(), &bytes[bytes.len() - 24 * 32..]);
    Quote { message, signature, registers: values.chunks(32).map(<[u8]>::to_vec).collect() }
}

/// What an attester writes of these.
fn attested(envelope: &[u8], quote: &Quote) -> Vec<u8> {
    let hex = |bytes: &Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let registers: Vec<String> = quote.registers.iter().map(hex).collect();
    let json = serde_json::json!({
        "version": 1,
        "hcl_report": URL_SAFE_NO_PAD.encode_to_string(envelope),
        "tpm_quote": { "message": hex(&quote.message), "signature": hex(&quote.signature), "pcrs": registers },
        "vcek": "AAAA",
    });
    json.to_string().into_bytes()
}

/// An envelope with another text, and with the text's hash in its report.
fn with_text(envelope: &[u8], text: &[u8]) -> Vec<u8> {
    let mut changed = envelope[..1236].to_vec();
    changed[112..144].copy_from_slice(ring::digest::digest(&ring::digest::SHA256, text).as_ref());
    changed[1232..].copy_from_slice(&(text.len() as u32).to_le_bytes());
    changed.extend(text);
    changed
}

/// What is wrong with [`all_but_signed`]: the recorded certificates are those of another chip.
const HARDWARE: EvidenceError = EvidenceError::Mismatch("chip");

/// A recorded report whose text names the key of the recorded quote. All that is behind the hardware's word holds, which is why that is
/// the last thing that is looked at.
fn all_but_signed(test: &str) -> Option<Evidence> {
    let found = find(test)?;
    let folder = found.join(DATA);
    let pem = String::from_utf8(read(&folder, "akpub.pem")).unwrap();
    let lines: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode_to_vec(lines).unwrap();
    // The modulus stands before the exponent, which has two bytes of head and three of its own.
    let modulus = URL_SAFE_NO_PAD.encode_to_string(&der[der.len() - 5 - 256..der.len() - 5]);
    let text = format!(
        r#"{{"keys":[{{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"{modulus}"}}],"vm-configuration":{{"secure-boot":true}}}}"#
    );
    let envelope = with_text(&read(&folder, "hcl-report-snp.bin"), text.as_bytes());
    let mut evidence = Evidence::read(&attested(&envelope, &quote(&read(&folder, "quote.bin")))).unwrap();
    evidence.certificates.clear();
    evidence.add_certificates(&read(&folder, "certs.pem")).unwrap();
    Some(evidence)
}

#[test]
fn a_quote_is_that_of_the_key_that_the_paravisor_names() {
    let test = "a_quote_is_that_of_the_key_that_the_paravisor_names";
    let Some(evidence) = all_but_signed(test) else { return };
    assert_eq!(evidence.kind, Kind::AzureSevSnp);
    assert_eq!(evidence.verify(NOW), Err(HARDWARE));
    let folder = find(test).unwrap().join(DATA);
    let foreign = attested(&read(&folder, "hcl-report-snp.bin"), &quote(&read(&folder, "quote.bin")));
    let foreign = Evidence::read(&foreign).unwrap();
    assert_eq!(
        foreign.verify(NOW),
        Err(EvidenceError::Signature("the TPM's quote")),
        "a quote of another machine"
    );
}

#[test]
fn no_byte_behind_the_report_can_be_changed() {
    let Some(evidence) = all_but_signed("no_byte_behind_the_report_can_be_changed") else { return };
    let behind = 4 + 1184;
    let passed: Vec<usize> = (behind..evidence.body.len())
        .filter(|at| {
            let mut changed = evidence.clone();
            changed.body[*at] ^= 1 << (at % 8);
            // The hardware would be the only thing left to complain of.
            changed.verify(NOW) == Err(HARDWARE)
        })
        .collect();
    assert_eq!(passed, Vec::<usize>::new());
    cut_everywhere(&evidence.body, |body| Evidence { body, ..evidence.clone() }, NOW);
    let longer = Evidence { body: [&evidence.body[..], &[0]].concat(), ..evidence.clone() };
    assert!(matches!(longer.verify(NOW), Err(EvidenceError::Malformed(_))));
    assert_eq!(Evidence::read(&evidence.write()).unwrap(), evidence);
}

#[test]
fn what_is_no_text_of_a_paravisor_is_refused() {
    let test = "what_is_no_text_of_a_paravisor_is_refused";
    let Some(found) = find(test) else { return };
    let folder = found.join(DATA);
    let (envelope, quote) = (read(&folder, "hcl-report-snp.bin"), quote(&read(&folder, "quote.bin")));
    let key = r#"{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"AQAB"}"#;
    for text in [
        "",
        "{}",
        r#"{"keys":[],"vm-configuration":{"secure-boot":true}}"#,
        &format!(r#"{{"keys":[{key},{key}],"vm-configuration":{{"secure-boot":true}}}}"#),
        &format!(r#"{{"keys":[{key}],"vm-configuration":{{}}}}"#),
        &format!(r#"{{"keys":[{}],"vm-configuration":{{"secure-boot":true}}}}"#, key.replace("RSA", "EC")),
        &format!(r#"{{"keys":[{key}],"keys":[{key}],"vm-configuration":{{"secure-boot":true}}}}"#),
    ] {
        let evidence = Evidence::read(&attested(&with_text(&envelope, text.as_bytes()), &quote)).unwrap();
        assert!(matches!(evidence.verify(NOW), Err(EvidenceError::Malformed(_))), "{text}");
    }
    for (at, byte) in [(0, 0), (1224, 3), (1228, 2), (1235, 1)] {
        let mut other = envelope.clone();
        other[at] = byte;
        assert!(Evidence::read(&attested(&other, &quote)).is_err(), "{at}");
    }
}

#[test]
fn a_policy_names_the_paravisor_and_a_register() {
    // Nothing was measured into 11.
    let found = |name: &str| match name {
        "measurement" => vec![1],
        "pcr4" => vec![4],
        _ => vec![0],
    };
    for (named, program, speaker) in [
        ("pcr4 = ['04']", false, true),
        ("measurement = ['01']", true, false),
        ("measurement = ['01']\npcr4 = ['04']", false, false),
        ("measurement = ['01']\npcr4 = ['04']\npcr11 = ['00']", false, false),
        ("measurement = ['01']\npcr11 = ['00']", true, false),
        ("pcr11 = ['00']", true, true),
    ] {
        let table = "schema = 'welkin.policy/1'\n[azure-sev-snp.measurements]\n";
        let policy = Policy::read(&format!("{table}{named}")).unwrap();
        let claims = welkin_seal::Claims {
            kind: Kind::AzureSevSnp,
            root: "ARK-Milan",
            chain: Vec::new(),
            measurements: Kind::AzureSevSnp
                .measurements()
                .iter()
                .map(|name| (*name, welkin_seal::HexBytes(found(name))))
                .collect(),
            report_data: welkin_seal::HexBytes(vec![1; 48]),
            nonce: None,
            debug: false,
            tcb: welkin_seal::Tcb::default(),
            details: Vec::new(),
            digest: welkin_seal::Hex([0; 32]),
        };
        let verdict = policy.judge(&claims, &Expected::Nonce(vec![1; 48]));
        let refused = |rule: &str| {
            verdict.checks.iter().any(|check| check.rule == rule && check.outcome == Outcome::Refused)
        };
        assert_eq!((refused("program"), refused("speaker")), (program, speaker), "{named}");
        assert_eq!(verdict.accepted(), !program && !speaker, "{named}");
    }
}

/// Files of attesters, and whether they are of TDX.
fn whole(test: &str) -> Vec<(PathBuf, Evidence)> {
    let Some(folder) = std::env::var_os("WELKIN_AZURE_EVIDENCE") else {
        println!(
            "skipped: {test}: did not run: WELKIN_AZURE_EVIDENCE names no folder of evidence that is whole"
        );
        return Vec::new();
    };
    let files = std::fs::read_dir(Path::new(&folder)).unwrap().map(|entry| entry.unwrap().path());
    let evidence = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    evidence.map(|path| (path.clone(), Evidence::read(&std::fs::read(path).unwrap()).unwrap())).collect()
}

/// The certificates of AMD's authority beside evidence, `NAME.pem` beside `NAME.json`; those of Milan where there are none.
fn authority(path: &Path) -> Option<Vec<u8>> {
    std::fs::read(path.with_extension("pem")).ok()
}

#[test]
fn evidence_of_whole_machines_holds_and_none_of_its_bytes_can_be_changed() {
    let test = "evidence_of_whole_machines_holds_and_none_of_its_bytes_can_be_changed";
    let Some(found) = find(test) else { return };
    for (path, mut evidence) in whole(test) {
        println!("{}: {}", path.display(), evidence.kind);
        if evidence.kind == Kind::AzureTdx {
            // What Intel said of the platform then was not recorded: everything else holds.
            let stale =
                |evidence: &Evidence| matches!(evidence.verify(NOW), Err(EvidenceError::Collateral(_)));
            assert!(stale(&evidence));
            let passed = (0..evidence.body.len()).filter(|at| {
                let mut changed = evidence.clone();
                changed.body[*at] ^= 1 << (at % 8);
                stale(&changed)
            });
            assert_eq!(passed.collect::<Vec<_>>(), Vec::<usize>::new());
            continue;
        }
        evidence.add_certificates(&authority(&path).unwrap_or_else(|| read(&found, MILAN))).unwrap();
        let claims = evidence.verify(NOW).unwrap();
        assert_eq!((claims.kind, claims.debug), (Kind::AzureSevSnp, false));
        assert_eq!(claims.measurements.len(), Kind::AzureSevSnp.measurements().len());
        let with = |body| Evidence { body, ..evidence.clone() };
        assert_eq!(accepted(&evidence.body, with, NOW), Vec::<usize>::new());
        cut_everywhere(&evidence.body, with, NOW);
    }
}
