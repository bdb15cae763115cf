//! What runs keep: outputs are fetched long after, and all of it is removed on request.

use crate::bed::{Bed, both, stderr};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

const JOB: &str = "name: NAME
tasks:
  make:
    resources: {cpus: 2+}
    outputs: {table: {size: 1MB}}
    run: |
      mkdir -p \"$WELKIN_OUTPUT_TABLE\"/deep
      echo hello > \"$WELKIN_OUTPUT_TABLE\"/deep/file
      seq 100000
";

fn a_run(bed: &Bed, name: &str) -> String {
    bed.file("job.yaml", &JOB.replace("NAME", name));
    bed.ok(["up", "job.yaml"]);
    bed.json(&["status"])["run"]["id"].as_str().unwrap().to_owned()
}

/// Files below a folder whose path holds `text`.
pub(crate) fn files(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path(), text));
        } else if entry.path().to_string_lossy().contains(text) {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn an_output_of_an_old_run_is_fetched_and_replaces_nothing() {
    let bed = Bed::new();
    let run = a_run(&bed, "first");
    a_run(&bed, "second");
    let there = bed.home().with_file_name("there");
    bed.ok(["fetch", &run, "make.table", "there/new"]);
    assert_eq!(fs::read_to_string(there.join("new/deep/file")).unwrap(), "hello\n");

    // What has content stays, whether folder, file or link; an empty folder may go.
    fs::create_dir(there.join("empty")).unwrap();
    fs::create_dir(there.join("full")).unwrap();
    fs::write(there.join("full/mine"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", there.join("link")).unwrap();
    for (name, code) in [("empty", 0), ("full", 9), ("link", 9), ("full/mine", 9), ("new", 9)] {
        let output = bed.run(["fetch", &run, "make.table", &format!("there/{name}")]);
        assert_eq!(output.status.code(), Some(code), "{name}: {}", both(&output));
    }
    assert_eq!(fs::read_to_string(there.join("full/mine")).unwrap(), "mine");
    let mut left: Vec<String> = fs::read_dir(&there)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["empty", "full", "link", "new"]);
}

#[test]
fn an_output_that_was_changed_or_is_unknown_is_not_fetched() {
    let bed = Bed::new();
    let run = a_run(&bed, "first");
    let unknown = bed.run(["fetch", &run, "make.other", "there"]);
    assert_eq!(unknown.status.code(), Some(9), "{}", both(&unknown));
    assert!(stderr(&unknown).contains("it has make.table"), "{}", both(&unknown));
    let elsewhere = bed.run(["fetch", &run, "make.table", "s3://pail/there"]);
    assert_eq!(elsewhere.status.code(), Some(2), "{}", both(&elsewhere));
    let kept = files(&bed.home().join("clouds"), &format!("{run}/make"));
    let data = kept.iter().find(|path| path.ends_with("file")).unwrap();
    fs::write(data, "jello\n").unwrap();
    let changed = bed.run(["fetch", &run, "make.table", "there"]);
    assert_eq!(changed.status.code(), Some(1), "{}", both(&changed));
    assert!(!bed.home().with_file_name("there").exists());
}

/// Leases that are over and still on record at their clouds.
fn archived(clouds: &Path) -> usize {
    files(clouds, "/ended/").iter().filter(|path| path.ends_with("lease.json")).count()
}

/// Bytes of a database with its log: how much of it is still in the log depends on who was the last to close it.
fn on_disk(database: &Path) -> u64 {
    let log = database.with_extension("sqlite3-wal");
    [database, &log].iter().filter_map(|path| path.metadata().ok()).map(|file| file.len()).sum()
}

#[test]
fn prune_removes_old_runs_with_all_they_keep_and_says_what_it_freed() {
    let bed = Bed::new();
    assert_eq!(bed.json(&["prune"])["runs"], Value::Array(Vec::new()));
    let (first, second) = (a_run(&bed, "first"), a_run(&bed, "second"));
    let clouds = bed.home().join("clouds");
    let database = bed.home().join("state/broker.sqlite3");
    let before = on_disk(&database);
    // Nothing is older than a month.
    assert_eq!(bed.json(&["prune"])["runs"], Value::Array(Vec::new()));
    let would = bed.json(&["prune", "--keep", "1", "--dry-run"]);
    assert_eq!((&would["runs"][0], &would["dry_run"]), (&first.as_str().into(), &true.into()));
    // One of the two keeps less than all of it, both together more; half of it is less than one keeps.
    let one = would["object_bytes"].as_u64().unwrap() + would["database_bytes"].as_u64().unwrap();
    for (size, go) in [(one / 2, 2), (one + one / 2, 1), (3 * one, 0)] {
        let sized = bed.json(&["prune", "--keep-size", &format!("{size}B"), "--dry-run"]);
        assert_eq!(sized["runs"].as_array().unwrap().len(), go, "{size} {sized}");
    }
    assert_eq!(archived(&clouds), 2);
    let unasked = bed.run(["prune", "--keep", "1"]);
    assert_eq!(unasked.status.code(), Some(2), "{}", both(&unasked));
    assert_eq!(bed.json(&["runs"])["runs"].as_array().unwrap().len(), 2);
    assert!(!files(&clouds, &format!("runs/{first}/")).is_empty());

    let pruned = bed.json(&["prune", "--keep", "1", "--yes"]);
    assert_eq!(pruned["runs"].as_array().unwrap().len(), 1, "{pruned}");
    assert!(
        pruned["objects"].as_u64().unwrap() > 0 && pruned["database_bytes"].as_u64().unwrap() > 0,
        "{pruned}"
    );
    assert!(on_disk(&database) < before, "{before} bytes before, {} after: {pruned}", on_disk(&database));
    assert_eq!((&would["objects"], archived(&clouds)), (&pruned["objects"], 1));
    assert_eq!(files(&clouds, &format!("runs/{first}/")), Vec::<PathBuf>::new());
    assert!(!files(&clouds, &format!("runs/{second}/")).is_empty());
    assert_eq!(bed.run(["status", &first]).status.code(), Some(9));
    bed.ok(["fetch", &second, "make.table", "there"]);

    let told = bed.ok(["prune", "--yes", &second]);
    assert!(told.contains(&format!("removed {second}")) && told.contains("1 run removed: "), "{told}");
    assert_eq!(bed.json(&["runs"])["runs"], Value::Array(Vec::new()));
    bed.assert_clean();
}

#[test]
fn a_run_that_is_not_over_is_not_removed() {
    let bed = Bed::new();
    bed.file("job.yaml", "name: slow\nresources: {infra: local}\nrun: |\n  echo started\n  exec sleep 600\n");
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(up.stdout.take().unwrap()));
    assert!(lines.any(|line| line.unwrap() == "slow | started"));
    up.kill().unwrap();
    up.wait().unwrap();
    let named = bed.run(["prune", "slow", "--yes"]);
    assert_eq!(named.status.code(), Some(2), "{}", both(&named));
    assert!(stderr(&named).contains("welkin cancel slow"), "{}", both(&named));
    assert_eq!(bed.json(&["prune", "--keep", "0", "--yes"])["runs"], Value::Array(Vec::new()));
    bed.ok(["cancel", "slow"]);
    assert_eq!(bed.json(&["prune", "--keep", "0", "--yes"])["runs"].as_array().unwrap().len(), 1);
    bed.assert_clean();
}
