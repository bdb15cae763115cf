//! Ctrl-C, SIGTERM and `welkin cancel`: clean ends.

use crate::bed::Bed;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::process::Child;

const JOB: &str = "name: endless\nresources: {cpus: 2+}\nrun: |\n  echo started\n  sleep 10000\n";

/// A run whose script is at work.
fn started(bed: &Bed) -> Child {
    bed.file("job.yaml", JOB);
    let mut up = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut lines = BufReader::new(up.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "endless | started"));
    // Whatever follows must not fill the pipe.
    std::thread::spawn(move || lines.count());
    up
}

#[test]
fn a_signal_in_a_pipe_cancels_and_gives_everything_back() {
    for signal in [Signal::INT, Signal::TERM] {
        let bed = Bed::new();
        let mut up = started(&bed);
        kill_process(Pid::from_child(&up), signal).unwrap();
        assert_eq!(up.wait().unwrap().code(), Some(7));
        assert_eq!(bed.json(&["status"])["run"]["state"], "cancelled");
        bed.assert_clean();
    }
}

#[test]
fn another_process_can_cancel() {
    let bed = Bed::new();
    let mut up = started(&bed);
    let told = bed.ok(["cancel", "endless"]);
    assert!(told.trim_end().ends_with("cancelled"), "{told}");
    assert_eq!(up.wait().unwrap().code(), Some(7));
    bed.assert_clean();
}

#[test]
fn a_run_that_nobody_drives_can_be_cancelled_and_taken_down() {
    for command in ["cancel", "down"] {
        let bed = Bed::new();
        let mut up = started(&bed);
        up.kill().unwrap();
        up.wait().unwrap();
        assert_eq!(bed.leases().len(), 1);
        bed.ok([command, "endless"]);
        assert_eq!(bed.json(&["status"])["run"]["state"], "cancelled");
        bed.assert_clean();
    }
}
