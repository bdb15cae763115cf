//! `kill -9` of the broker and of agents at random times, then `welkin resume`: the run ends well,
//! every output is committed once, nothing is left.
//!
//! `WELKIN_SOAK_ROUNDS=200 cargo test -p welkin kill` kills two hundred times; `WELKIN_KILL_SEED`
//! repeats what failed.

use crate::bed::{Bed, both};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::process::Child;
use std::sync::mpsc;
use std::time::Duration;

/// Rounds of an ordinary test run: enough to catch a gross mistake within some seconds.
const ROUNDS: u64 = 8;

/// Times a round may be killed before it is left in peace.
const KILLS: u32 = 3;

/// Longest time before a kill: a round takes about as long undisturbed.
const WITHIN_MS: u64 = 900;

const JOB: &str = "
name: hunted
tasks:
  first:
    resources: {cpus: 2+}
    outputs: {out: {size: 1 MB}}
    run: seq 1 1000 > ~/outputs/out
  left:
    inputs: {numbers: first.out}
    resources: {cpus: 2+, infra: gcp}
    outputs: {out: {size: 1 MB}}
    run: awk '{ s += $1 } END { print s }' ~/inputs/numbers > ~/outputs/out
  right:
    num_nodes: 2
    inputs: {numbers: first.out}
    resources: {cpus: 2+, infra: azure}
    outputs: {out: {size: 1 MB}}
    run: wc -l < ~/inputs/numbers > ~/outputs/out
  last:
    inputs: {left: left.out, right: right.out}
    resources: {cpus: 2+}
    run: echo \"result $(cat ~/inputs/left) $(cat ~/inputs/right)\"
";

/// A small generator (xorshift64*), so that a seed tells the whole story.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }
}

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn killed_at_random_times_the_run_ends_well_after_resume() {
    let seed = number("WELKIN_KILL_SEED").unwrap_or_else(|| u64::from(std::process::id()) << 20 | 1);
    for round in 0..number("WELKIN_SOAK_ROUNDS").unwrap_or(ROUNDS) {
        let seed = seed.wrapping_add(round * 2);
        println!("round {round}: WELKIN_KILL_SEED={seed}");
        hunt(&mut Dice(seed | 1));
    }
}

fn hunt(dice: &mut Dice) {
    let bed = Bed::new();
    bed.file("job.yaml", JOB);
    let mut child = bed.command(["up", "job.yaml"]).spawn().unwrap();
    let mut told = String::new();
    for kill in 0.. {
        let peace = kill >= KILLS;
        let wait =
            if peace { Duration::from_secs(120) } else { Duration::from_millis(dice.below(WITHIN_MS)) };
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
            // Either the broker, or one of the agents and the broker a moment later or not at all.
            if dice.below(3) == 0 && kill_agent(&bed, dice) && dice.below(2) == 0 {
                let output = ended.recv().unwrap();
                told.push_str(&both(&output));
                assert!(output.status.success(), "{told}");
                break;
            }
            // It may have ended by itself meanwhile.
            let _ = kill_process(broker, Signal::KILL);
            told.push_str(&both(&ended.recv().unwrap()));
        }
        child = bed.command(["resume"]).spawn().unwrap();
    }
    check(&bed, &told);
}

/// Waits for a process on a thread of its own.
pub(crate) fn watched(child: Child) -> mpsc::Receiver<std::process::Output> {
    let (tell, ended) = mpsc::channel();
    std::thread::spawn(move || tell.send(child.wait_with_output().unwrap()));
    ended
}

fn kill_agent(bed: &Bed, dice: &mut Dice) -> bool {
    let is_agent = |pid: &i32| {
        fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).nth(1) == Some(b"agent"))
    };
    let agents: Vec<i32> = bed.processes().into_iter().filter(is_agent).collect();
    if agents.is_empty() {
        return false;
    }
    let index = usize::try_from(dice.below(agents.len() as u64)).unwrap();
    Pid::from_raw(agents[index]).is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
}

fn check(bed: &Bed, told: &str) {
    let runs = bed.json(&["runs"]);
    let Some(run) = runs["runs"].as_array().unwrap().first() else {
        // Killed before the run was on record: there is nothing to resume and nothing to lose.
        bed.assert_clean();
        return;
    };
    assert_eq!(run["state"], "succeeded", "{told}");
    let status = bed.json(&["status", "--history"]);
    let mut commits: BTreeMap<u64, u32> = BTreeMap::new();
    for line in status["history"].as_array().unwrap() {
        if line["record"] == "task_committed" {
            *commits.entry(line["attempt"]["task"].as_u64().unwrap()).or_default() += 1;
        }
    }
    assert_eq!(commits, BTreeMap::from([(0, 1), (1, 1), (2, 1), (3, 1)]), "{told}");
    let result = bed.ok(["logs", "hunted", "last"]);
    assert!(result.contains("last | result 500500 1000"), "{result}\n{told}");
    bed.assert_clean();
}
