//! A TPM in software (swtpm) that keeps what a paravisor would have written, and a metadata service that is this test: EMULATED, with
//! pieces that were recorded. Nothing here was run on a confidential machine of Azure.

mod hostile;
mod soft;

use super::{Arc, Devices, Duration, EngineError, Ipv4Addr, PATIENCE, PathBuf, SocketAddr, Source};
use super::{UNUSED, nowhere, recordings};
use crate::engine::Engine;
use crate::engine::source::vtpm::{Tpm, Vtpm};
use ring::digest::{SHA256, digest};
use soft::Soft;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;
use welkin_seal::{Binding, Challenge, Evidence, EvidenceError, Hex, Kind};

/// Between the first and the last day of the recorded certificates.
const NOW: u64 = 1_760_000_000;
/// Within the month of the recorded collateral.
const JUNE_2025: u64 = 1_751_000_000;

fn source(tpm: Arc<dyn Tpm>, metadata: SocketAddr, patience: Duration) -> Source {
    Source {
        kinds: ["sev-snp", "azure-sev-snp", "azure-tdx"].map(str::to_owned).into(),
        certificates: Vec::new(),
        folder: PathBuf::from("/nonexistent"),
        devices: Devices { vtpm: Vtpm { tpm, metadata, patience, pause: Duration::ZERO }, ..nowhere() },
    }
}

fn refused(source: &Source) -> String {
    let error: EngineError = source.evidence(Hex([7; 64])).unwrap_err();
    assert_eq!(error.code(), "no-evidence");
    error.to_string()
}

/// Heads and bodies of requests.
type Asked = Vec<(String, String)>;

/// A service that gives these answers, one after the other, and says at last what it was asked; one without a word is of a service that is
/// busy.
fn service(answers: Vec<Vec<u8>>) -> (SocketAddr, JoinHandle<Asked>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = move |answer: Vec<u8>| {
        let mut stream = BufReader::new(listener.accept().unwrap().0);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(stream.read_line(&mut head).unwrap(), 0, "{head}");
        }
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).unwrap();
        let status = if answer.is_empty() { "429 Too Many Requests" } else { "200 OK" };
        let first = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.get_mut().write_all(&[first.as_bytes(), &answer].concat()).unwrap();
        (head, String::from_utf8(body).unwrap())
    };
    (address, std::thread::spawn(move || answers.into_iter().map(answer).collect()))
}

/// An envelope with another text, and with the text's hash where its report has it.
fn with_text(envelope: &[u8], text: &str) -> Vec<u8> {
    let mut changed = envelope[..1236].to_vec();
    let at = if changed[1224] == 4 { 32 + 128 } else { 32 + 0x50 };
    changed[at..at + 32].copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    changed[1232..].copy_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
    changed.extend(text.as_bytes());
    changed
}

/// A text that names this key, by its modulus.
fn text(modulus: &str) -> String {
    format!(
        r#"{{"keys":[{{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"{modulus}"}}],"vm-configuration":{{"secure-boot":true}}}}"#
    )
}

/// The five parts of evidence.
fn parts(evidence: &Evidence) -> Vec<&[u8]> {
    let mut rest = &evidence.body[..];
    let mut parts = Vec::new();
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let (part, after) = behind.split_at(u32::from_le_bytes(*length) as usize);
        parts.push(part);
        rest = after;
    }
    parts
}

#[test]
fn a_tpm_quotes_the_binding_and_the_service_has_certificates() {
    let test = "a_tpm_quotes_the_binding_and_the_service_has_certificates";
    let Some((soft, recorded)) = Soft::new(test).zip(recordings(test)) else { return };
    let folder = recorded.join("az-cvm-vtpm-0.8.2/test");
    soft.keep(&with_text(&fs::read(folder.join("hcl-report-snp.bin")).unwrap(), &text(&soft.modulus())));
    let pems = fs::read_to_string(folder.join("certs.pem")).unwrap();
    let end = pems.find("-----END CERTIFICATE-----").unwrap() + "-----END CERTIFICATE-----\n".len();
    let (chip, chain) = pems.split_at(end);
    let answer = serde_json::json!({ "vcekCert": chip, "tcbm": "0", "certificateChain": chain });
    let answer = answer.to_string().into_bytes();
    let (address, asked) = service([vec![Vec::new(); 5], vec![answer; 2], vec![Vec::new(); 6]].concat());
    let soft = Arc::new(soft);
    let mut engine = Engine::new(source(Arc::<Soft>::clone(&soft), address, PATIENCE)).unwrap();
    for nonce in [1, 2] {
        let challenge = Challenge { nonce: Hex([nonce; 32]), contract: Hex([9; 32]) };
        let attested = engine.attest(challenge).unwrap();
        let evidence = attested.evidence;
        assert_eq!(evidence.kind, Kind::AzureSevSnp);
        let [_, _, message, signature, registers] = parts(&evidence)[..] else { panic!("five parts") };
        let expected = Binding::to(&attested.engine, challenge).report_data_of(evidence.kind);
        assert!(message.windows(48).any(|part| part == expected), "the binding is in the quote");
        assert_eq!(registers[4 * 32..5 * 32], soft.register(4));
        // OpenSSL's word, and then the verifier's: nothing is wrong but that the recorded report is of another chip than the certificates.
        assert!(soft.is_signed(message, signature));
        assert_eq!(evidence.verify(NOW), Err(EvidenceError::Mismatch("chip")));
    }
    let source = source(soft, address, PATIENCE);
    let why = refused(&source);
    assert!(why.contains("\"429\"") && why.contains("6 times in a row"), "{why}");
    for (head, body) in asked.join().unwrap() {
        assert!(head.starts_with("GET /metadata/THIM/amd/certification HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nMetadata: true\r\n") && body.is_empty(), "{head}");
    }
}

