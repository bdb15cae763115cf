//! `welkin seal` from outside.

use crate::bed::{Bed, both};
use std::path::{Path, PathBuf};

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
