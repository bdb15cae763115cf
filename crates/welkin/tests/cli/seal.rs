//! `welkin seal` from outside.

mod boost;
mod budget;
mod check;
mod host;
mod sql;
mod together;

pub(crate) use sql::engine;

use crate::bed::{Bed, both};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[expect(clippy::print_stdout, reason = "a test that did not run says so")]
/// Evidence of real hardware, which `.ci/stand-ins.sh` fetches.
fn recorded(test: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder =
        std::env::var_os("WELKIN_STAND_INS").map_or_else(|| root.join("target/stand-ins"), PathBuf::from);
    let evidence = folder.join("evidence");
    if evidence.exists() {
        return Some(evidence);
    }
    let required = std::env::var("WELKIN_REQUIRE_STAND_INS").is_ok_and(|value| value == "1");
    assert!(!required, "{} is missing, and WELKIN_REQUIRE_STAND_INS is 1", evidence.display());
    println!("skipped: {test}: did not run: recorded evidence is not installed (see .ci/stand-ins.sh)");
    None
}

#[test]
fn evidence_is_explained_and_judged() {
    let Some(folder) = recorded("evidence_is_explained_and_judged") else { return };
    let bed = Bed::new();
    let at = |name: &str| folder.join("sev-8.0.0/tests/certs_data").join(name).display().to_string();
    let (report, chain, key) = (at("report_milan.hex"), at("cert_chain_milan"), at("vcek_milan.der"));
    let args = ["seal", "verify", &report, "-c", &chain, "-c", &key, "--at", "2024-01-01T00:00:00Z"];
    let shown = bed.run(args);
    assert_eq!(shown.status.code(), Some(16), "{}", both(&shown));
    assert!(both(&shown).contains("AMD SEV-SNP: genuine, under ARK-Milan"), "{}", both(&shown));
    let first = bed.run(args.into_iter().chain(["--output", "json"]));
    let told: serde_json::Value = serde_json::from_slice(&first.stdout).unwrap();
    let (measured, data) = (&told["measurements"]["measurement"], told["report_data"].as_str().unwrap());
    let policy = format!("schema = 'welkin.policy/1'\n[sev-snp]\nmeasurements.measurement = [{measured}]\n");
    bed.file("policy.toml", &policy);
    let accepted = bed.run(args.into_iter().chain(["--policy", "policy.toml", "--nonce", data]));
    assert_eq!(accepted.status.code(), Some(0), "{}", both(&accepted));
    let late = bed.run(args[..6].iter().copied().chain([&key, "--at", "2044-01-01T00:00:00Z"]));
    assert_eq!(late.status.code(), Some(16), "{}", both(&late));
    assert!(both(&late).contains("error[seal::evidence]"), "{}", both(&late));
}

#[test]
fn parties_get_keys_and_get_to_know_each_other() {
    let (a, b) = (Bed::new(), Bed::new());
    let made = a.json(&["seal", "keygen", "--party", "a"]);
    let shown = a.ok(["seal", "party", "show", "a"]);
    assert_eq!(made["protection"], "file-mode");
    let path = PathBuf::from(made["file"].as_str().unwrap());
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = a.run(["seal", "keygen", "--party", "a"]);
    assert_eq!(again.status.code(), Some(16), "{}", both(&again));
    // Whoever brought back the copy of the keys alone is not made known by others, which nobody has.
    std::fs::remove_file(a.path().join("h/seal/parties/a.json")).unwrap();
    let again = a.run(["seal", "keygen", "--party", "a"]);
    assert_eq!(again.status.code(), Some(16), "{}", both(&again));
    assert!(!a.path().join("h/seal/parties/a.json").exists());
    a.file("h/seal/parties/a.json", &shown);
    b.file("secret", "correct horse\n");
    b.ok(["seal", "keygen", "--party", "b", "--passphrase-file", "secret"]);
    b.file("a.json", &a.ok(["seal", "party", "show", "a"]));
    let known = b.json(&["seal", "party", "add", "a.json"]);
    assert_eq!(known["parties"][0]["fingerprint"], made["fingerprint"]);
    assert_eq!(b.json(&["seal", "party", "list"])["parties"].as_array().unwrap().len(), 2);
    // Somebody else who takes the name.
    let other = Bed::new();
    other.ok(["seal", "keygen", "--party", "a"]);
    b.file("a.json", &other.ok(["seal", "party", "show", "a"]));
    let refused = b.run(["seal", "party", "add", "a.json"]);
    assert_eq!(refused.status.code(), Some(16), "{}", both(&refused));
    assert!(both(&refused).contains("error[seal::party]"), "{}", both(&refused));
}

