//! Nodes whose disk fails, and mounts that would spoil a node: told, bounded, and nothing left.

use crate::bed::{Bed, both, stderr};
use crate::broker::Apart;
use std::fs;
use std::process::Command;

/// Three attempts that were faults of their node, and the words of the last. A place that cannot even write down the
/// lease refuses, which is no attempt of the task.
fn assert_told(bed: &Bed, output: &std::process::Output, words: &str) {
    assert_eq!(output.status.code(), Some(6), "{}", both(output));
    for wanted in ["failed too often", words] {
        assert!(stderr(output).contains(wanted), "{wanted}: {}", both(output));
    }
    let status = bed.json(&["status"]);
    let attempts = status["run"]["tasks"][0]["attempts"].as_array().unwrap();
    let faults = attempts.iter().filter(|attempt| attempt["end"]["end"] == "failed").count();
    assert_eq!(faults, 3, "{status}");
    bed.assert_clean();
}

#[test]
fn a_node_that_lost_its_records_ends_the_run_with_a_word() {
    let bed = Bed::new();
    let job =
        "name: vandal\nresources: {cpus: 2+}\nsetup: rm -rf ~/.welkin; touch ~/.welkin\nrun: echo never\n";
    bed.file("job.yaml", job);
    let output = bed.run(["up", "job.yaml"]);
    assert_told(&bed, &output, "cannot keep the records of a step in");
}

#[test]
fn a_full_disk_ends_the_run_and_its_leases_are_given_back() {
    let bed = Bed::new();
    let Some(_disk) = SmallDisk::mount(bed.home().join("clouds")) else {
        eprintln!("skipped: a_full_disk_ends_the_run_and_its_leases_are_given_back: no tmpfs");
        return;
    };
    let fill = "setup: dd if=/dev/zero of=$HOME/big bs=1M count=20; true";
    bed.file("job.yaml", &format!("name: full\nresources: {{cpus: 2+}}\n{fill}\nrun: echo never\n"));
    let output = bed.run(["up", "job.yaml"]);
    assert_told(&bed, &output, "No space left on device");
}

#[test]
fn mounts_that_would_spoil_a_node_are_refused_before_anything_is_leased() {
    let bed = Bed::new();
    bed.file("data.txt", "x");
    for (target, words) in [
        ("~/.welkin/steps", "where the node keeps its own records"),
        (".", "the folder that scripts run in"),
        ("~/sky_workdir", "the folder that scripts run in"),
        ("~", "the home of the node itself"),
        ("../x", "'..'"),
    ] {
        let job = format!(
            "name: m\nresources: {{cpus: 2+}}\nfile_mounts: {{\"{target}\": ./data.txt}}\nrun: echo hi\n"
        );
        bed.file("job.yaml", &job);
        let output = bed.run(["up", "job.yaml"]);
        assert!(!output.status.success() && stderr(&output).contains(words), "{target}: {}", both(&output));
    }
    let leases = bed.home().join("clouds").read_dir().into_iter().flatten().flatten();
    let leased = leases.flat_map(|cloud| cloud.path().join("ended").read_dir().into_iter().flatten());
    assert_eq!(leased.count(), 0);
    assert_eq!(bed.leases(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_broker_without_room_for_its_records_says_so_and_not_that_nobody_drives_the_run() {
    let bed = Apart::new();
    let Some(_disk) = SmallDisk::mount(bed.home().join("state")) else {
        eprintln!("skipped: a_broker_without_room_for_its_records_says_so: no tmpfs");
        return;
    };
    bed.ok(["up", "--yes", "-c", "dev", "--cpus", "1"]);
    let filler = bed.home().join("state/filler");
    let mut fill = Command::new("dd");
    fill.args(["if=/dev/zero", "bs=4k"]).arg(format!("of={}", filler.display()));
    assert!(!fill.output().unwrap().status.success(), "it is full");
    // The second time it may be that nobody drives the run any more, and then it is told why.
    for _ in 0..2 {
        let refused = bed.run(["stop", "dev", "--yes"]);
        let told = stderr(&refused);
        let says = told.contains("could not be recorded") || told.contains("cannot go on at present");
        assert!(!refused.status.success() && says && told.contains("full"), "{told}");
        assert!(!told.contains("is not driven"), "{told}");
    }
    fs::remove_file(filler).unwrap();
    bed.ok(["stop", "dev", "--yes"]);
    bed.ok(["down", "dev", "--yes"]);
}

/// A disk of six megabytes at a folder, where this process may make one.
pub(crate) struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    pub(crate) fn mount(folder: std::path::PathBuf) -> Option<Self> {
        fs::create_dir_all(&folder).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"]).arg(&folder);
        mount.output().is_ok_and(|output| output.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the agent of a failed test may still be on it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
