//! The files of `deploy/`, as far as they can be checked without what they are for: what they start exists, and the
//! programs that read them do.

use crate::bed::{Bed, both};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn read(file: &str) -> String {
    fs::read_to_string(deploy().join(file)).unwrap()
}

/// What a program says, or that it is not there.
#[expect(clippy::print_stdout, reason = "what a test did not do is told where the others are told")]
fn program(test: &str, name: &str, args: &[&str]) -> Option<Output> {
    match Command::new(name).args(args).output() {
        Ok(output) => Some(output),
        Err(_) => {
            println!("skipped: {test}: did not run: {name} is not installed");
            None
        }
    }
}

/// Every way in which a file of `deploy/` calls Welkin.
fn calls() -> Vec<(&'static str, Vec<String>)> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let after = |file: &'static str, mark: &str, end: char| -> Vec<(&'static str, Vec<String>)> {
        let text = read(file);
        let found = text.split(mark).skip(1).map(|rest| rest.split(end).next().unwrap());
        found.map(|line| (file, words(&line.replace([',', '"'], " ")))).collect()
    };
    let mut calls = after("systemd/welkin-serve.service", "ExecStart=/usr/local/bin/welkin ", '\n');
    calls.extend(after("container/Containerfile", "CMD [\"welkin\",", ']'));
    calls.extend(after("container/Containerfile", "\"welkin ", '|'));
    calls.extend(after("container/Containerfile", "exec welkin welkin ", '\n'));
    calls.extend(after("kubernetes/welkin.yaml", "args: [welkin,", ']'));
    calls.extend(after("kubernetes/welkin.yaml", "\"welkin ", '|'));
    calls.extend(after("kubernetes/welkin.yaml", "-- welkin ", '\n'));
    calls
}

#[test]
fn what_deployments_call_exists() {
    let (bed, calls) = (Bed::new(), calls());
    let served = calls.iter().filter(|(_, words)| words.first().is_some_and(|word| word == "serve"));
    let mut files: Vec<&str> = served.map(|(file, _)| *file).collect();
    files.dedup();
    assert_eq!(files.len(), 3, "{calls:?}");
    for (file, mut words) in calls {
        // An unknown flag is refused where it stands, before help is given.
        words.push("--help".to_owned());
        let output = bed.run(&words);
        assert!(output.status.success(), "{file}: {words:?}: {}", both(&output));
    }
    let refused = bed.run(["serve", "--no-such-flag", "--help"]);
    assert!(!refused.status.success(), "else this test says nothing");
}

#[test]
fn the_unit_is_one_that_systemd_takes() {
    let bed = Bed::new();
    // The program need not be installed where the unit says.
    let text = read("systemd/welkin-serve.service");
    let unit = text.replace("/usr/local/bin/welkin", env!("CARGO_BIN_EXE_welkin"));
    bed.file("welkin-serve.service", &unit);
    let path = bed.path().join("welkin-serve.service");
    let test = "the_unit_is_one_that_systemd_takes";
    let Some(output) = program(test, "systemd-analyze", &["verify", path.to_str().unwrap()]) else { return };
    let words = both(&output);
    // Of other units on this machine it may say more.
    assert!(!words.contains("welkin-serve.service:"), "{words}");
    for line in ["KillMode=process", "Restart=always", "UMask=0077", "NoNewPrivileges=yes"] {
        assert!(text.lines().any(|said| said == line), "{line}");
    }
}

#[test]
fn the_manifest_is_yaml_with_one_replica_on_a_volume() {
    let test = "the_manifest_is_yaml_with_one_replica_on_a_volume";
    let folder = deploy().join("kubernetes");
    let Some(output) = program(test, "kubectl", &["kustomize", folder.to_str().unwrap()]) else { return };
    assert!(output.status.success(), "{}", both(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in ["kind: StatefulSet", "replicas: 1", "runAsNonRoot: true", "allowPrivilegeEscalation: false"]
    {
        assert!(text.lines().any(|said| said.trim() == line), "{line}: {text}");
    }
    assert_eq!(text.matches("- ReadWriteOncePod").count(), 2, "{text}");
}