#[test]
fn the_log_grows_and_every_party_can_check_it() {
    let (a, b) = (Bed::new(), Bed::new());
    a.ok(["seal", "keygen", "--party", "a"]);
    b.file("a.json", &a.ok(["seal", "party", "show", "a"]));
    b.ok(["seal", "party", "add", "a.json"]);
    assert_eq!(a.json(&["seal", "log", "verify"])["size"], 0);
    // A line for each refusal; a contract that is none is no reason for one.
    a.file("none.json", "{}");
    assert_eq!(a.run(["seal", "contract", "verify", "none.json"]).status.code(), Some(16));
    assert_eq!(a.json(&["seal", "log", "verify"])["size"], 0);
    let head = a.ok(["seal", "log", "head", "--party", "a"]);
    b.file("head.json", &head);
    let other = b.run(["seal", "log", "verify", "--head", "head.json"]);
    assert_eq!(other.status.code(), Some(0), "an empty log begins every log: {}", both(&other));
    b.file("head.json", &head.replace("\"size\": 0", "\"size\": 1"));
    let forged = b.run(["seal", "log", "verify", "--head", "head.json"]);
    assert_eq!(forged.status.code(), Some(16), "{}", both(&forged));
}

#[test]
fn data_are_sealed_opened_agreed_on_and_taken_back() {
    let programs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../enclave/target/debug");
    if !programs.join("welkin-enclave").exists() {
        let test = "data_are_sealed_opened_agreed_on_and_taken_back";
        println!("skipped: {test}: did not run: welkin-enclave is not built (cargo build in enclave/)");
        return;
    }
    let bed = Bed::new();
    let run = |args: &[&str]| bed.command(args).env("PATH", &programs).output().unwrap();
    let ok = |args: &[&str]| {
        let output = run(args);
        assert!(output.status.success(), "{args:?}: {}", both(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let table = "id,name\n1,Abelone\n2,Basilius\n";
    bed.file("t.csv", table);
    ok(&["seal", "keygen", "--party", "a"]);
    ok(&["seal", "keygen", "--party", "b"]);
    let about = ["--party", "a", "--name", "patients", "--version", "1", "--to", "sealed"];
    ok(&[&["seal", "data", "t.csv", "--for", "b"][..], &about[..]].concat());
    for party in ["a", "b"] {
        assert_eq!(ok(&["seal", "open", "sealed", "--party", party]), table);
    }
    let again = run(&[&["seal", "data", "t.csv"][..], &about[..]].concat());
    assert_eq!(again.status.code(), Some(16), "a version is written once: {}", both(&again));
    ok(&["seal", "rotate", "sealed", "--party", "a"]);
    assert_eq!(run(&["seal", "open", "sealed", "--party", "b"]).status.code(), Some(16));
    bed.file("q.sql", "select 1");
    let engine = format!("simulated:measurement={}", "01".repeat(48));
    let input = "sealed/snapshot.json";
    let contract = ok(&[
        "seal", "contract", "new", "--sql", "q.sql", "--input", input, "--to", "b", "--engine", &engine,
    ]);
    bed.file("c.json", &contract);
    let refused = |args: &[&str]| {
        let output = run(&[&["seal", "contract", "verify", "c.json", "--output", "json"][..], args].concat());
        let told: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap_or_default();
        told["details"]["refused"].as_str().map(str::to_owned)
    };
    assert_eq!(refused(&[]).as_deref(), Some("missing-signature"));
    ok(&["seal", "contract", "sign", "c.json", "--party", "a"]);
    // For this user alone, and under its name when it is whole.
    ok(&["seal", "open", "sealed", "--party", "a", "--to", "t.out"]);
    let opened = bed.path().join("t.out");
    assert_eq!(std::fs::read_to_string(&opened).unwrap(), table);
    assert_eq!(std::fs::metadata(&opened).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(run(&["seal", "open", "sealed", "--party", "a", "--to", "t.out"]).status.code(), Some(9));
    assert_eq!(refused(&["--code", "q.sql", "--input", input]), None);
    assert_eq!(refused(&["--code", "t.csv"]).as_deref(), Some("changed-code"));
    ok(&["seal", "contract", "revoke", "c.json", "--party", "a"]);
    assert_eq!(refused(&[]).as_deref(), Some("revoked"));
    bed.file("head.json", &ok(&["seal", "log", "head", "--party", "a"]));
    bed.file("proof.json", &ok(&["seal", "log", "prove", "--line", "2"]));
    ok(&["seal", "log", "verify", "--head", "head.json", "--proof", "proof.json"]);
    // One byte of the data.
    let part = bed.path().join("sealed/part-00000.parquet");
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let changed = run(&["seal", "open", "sealed", "--party", "a"]);
    assert_eq!((changed.status.code(), changed.stdout.len()), (Some(16), 0), "{}", both(&changed));
}

/// Keys with a passphrase take a while to open: whoever signs meanwhile signs as well.
#[test]
fn two_who_sign_at_once_have_both_signed() {
    let bed = Bed::new();
    for (party, secret) in [("a", "of a"), ("b", "of b")] {
        bed.file("secret", secret);
        bed.ok(["seal", "keygen", "--party", party, "--passphrase-file", "secret"]);
    }
    let snapshot = |party: &str| bed.path().join(party).join("snapshot.json").to_str().unwrap().to_owned();
    let Some(programs) = engine("two_who_sign_at_once_have_both_signed") else { return };
    let run = |args: &[&str]| bed.command(args).env("PATH", &programs).output().unwrap();
    bed.file("t.csv", "id\n1\n");
    for party in ["a", "b"] {
        let secret = bed.file("secret", &format!("of {party}"));
        let about = ["--party", party, "--name", "t", "--version", "1", "--to", party];
        let with = ["--passphrase-file", secret.to_str().unwrap()];
        let sealed = run(&[&["seal", "data", "t.csv"][..], &about, &with].concat());
        assert!(sealed.status.success(), "{}", both(&sealed));
    }
    bed.file("q.sql", "select 1");
    let engine = format!("simulated:measurement={}", "01".repeat(48));
    let (of_a, of_b) = (snapshot("a"), snapshot("b"));
    let contract = bed.ok([
        "seal", "contract", "new", "--sql", "q.sql", "--input", &of_a, "--input", &of_b, "--to", "a",
        "--engine", &engine,
    ]);
    bed.file("c.json", &contract);
    let asked = bed.path().join("asked");
    assert!(Command::new("mkfifo").arg(&asked).status().unwrap().success());
    let sign = ["seal", "contract", "sign", "c.json", "--passphrase-file"];
    let mut first = bed.command([&sign[..], &["asked", "--party", "a"]].concat());
    let first = first.stdout(Stdio::null()).spawn().unwrap();
    // It has read the contract once somebody asks for what goes into the pipe.
    let mut pipe = std::fs::File::options().write(true).open(&asked).unwrap();
    bed.ok([&sign[..], &["secret", "--party", "b"]].concat());
    pipe.write_all(b"of a").unwrap();
    drop(pipe);
    assert!(first.wait_with_output().unwrap().status.success());
    let signed = std::fs::read_to_string(bed.path().join("c.json")).unwrap();
    let signed: serde_json::Value = serde_json::from_str(&signed).unwrap();
    assert_eq!(signed["content"]["signatures"].as_object().map(serde_json::Map::len), Some(2), "{signed}");
}
