//! What must be true in the end, by what scripts wrote down, what lies on the hosts, and what runs there. Nothing here
//! asks the broker but for its own story, which is held against the rest.
//!
//! - *Nothing lost.* Every task came to its end on each of its nodes, in the attempt that was committed; its output,
//!   and what was delivered, is what that attempt made, and whoever read it read that one.
//! - *Nothing doubled.* No script of an attempt began twice on a node. Each task was committed once. There are no more
//!   attempts than hosts that went away account for: the death of a broker alone begins nothing anew.
//! - *Nothing left over.* No lease, node, socket or process is left on any host, nothing is owed, and no output that
//!   nobody committed is kept.
//! - *Nothing billed wrongly.* Each lease has one line, of no less than its scripts were seen to take and no more than
//!   the whole round took.

use super::job::{HOST_HOUR, LAST, TASKS, Task};
use super::lab::{Lab, age, comes_to_be, is_half_done, names};
use super::ledger::Ledger;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Nano-dollars that a host costs in a millisecond.
const HOST_MS: u64 = HOST_HOUR * 1_000_000_000 / 3_600_000;

/// A bill is for whole seconds, and its clock is not ours.
const ROUNDING_MS: u64 = 3_000;

/// Judges a run that has ended, with so many hosts that went away meanwhile.
pub(super) fn judge(lab: &Lab<'_>, blows: usize, told: &str) {
    let ledger = Ledger::read(&lab.ledger());
    let mut wrong = Vec::new();
    match lab.run(told) {
        Some(run) => {
            let id = run["id"].as_str().unwrap().to_owned();
            let status = lab.json(&["status", &id, "--history"], told);
            if run["state"] != "succeeded" {
                wrong.push(format!("the run is {}", run["state"]));
            }
            for (index, task) in TASKS.iter().enumerate() {
                let committed = committed(&status, index, &mut wrong);
                if let Some(attempt) = committed {
                    lost(lab, &ledger, task, attempt, &status["run"]["tasks"][index], &mut wrong);
                }
                doubled(&ledger, task, blows, &mut wrong);
            }
            billed(lab, &ledger, &id, &status, told, &mut wrong);
            let prefixes = prefixes(&status);
            left_over(lab, &prefixes, told, &mut wrong);
        }
        // Killed before the run was on record: nothing may have come of it.
        None => {
            wrong.extend(ledger.0.iter().map(|line| format!("no run is on record, but {line:?}")));
            left_over(lab, &[], told, &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{:#?}\n{told}", ledger.0);
}

/// The attempt that a task was committed by.
fn committed(status: &Value, index: usize, wrong: &mut Vec<String>) -> Option<u64> {
    let history = status["history"].as_array().unwrap();
    let own = |line: &&Value| {
        line["record"] == "task_committed" && line["attempt"]["task"].as_u64() == Some(index as u64)
    };
    let commits: Vec<u64> =
        history.iter().filter(own).filter_map(|line| line["attempt"]["number"].as_u64()).collect();
    if commits.len() != 1 {
        wrong.push(format!("{} was committed by {commits:?}", TASKS[index].name));
    }
    commits.first().copied()
}

fn lost(lab: &Lab<'_>, ledger: &Ledger, task: &Task, attempt: u64, story: &Value, wrong: &mut Vec<String>) {
    let name = task.name;
    let made = ledger.made(name, attempt);
    let whole: BTreeMap<u32, u64> = (0..task.nodes).map(|rank| (rank, task.value())).collect();
    if made != whole {
        wrong.push(format!("{name} was committed by attempt {attempt}, whose nodes made {made:?}"));
    }
    let expected = format!("{attempt} {}\n", task.value());
    let prefix = story["outputs"]["out"]["prefix"].as_str().unwrap_or_default();
    let kept = kept(&lab.bed.home(), prefix);
    if kept.as_deref() != Some(expected.as_str()) {
        wrong.push(format!("{name} left {kept:?}; attempt {attempt} made {expected:?}"));
    }
    for (at, line, of) in ledger.readings(name) {
        if of != attempt {
            wrong.push(format!("{line:?}, but attempt {attempt} of {name} was committed"));
        }
        if ledger.ended(name, attempt).is_none_or(|ended| ended > at) {
            wrong.push(format!("{line:?}, before {name} had ended"));
        }
    }
    let delivered = fs::read_to_string(lab.results().join(name)).ok();
    if name == LAST && delivered.as_deref() != Some(expected.as_str()) {
        wrong.push(format!("{name} delivered {delivered:?}, and made {expected:?}"));
    }
}

fn doubled(ledger: &Ledger, task: &Task, blows: usize, wrong: &mut Vec<String>) {
    for ((name, attempt, rank), times) in ledger.beginnings() {
        if name == task.name && times > 1 {
            wrong.push(format!("attempt {attempt} of {name} began {times} times on node {rank}"));
        }
    }
    let attempts = ledger.attempts(task.name);
    // Each host that goes takes at most one attempt of a task along.
    if attempts.len() > blows + 1 {
        wrong.push(format!("{} was begun in attempts {attempts:?}, {blows} hosts went away", task.name));
    }
}

fn billed(lab: &Lab<'_>, ledger: &Ledger, run: &str, status: &Value, told: &str, wrong: &mut Vec<String>) {
    let bill = lab.json(&["cost", run], told)["bill"].take();
    let lines = bill["lines"].as_array().unwrap();
    let sum: u64 = lines.iter().filter_map(|line| line["cost"].as_u64()).sum();
    if bill["metered"].as_u64() != Some(sum) {
        wrong.push(format!("the bill says {}, its lines sum to {sum}", bill["metered"]));
    }
    let most_ms = u64::try_from(lab.elapsed().as_millis()).unwrap() + ROUNDING_MS;
    for (index, task) in TASKS.iter().enumerate() {
        for attempt in status["run"]["tasks"][index]["attempts"].as_array().unwrap() {
            let number = attempt["id"]["number"].as_u64().unwrap();
            let subject = format!("{run}-t{index}-a{number}-");
            let of_lease = |line: &&Value| {
                line["item"].get("vm").is_some() && line["subject"].as_str().unwrap().starts_with(&subject)
            };
            let costs: Vec<u64> =
                lines.iter().filter(of_lease).filter_map(|line| line["cost"].as_u64()).collect();
            let leased = attempt["lease_id"].is_string();
            if costs.len() != usize::from(leased) {
                wrong.push(format!("{subject} is billed {costs:?}, and was leased: {leased}"));
            }
            // A host that was cut off may have worked longer than it was rented.
            let is_committed = attempt["end"]["end"] == "committed";
            let seen_ms = if is_committed { ledger.seen_ns(task.name, number) / 1_000_000 } else { 0 };
            // A node has a part of a host: all of it at the most, and more than a hundredth at the least.
            let (least, most) = (seen_ms * HOST_MS / 100, most_ms * HOST_MS * u64::from(task.nodes));
            wrong.extend(
                costs
                    .iter()
                    .filter(|cost| !(least..=most).contains(cost))
                    .map(|cost| format!("{subject} is billed {cost}; between {least} and {most} can be")),
            );
        }
    }
}

/// Where committed outputs are.
fn prefixes(status: &Value) -> Vec<String> {
    let tasks = status["run"]["tasks"].as_array().unwrap();
    let outputs = tasks.iter().flat_map(|task| task["outputs"].as_object().unwrap().values());
    outputs.map(|output| output["prefix"].as_str().unwrap().to_owned()).collect()
}

fn left_over(lab: &Lab<'_>, prefixes: &[String], told: &str, wrong: &mut Vec<String>) {
    let own = lab.own_folder();
    age(&own);
    let collected = lab.json(&["gc"], told);
    for nothing in ["leases", "failures"] {
        if collected[nothing] != Value::Array(Vec::new()) {
            wrong.push(format!("gc found {nothing}: {}", collected[nothing]));
        }
    }
    for host in 0..lab.hosts.count() {
        let name = format!("h{}", host + 1);
        for folder in lab.folders(host).iter().filter(|folder| !folder.ends_with("bin")) {
            let known = ["leases", "ended", "barred"];
            let left: Vec<String> = names(folder)
                .into_iter()
                .filter(|name| !is_half_done(name) && !known.contains(&name.as_str()))
                .collect();
            if !left.is_empty() {
                wrong.push(format!("{name} keeps {left:?} in {}", folder.display()));
            }
        }
        let left: Vec<String> =
            lab.hosts.processes(host).into_iter().filter(|line| !is_server(line)).collect();
        if !left.is_empty() {
            wrong.push(format!("{name} runs {left:?}"));
        }
    }
    let owed = names(&own);
    if !owed.is_empty() {
        wrong.push(format!("leases are still on record: {owed:?}"));
    }
    let buckets = lab.bed.home().join("ssh/buckets");
    for file in files(&buckets) {
        let text = file.to_string_lossy();
        let is_whole = !text.contains("/.welkin-");
        if !is_whole || !prefixes.iter().any(|prefix| text.contains(&format!("/{prefix}/"))) {
            wrong.push(format!("nobody needs {text}"));
        }
    }
    if !comes_to_be(|| lab.bed.processes().is_empty()) {
        wrong.push(format!("processes of this machine do not end: {:?}", lab.bed.processes()));
    }
}

/// The program at the other end of a login. It ends when its broker hangs up, or is not heard for a minute.
pub(super) fn is_server(line: &str) -> bool {
    line.contains(" host --root ")
}

/// The output that lies at a prefix of some bucket.
fn kept(home: &Path, prefix: &str) -> Option<String> {
    let wanted = format!("/{prefix}/data/file");
    let files = files(&home.join("ssh/buckets"));
    let found = files.iter().find(|file| file.to_string_lossy().ends_with(&wanted))?;
    fs::read_to_string(found).ok()
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.into_iter().flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
