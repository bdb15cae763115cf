//! Runs on hosts, killed: `kill -9` of the broker, of hosts with all that runs on them, and cuts of the line, at
//! random times. The run ends well, every output is committed once, nothing is left on any host.
//!
//! `WELKIN_SOAK_ROUNDS=200 cargo test -p welkin hosts_kill` kills two hundred times; `WELKIN_KILL_SEED` repeats what
//! failed.

use crate::bed::{Bed, both};
use crate::kill::{Dice, number, watched};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;
use welkin_testkit::net::Hosts;

/// Rounds of an ordinary test run: each takes some ten seconds when a host goes.
const ROUNDS: u64 = 3;

/// Times a round is disturbed before it is left in peace.
const BLOWS: u32 = 3;

/// Longest time before a blow: a round takes about as long undisturbed.
const WITHIN_MS: u64 = 2_500;

const JOB: &str = "
name: hunted
tasks:
  first:
    resources: {infra: ssh, cpus: 1}
    outputs: {out: {size: 1 MB}}
    run: seq 1 1000 > ~/outputs/out
  left:
    inputs: {numbers: first.out}
    resources: {infra: ssh, cpus: 1}
    outputs: {out: {size: 1 MB}}
    run: awk '{ s += $1 } END { print s }' ~/inputs/numbers > ~/outputs/out
  right:
    num_nodes: 2
    inputs: {numbers: first.out}
    resources: {infra: ssh, cpus: 1}
    outputs: {out: {size: 1 MB}}
    run: wc -l < ~/inputs/numbers > ~/outputs/out
  last:
    inputs: {left: left.out, right: right.out}
    resources: {infra: ssh, cpus: 1}
    run: echo \"result $(cat ~/inputs/left) $(cat ~/inputs/right)\"
";

#[test]
fn hosts_and_brokers_that_are_killed_lose_nothing() {
    let test = "hosts_and_brokers_that_are_killed_lose_nothing";
    let hosts = match Hosts::try_new(3) {
        Ok(hosts) => hosts,
        Err(reason) => {
            let required = std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_some();
            assert!(!required || !reason.to_string().contains("not installed"), "{test}: {reason}");
            return println!("skipped: {test}: {reason}");
        }
    };
    let seed = number("WELKIN_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1);
    for round in 0..number("WELKIN_SOAK_ROUNDS").unwrap_or(ROUNDS) {
        let seed = seed.wrapping_add(round * 2);
        println!("round {round}: WELKIN_KILL_SEED={seed}");
        hunt(&hosts, &mut Dice(seed | 1));
    }
}

/// What is away at the moment, and so how it comes back.
enum Away {
    Killed(usize),
    Cut(usize),
}

impl Away {
    fn end(self, hosts: &Hosts) {
        match self {
            Self::Killed(host) => hosts.restart(host),
            Self::Cut(host) => hosts.set_joined(host, true).unwrap(),
        }
    }
}

/// A home, and the way to the hosts.
struct Lab<'a> {
    bed: Bed,
    hosts: &'a Hosts,
    ssh: String,
}

impl Lab<'_> {
    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = self.bed.command(args);
        command.env("WELKIN_SSH", &self.ssh);
        command
    }

    fn json(&self, args: &[&str], told: &str) -> Value {
        let output = self.command(args).args(["-o", "json"]).output().unwrap();
        assert!(output.status.success(), "{}\n{told}", both(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn hunt(hosts: &Hosts, dice: &mut Dice) {
    let ssh = format!("{} ssh -F {}", hosts.prefix().join(" "), hosts.config().display());
    let lab = Lab { bed: Bed::new(), hosts, ssh };
    lab.bed.file("h/hosts.yaml", "lab:\n  hosts: [h1, h2, h3]\n");
    lab.bed.file("job.yaml", JOB);
    // So that the plan knows all of them.
    lab.json(&["providers"], "");
    let mut child = lab.command(&["up", "job.yaml", "--yes"]).spawn().unwrap();
    let mut told = String::new();
    let mut away: Option<Away> = None;
    for blow in 0.. {
        let peace = blow >= BLOWS;
        if peace && let Some(away) = away.take() {
            away.end(hosts);
        }
        let wait =
            if peace { Duration::from_secs(300) } else { Duration::from_millis(dice.below(WITHIN_MS)) };
        let broker = Pid::from_child(&child);
        let ended = watched(child);
        if let Ok(output) = ended.recv_timeout(wait) {
            told.push_str(&both(&output));
            if output.status.success() {
                break;
            }
            assert!(output.status.code().is_none() || !peace, "{told}");
        } else {
            assert!(!peace, "the run does not end: {told}");
            away = blown(hosts, away, dice);
            // It may have ended by itself meanwhile.
            let _ = kill_process(broker, Signal::KILL);
            told.push_str(&both(&ended.recv().unwrap()));
        }
        child = lab.command(&["resume"]).spawn().unwrap();
    }
    if let Some(away) = away {
        away.end(hosts);
    }
    check(&lab, &told);
}

/// One host goes, or the one that is away comes back; in a third of the cases neither.
fn blown(hosts: &Hosts, away: Option<Away>, dice: &mut Dice) -> Option<Away> {
    let host = usize::try_from(dice.below(3)).unwrap();
    match (dice.below(3), away) {
        (0, away) => away,
        (1, None) => {
            hosts.kill(host);
            Some(Away::Killed(host))
        }
        (_, None) => {
            hosts.set_joined(host, false).unwrap();
            Some(Away::Cut(host))
        }
        (_, Some(gone)) => {
            gone.end(hosts);
            None
        }
    }
}

fn check(lab: &Lab<'_>, told: &str) {
    let runs = lab.json(&["runs"], told);
    if let Some(run) = runs["runs"].as_array().unwrap().first() {
        assert_eq!(run["state"], "succeeded", "{told}");
        let status = lab.json(&["status", "--history"], told);
        let mut commits: BTreeMap<u64, u32> = BTreeMap::new();
        for line in status["history"].as_array().unwrap() {
            if line["record"] == "task_committed" {
                *commits.entry(line["attempt"]["task"].as_u64().unwrap()).or_default() += 1;
            }
        }
        assert_eq!(commits, BTreeMap::from([(0, 1), (1, 1), (2, 1), (3, 1)]), "{told}");
        let result = lab.bed.ok(["logs", "hunted", "last"]);
        assert!(result.contains("last | result 500500 1000"), "{result}\n{told}");
    }
    lab.json(&["gc"], told);
    for host in 0..lab.hosts.count() {
        let leases = std::fs::read_dir(lab.hosts.home(host).join(".welkin/host/ssh/leases"));
        let names = leases.into_iter().flatten().map(|entry| entry.unwrap().file_name());
        let left: Vec<_> = names.filter(|name| !name.to_string_lossy().starts_with('.')).collect();
        assert!(left.is_empty(), "h{} keeps {left:?}\n{told}", host + 1);
        let lines = lab.hosts.processes(host);
        let agents: Vec<_> = lines.into_iter().filter(|line| line.contains(" agent ")).collect();
        assert!(agents.is_empty(), "h{} runs {agents:?}\n{told}", host + 1);
    }
}