#[test]
fn a_tpm_quotes_the_binding_and_the_service_quotes_a_local_report() {
    let test = "a_tpm_quotes_the_binding_and_the_service_quotes_a_local_report";
    let Some((soft, recorded)) = Soft::new(test).zip(recordings(test)) else { return };
    let text = text(&soft.modulus());
    let envelope = fs::read(recorded.join("az-cvm-vtpm-0.8.2/test/hcl-report-tdx.bin")).unwrap();
    let envelope = with_text(&envelope, &text);
    soft.keep(&envelope);
    // A recorded quote that says it is about the text, which nobody signed so.
    let folder = recorded.join("dcap-qvl-0.7.1/sample");
    let mut quote = fs::read(folder.join("tdx_quote")).unwrap();
    let about = digest(&SHA256, text.as_bytes());
    quote[568..632].copy_from_slice(&[about.as_ref(), &[0; 32]].concat());
    let answer = |quote: &[u8]| serde_json::json!({ "quote": soft.base64(quote) }).to_string().into_bytes();
    let other = fs::read(folder.join("tdx_quote")).unwrap();
    let (address, asked) = service(vec![answer(&quote), answer(&other), answer(&[4, 0]), b"{}".to_vec()]);
    let report = soft.base64(&envelope[32..32 + 1024]);
    let source = Source {
        certificates: vec![folder.join("tdx_quote_collateral.json")],
        ..source(Arc::new(soft), address, PATIENCE)
    };
    let evidence = source.evidence(Hex([7; 64])).unwrap();
    assert_eq!((evidence.kind, parts(&evidence)[0]), (Kind::AzureTdx, &quote[..]));
    // All but Intel's word holds.
    assert_eq!(evidence.verify(JUNE_2025), Err(EvidenceError::Signature("the quote")));
    assert!(refused(&source).contains("what the paravisor says"), "a quote about something else");
    assert!(refused(&source).contains("2 bytes"));
    assert!(refused(&source).contains("did not give what it was asked for"));
    for (head, body) in asked.join().unwrap() {
        assert!(head.starts_with("POST /acc/tdquote HTTP/1.1\r\n"), "{head}");
        assert_eq!(body, format!(r#"{{"report":"{report}"}}"#));
    }
}

#[test]
fn a_tpm_without_a_paravisor_is_one_of_an_ordinary_machine() {
    let test = "a_tpm_without_a_paravisor_is_one_of_an_ordinary_machine";
    let Some(soft) = Soft::new(test) else { return };
    let why = refused(&source(Arc::new(soft), UNUSED, PATIENCE));
    assert!(why.contains("no confidential machine of Azure"), "{why}");
    assert!(
        why.contains("/sys/kernel/config/tsm/report"),
        "what was named besides is not there either: {why}"
    );
}

#[test]
fn a_key_that_the_paravisor_does_not_name_signs_nothing() {
    let test = "a_key_that_the_paravisor_does_not_name_signs_nothing";
    let Some((soft, recorded)) = Soft::new(test).zip(recordings(test)) else { return };
    let envelope = fs::read(recorded.join("az-cvm-vtpm-0.8.2/test/hcl-report-snp.bin")).unwrap();
    soft.keep(&envelope);
    let why = refused(&source(Arc::new(soft), UNUSED, PATIENCE));
    assert!(why.contains("the TPM's quote"), "{why}");
}
