//! EMULATED security modules: what answers here is this test. Nothing here was run in a Nitro Enclave.

use super::{Arc, Devices, Duration, EngineError, Mutex, Nitro, PATIENCE, PathBuf, Source};
use super::{nowhere, recordings, system};
use crate::engine::Engine;
use crate::engine::source::nitro::Module;
use std::fs;
use std::io;
use std::sync::mpsc::{Receiver, channel};
use welkin_seal::{Binding, Challenge, Evidence, Hex, Kind};

type Answer = Box<dyn Fn(&[u8]) -> io::Result<Vec<u8>> + Send + Sync>;

/// A module that answers so.
struct Emulated(Answer);

impl std::fmt::Debug for Emulated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Emulated")
    }
}

impl Module for Emulated {
    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        (self.0)(request)
    }
}

fn source(
    answer: impl Fn(&[u8]) -> io::Result<Vec<u8>> + Send + Sync + 'static,
    patience: Duration,
) -> Source {
    let nitro = Nitro { module: Arc::new(Emulated(Box::new(answer))), patience };
    Source {
        kinds: vec!["sev-snp".to_owned(), "nitro".to_owned()],
        certificates: Vec::new(),
        folder: PathBuf::from("/nonexistent"),
        devices: Devices { nitro, ..nowhere() },
    }
}

fn refused(answer: impl Fn(&[u8]) -> io::Result<Vec<u8>> + Send + Sync + 'static) -> String {
    let error: EngineError = source(answer, PATIENCE).evidence(Hex([7; 64])).unwrap_err();
    assert_eq!(error.code(), "no-evidence");
    error.to_string()
}

/// What a request asks to be bound to, where AWS's own library writes it.
fn user_data(request: &[u8]) -> &[u8] {
    let head = b"\xa1\x6bAttestation\xa3\x69user_data\x58\x40";
    let (data, rest) = request.strip_prefix(head).unwrap().split_at(64);
    assert_eq!(rest, b"\x65nonce\xf6\x6apublic_key\xf6");
    data
}

fn answer(document: &[u8]) -> Vec<u8> {
    let length = u16::try_from(document.len()).unwrap().to_be_bytes();
    [&b"\xa1\x6bAttestation\xa1\x68document\x59"[..], &length, document].concat()
}

/// The recorded document with these user data, which it had none of: it is not AWS's any more.
fn about(recorded: &[u8], data: &[u8]) -> Vec<u8> {
    let at = recorded.windows(10).position(|part| part == b"user_data\xf6").unwrap() + 9;
    let mut document = [&recorded[..at], &[0x58, 64], data, &recorded[at + 1..]].concat();
    let payload = u16::from_be_bytes([document[8], document[9]]) + 65;
    document[8..10].copy_from_slice(&payload.to_be_bytes());
    document
}

fn recorded(test: &str) -> Option<Vec<u8>> {
    let path = recordings(test)?.join("nitro_attest-0.2.0/tests/fixtures/attestation.cose");
    Some(fs::read(path).unwrap())
}

#[test]
fn a_document_is_bound_to_the_engines_keys_and_the_contract() {
    let test = "a_document_is_bound_to_the_engines_keys_and_the_contract";
    let Some(recorded) = recorded(test) else { return };
    let module = move |request: &[u8]| Ok(answer(&about(&recorded, user_data(request))));
    let mut engine = Engine::new(source(module, PATIENCE)).unwrap();
    for nonce in [1, 2] {
        let challenge = Challenge { nonce: Hex([nonce; 32]), contract: Hex([9; 32]) };
        let attested = engine.attest(challenge).unwrap();
        let expected = Binding::to(&attested.engine, challenge).report_data();
        assert_eq!(attested.evidence.kind, Kind::Nitro);
        let body = &attested.evidence.body;
        assert!(body.windows(64).any(|part| part == expected.0), "the binding is in the document");
        // Where the verifier looks for it: evidence about anything else is not taken.
        assert!(Evidence::of_nitro(&answer(body), &expected.0).is_ok());
    }
}

#[test]
fn a_recorded_document_answers_no_question_of_today() {
    let test = "a_recorded_document_answers_no_question_of_today";
    let Some(recorded) = recorded(test) else { return };
    assert!(Evidence::read(&recorded).unwrap().verify(1_736_179_625).is_ok(), "genuine in its hours");
    let why = refused(move |_| Ok(answer(&recorded)));
    assert!(why.contains("answers another question"), "{why}");
}

#[test]
fn answers_that_are_none_are_refused() {
    let test = "answers_that_are_none_are_refused";
    let Some(recorded) = recorded(test) else { return };
    let document = about(&recorded, &[7; 64]);
    let good = answer(&document);
    for length in (0..good.len()).step_by(97) {
        let cut = good[..length].to_vec();
        assert!(refused(move |_| Ok(cut.clone())).contains("evidence"));
    }
    let why = refused(|_| Ok(b"\xa1\x65Error\x6dInputTooLarge".to_vec()));
    assert!(why.contains("refused") && why.contains("InputTooLarge"), "{why}");
    let why = refused(|_| Ok(vec![0xa1; 0x3001]));
    assert!(why.contains("more bytes than an answer has"), "{why}");
}

#[test]
fn a_device_that_fails_is_told_with_what_would_change_that() {
    for (number, words) in [(2, "no Nitro Enclave"), (13, "for others"), (110, "in time"), (90, "/dev/nsm")] {
        let why = refused(move |_| Err(system(number)));
        assert!(why.contains(words) && why.contains("/dev/nsm"), "{why}");
    }
    // Of two that are not there both are told.
    let why = refused(|_| Err(system(2)));
    assert!(why.contains("/sys/kernel/config/tsm/report"), "{why}");
}

#[test]
fn a_module_that_never_answers_is_not_waited_for() {
    // It waits for what is said when this test is over.
    let (over, wait) = channel::<()>();
    let wait: Mutex<Receiver<()>> = Mutex::new(wait);
    let module = move |_: &[u8]| {
        let _ = wait.lock().unwrap().recv();
        Ok(Vec::new())
    };
    let why = source(module, Duration::from_millis(50)).evidence(Hex([7; 64])).unwrap_err().to_string();
    assert!(why.contains("/dev/nsm gave no answer within 50ms"), "{why}");
    drop(over);
}

#[test]
fn files_of_certificates_are_not_for_documents() {
    let test = "files_of_certificates_are_not_for_documents";
    let Some(recorded) = recorded(test) else { return };
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [("collateral.json", "{}"), ("chain.pem", "-----BEGIN CERTIFICATE-----")] {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let module = move |request: &[u8]| Ok(answer(&about(&recorded, user_data(request))));
    let folder = dir.path().to_owned();
    let given = Source { folder, ..source(module.clone(), PATIENCE) }.evidence(Hex([7; 64])).unwrap();
    assert!(given.certificates.is_empty() && given.collateral.is_none());
    let certificates = vec![dir.path().join("chain.pem")];
    let why = Source { certificates, ..source(module, PATIENCE) }.evidence(Hex([7; 64])).unwrap_err();
    assert!(why.to_string().contains("brings its certificates itself"), "{why}");
}
