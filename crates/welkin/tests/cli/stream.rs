//! `-` as a place.

use crate::bed::Bed;
use std::io::{Read, Write};
use std::process::{Output, Stdio};

fn fed(bed: &Bed, args: &[&str], bytes: &[u8]) -> Output {
    let mut child = bed.command(args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn standard_input_becomes_an_object_and_comes_back() {
    let bed = Bed::new();
    let bytes: Vec<u8> = (0..3_000_001_u32).map(|at| (at * 31 / 7) as u8).collect();
    let hash = blake3::hash(&bytes).to_hex().to_string();
    for part in ["1MiB", "8MiB"] {
        let told = fed(&bed, &["cp", "-", "a/b", "--part-size", part], &bytes);
        let line = String::from_utf8(told.stdout).unwrap();
        assert!(told.status.success() && line.trim_end().ends_with(&format!("blake3 {hash}")), "{line}");
        let output = bed.run(["cp", "a/b", "-", "--part-size", part]);
        assert!(output.status.success() && output.stdout == bytes);
        assert!(String::from_utf8(output.stderr).unwrap().contains(&hash));
    }
    assert_eq!(fed(&bed, &["cp", "-", "empty"], b"").status.code(), Some(0));
    assert_eq!(bed.run(["cp", "empty", "-"]).stdout, b"");
}

#[test]
fn a_reader_that_closes_its_end_is_no_failure() {
    let bed = Bed::new();
    bed.file("long", &"x".repeat(20 << 20));
    let mut child = bed.command(["cp", "long", "-"]).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    output.read_exact(&mut [0; 100]).unwrap();
    drop(output);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_signal_leaves_nothing_behind() {
    let bed = Bed::new();
    let mut child =
        bed.command(["cp", "-", "d/x", "--part-size", "64KiB"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(&[7; 1 << 20]).unwrap();
    let folder = bed.file("marker", "").with_file_name("d");
    let entries = || std::fs::read_dir(&folder).map_or(0, Iterator::count);
    while entries() == 0 {
        std::thread::yield_now();
    }
    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::TERM)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(14));
    assert_eq!(entries(), 0);
}

#[test]
fn what_no_stream_can_be() {
    let bed = Bed::new();
    for args in [&["cp", "-", "-"][..], &["cp", "-", "x", "--manifest", "m"]] {
        assert_eq!(bed.run(args).status.code(), Some(2), "{args:?}");
    }
    for args in [&["cp", "-", "."][..], &["cp", "s3://bucket/", "-"], &["cp", "missing", "-"]] {
        let told = String::from_utf8(bed.run(args).stderr).unwrap();
        assert!(told.contains("names a folder") || told.contains("not there"), "{args:?}: {told}");
    }
}

#[test]
fn a_dry_run_tells_the_cost() {
    let bed = Bed::new();
    bed.file("tree/a", "hello");
    let seen = bed.json(&["cp", "tree", "copy", "--dry-run"]);
    assert_eq!(seen["cost"]["total_nano_usd"], 0, "{seen}");
    assert_eq!((&seen["cost"]["from"], &seen["cost"]["prices"]), (&"local".into(), &"list".into()), "{seen}");
    let told = bed.ok(["cp", "tree", "s3://bucket/tree", "--dry-run"]);
    // One write at 0.005 USD a thousand; nothing is asked of the store.
    assert!(told.contains("cost by list prices, local to aws/us-east-1: $0.000005"), "{told}");
    bed.file("h/config.toml", "[stores.mine]\nendpoint = \"http://127.0.0.1:9\"\n");
    let told = bed.ok(["cp", "tree", "mine:bucket", "--dry-run"]);
    assert!(told.contains("cost not known, since it is not said where mine:bucket is"), "{told}");
}
