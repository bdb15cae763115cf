//! EMULATED: folders that look like Gramine's. Nothing here was run in an enclave of SGX.

use super::{Arc, Duration, EngineError, Gramine, Source, TempDir, nowhere, recordings};
use crate::engine::Engine;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use welkin_seal::{Binding, Challenge, Evidence, Hex, Kind};

/// Where a quote of SGX has what it is about.
const REPORT_DATA: std::ops::Range<usize> = 368..432;

/// The quote of a recorded one, and what Intel said of its platform.
fn recorded(test: &str) -> Option<(Vec<u8>, PathBuf)> {
    let folder = recordings(test)?.join("dcap-qvl-0.7.1/sample");
    Some((fs::read(folder.join("sgx_quote")).unwrap(), folder.join("sgx_quote_collateral.json")))
}

/// Gramine's files, with this quote.
fn files(quote: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [("attestation_type", &b"dcap\n"[..]), ("user_report_data", b""), ("quote", quote)] {
        fs::write(dir.path().join(name), bytes).unwrap();
    }
    dir
}

fn source(kinds: &[&str], files: &Path, certificates: Vec<PathBuf>) -> Source {
    let gramine = Gramine { files: files.to_owned(), patience: Duration::from_secs(60) };
    Source {
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
        certificates,
        folder: PathBuf::from("/nonexistent"),
        devices: super::Devices { gramine, ..nowhere() },
    }
}

fn asked(files: &Path, bytes: [u8; 64]) -> Result<Evidence, String> {
    let answer = source(&["sgx"], files, Vec::new()).evidence(Hex(bytes));
    answer.map_err(|error: EngineError| {
        assert_eq!(error.code(), "no-evidence");
        error.to_string()
    })
}

#[test]
fn a_quote_is_asked_for_with_the_binding_and_comes_with_collateral() {
    let test = "a_quote_is_asked_for_with_the_binding_and_comes_with_collateral";
    let Some((quote, collateral)) = recorded(test) else { return };
    let about: [u8; 64] = quote[REPORT_DATA].try_into().unwrap();
    let dir = files(&quote);
    let given = source(&["sgx"], dir.path(), vec![collateral.clone()]).evidence(Hex(about)).unwrap();
    assert_eq!(fs::read(dir.path().join("user_report_data")).unwrap(), about, "what was asked with");
    assert_eq!(given.kind, Kind::Sgx);
    // Genuine down to Intel's root, within the month of the collateral.
    let claims = given.verify(1_751_000_000).unwrap();
    assert_eq!(claims.report_data.0, about);
    // Whoever named a guest's kind as well is answered by the one that is there.
    let either = source(&["tdx", "sgx"], dir.path(), vec![collateral]).evidence(Hex(about));
    assert_eq!(either.unwrap(), given);
    let pem = dir.path().join("chain.pem");
    fs::write(&pem, "-----BEGIN CERTIFICATE-----").unwrap();
    let why = source(&["sgx"], dir.path(), vec![pem]).evidence(Hex(about)).unwrap_err().to_string();
    assert!(why.contains("Intel's collateral"), "{why}");
}

#[test]
fn an_engine_gives_no_quote_about_other_bytes() {
    let test = "an_engine_gives_no_quote_about_other_bytes";
    let Some((mut quote, _)) = recorded(test) else { return };
    let dir = files(&quote);
    let mut engine = Engine::new(source(&["sgx"], dir.path(), Vec::new())).unwrap();
    let challenge = Challenge { nonce: Hex([1; 32]), contract: Hex([9; 32]) };
    let why = engine.attest(challenge).unwrap_err().to_string();
    assert!(why.contains("answers another question"), "{why}");
    // What it wrote is what owners expect of its keys: a quote about that would have been given.
    let written = fs::read(dir.path().join("user_report_data")).unwrap();
    quote[REPORT_DATA].copy_from_slice(&written);
    fs::write(dir.path().join("quote"), &quote).unwrap();
    let attested = engine.attest(challenge).unwrap();
    assert_eq!(Binding::to(&attested.engine, challenge).report_data().0[..], written);
    assert_eq!(attested.evidence.body, quote);
}

