//! Somebody who watches all runs by their events, and what they make of it; and clients that hang up before they are answered.

use crate::broker_kill::get;
use crate::kill::watched;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// What somebody knows who has seen events and no list.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    last: u64,
    /// Whether no number may be left out.
    dense: bool,
    runs: BTreeMap<String, Told>,
}

/// Of one run.
#[derive(Debug, Default)]
struct Told {
    state: String,
    /// What it becomes when it is over.
    into: String,
    over: bool,
}

impl Seen {
    /// Nothing yet, of records whose numbers follow each other.
    #[cfg(feature = "postgres")]
    pub(crate) fn dense() -> Self {
        Self { dense: true, ..Self::default() }
    }

    /// Takes in what happened since the last look.
    pub(crate) fn look(&mut self, socket: &Path) -> io::Result<()> {
        let (status, body) = get(socket, &format!("/v1/events?since={}&wait=1&limit=50", self.last))?;
        if status == 503 {
            // Its database does not answer.
            return Ok(());
        }
        assert_eq!(status, 200, "{body}");
        let page: Value = serde_json::from_str(&body).unwrap();
        for event in page["events"].as_array().unwrap() {
            self.take(event);
        }
        Ok(())
    }

    fn take(&mut self, event: &Value) {
        let seq = event["seq"].as_u64().unwrap();
        assert!(seq > self.last, "{seq} was told after {}", self.last);
        assert!(!self.dense || seq == self.last + 1, "{seq} was told after {}", self.last);
        self.last = seq;
        let told = self.runs.entry(event["run"].as_str().unwrap().to_owned()).or_default();
        assert!(!told.over, "something of {event} was told after its end");
        match event["record"].as_str().unwrap() {
            "run_started" => "running".clone_into(&mut told.state),
            "run_ending" => event["into"].as_str().unwrap().clone_into(&mut told.into),
            "run_ended" => (told.state, told.over) = (std::mem::take(&mut told.into), true),
            _ => {}
        }
    }

    /// How many runs are over.
    pub(crate) fn over(&self) -> usize {
        self.runs.values().filter(|told| told.over).count()
    }

    /// Runs and their states, which whoever lists them has to see as well.
    pub(crate) fn states(&self) -> BTreeMap<String, String> {
        self.runs.iter().map(|(run, told)| (run.clone(), told.state.clone())).collect()
    }
}

/// Sends something and hangs up after so long at most: whether it was taken is not known.
pub(crate) fn hang_up(mut command: Command, within: Duration) {
    let child = command.spawn().unwrap();
    let pid = Pid::from_child(&child);
    let ended = watched(child);
    if ended.recv_timeout(within).is_err() {
        // Whoever waits for it has not reaped it: the number is still its own, or it has ended this moment.
        let _ = kill_process(pid, Signal::KILL);
        ended.recv().unwrap();
    }
}