#[test]
fn what_gramine_does_not_give_is_told_with_what_would_change_that() {
    let missing = asked(Path::new("/nonexistent"), [7; 64]).unwrap_err();
    assert!(missing.contains("/dev/attestation") && missing.contains("gramine-sgx"), "{missing}");
    for way in ["none", "epid", ""] {
        let dir = files(&[]);
        fs::write(dir.path().join("attestation_type"), way).unwrap();
        let why = asked(dir.path(), [7; 64]).unwrap_err();
        assert!(why.contains(&format!("`{way}`")) && why.contains("sgx.remote_attestation"), "{why}");
    }
    // What is told has a bound, and nothing that a terminal would take for itself.
    let dir = files(&[]);
    fs::write(dir.path().join("attestation_type"), "\u{1b}[2J".repeat(1000)).unwrap();
    let why = asked(dir.path(), [7; 64]).unwrap_err();
    assert!(why.len() < 300 && !why.contains('\u{1b}'), "{why}");
    for file in ["user_report_data", "quote"] {
        let dir = files(&[]);
        fs::remove_file(dir.path().join(file)).unwrap();
        let why = asked(dir.path(), [7; 64]).unwrap_err();
        assert!(why.contains(file), "{why}");
        // Gramine's files are made by nobody else.
        assert!(!dir.path().join(file).exists());
    }
    // A machine that is asked for either and has neither names both devices.
    let why = source(&["sev-snp", "sgx"], Path::new("/nonexistent"), Vec::new());
    let why = why.evidence(Hex([7; 64])).unwrap_err().to_string();
    assert!(why.contains("/sys/kernel/config/tsm/report") && why.contains("/dev/attestation"), "{why}");
}

#[test]
fn a_quote_that_is_none_is_refused() {
    let test = "a_quote_that_is_none_is_refused";
    let Some((quote, _)) = recorded(test) else { return };
    let about: [u8; 64] = quote[REPORT_DATA].try_into().unwrap();
    let endless = [&quote[..], &vec![0; 64 << 10]].concat();
    for (quote, words) in [
        (&[][..], "0 bytes"),
        (&quote[..100], "cannot be read"),
        (&[0; 1184], "1184 bytes"),
        (&endless, "more bytes than a quote has"),
    ] {
        let why = asked(files(quote).path(), about).unwrap_err();
        assert!(why.contains(words), "{why}");
    }
}

/// A pipe that nobody writes to is as slow as it gets.
#[cfg(target_os = "linux")]
#[test]
fn a_quote_that_never_comes_is_not_waited_for() {
    use rustix::fs::{CWD, Mode, mkfifoat};
    let dir = files(&[]);
    let quote = dir.path().join("quote");
    fs::remove_file(&quote).unwrap();
    mkfifoat(CWD, &quote, Mode::RUSR | Mode::WUSR).unwrap();
    let gramine = Gramine { files: dir.path().to_owned(), patience: Duration::from_millis(50) };
    let mut source = source(&["sgx"], dir.path(), Vec::new());
    source.devices.gramine = gramine;
    let why = source.evidence(Hex([7; 64])).unwrap_err().to_string();
    assert!(why.contains("gave no answer within 50ms"), "{why}");
    // The thread that waits for it ends with this.
    let mut pipe = fs::OpenOptions::new().write(true).open(&quote).unwrap();
    pipe.write_all(&[0]).unwrap();
}

#[test]
fn engines_that_ask_at_once_are_answered_one_by_one() {
    let test = "engines_that_ask_at_once_are_answered_one_by_one";
    let Some((quote, _)) = recorded(test) else { return };
    let about: [u8; 64] = quote[REPORT_DATA].try_into().unwrap();
    let dir = Arc::new(files(&quote));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(asked(dir.path(), about).unwrap().body, quote));
        }
    });
}
