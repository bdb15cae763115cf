//! What must hold when a run has ended, by records that the broker does not write.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::leases::{self, Lease, entries};
use super::ledger::Ledger;
use super::piece::{Blow, Piece, Task, values};
use super::scene::{Broker, Scene};

/// Shortest time that a cloud bills.
const MINIMUM_S: u64 = 60;

/// A bill may be longer than what we saw from outside by its rounding up to a second, and what the two clocks
/// differ by.
const ROUNDING_S: u64 = 3;

const HOUR_S: u64 = 3_600;

/// Everything that is wrong, a line each; empty when nothing is.
pub(super) fn audit(scene: &Scene<'_>, pieces: &[Piece], ends: &[Broker]) -> Result<String> {
    let mut wrong = String::new();
    if ends.is_empty() {
        return Ok("no broker was started\n".to_owned());
    }
    if ends.iter().any(|broker| broker.end.hung) {
        return Ok("a broker did not end\n".to_owned());
    }
    let Some(id) = scene.run_id()? else {
        // Refused, or killed before the run was on record: nothing may be there.
        wrong.push_str(&nothing_left(scene)?);
        return Ok(wrong);
    };
    let status = scene.json(&["status", &id, "--history"])?;
    let state = status["run"]["state"].as_str().context("a state")?.to_owned();
    wrong.push_str(&honest(&state, ends, pieces, &scene.tasks));
    wrong.push_str(&nothing_left(scene)?);
    let ledger = Ledger::read(&scene.ledger())?;
    wrong.push_str(&bill(scene, &id, &ledger)?);
    wrong.push_str(&outputs(scene, &status, &state, &ledger)?);
    wrong.push_str(&order(&scene.tasks, &ledger));
    Ok(wrong)
}

/// Do exit code and state tell what had to come?
fn honest(state: &str, ends: &[Broker], pieces: &[Piece], tasks: &[Task]) -> String {
    let mut wrong = String::new();
    let code = match state {
        "succeeded" => Some(0),
        "failed" => Some(6),
        "cancelled" => Some(7),
        _ => None,
    };
    // A broker that was killed once the run was over leaves the next with nothing to do.
    let told = |last: &Broker| last.end.code == code || (last.found_over && last.end.code == Some(0));
    if !ends.last().is_some_and(told) {
        let last = ends.last().and_then(|last| last.end.code);
        let _ = writeln!(wrong, "the run is {state}, the last exit code {last:?}");
    }
    let any = |wanted: fn(&Piece) -> bool| pieces.iter().any(wanted);
    let cancelled = any(|piece| matches!(piece, Piece::Blow(Blow::Cancel(_))));
    let tight = any(|piece| matches!(piece, Piece::SmallDisk(_)));
    let stepped = any(|piece| matches!(piece, Piece::Blow(Blow::Clock(..))));
    let lost = any(|piece| matches!(piece, Piece::Fault("preemptions", _) | Piece::Blow(Blow::KillAgent(_))));
    let can_succeed = tasks.iter().all(Task::can_succeed);
    // A clock that jumps by days may let a machine that boots look late; a full disk may stop any task; what is lost
    // with its machine begins again, and a script may succeed then that would have failed once too often.
    let must = if cancelled || tight || stepped || (lost && !can_succeed) {
        None
    } else {
        Some(if can_succeed { "succeeded" } else { "failed" })
    };
    if let Some(must) = must.filter(|must| *must != state) {
        let _ = writeln!(wrong, "the run is {state}; it had to be {must}");
    }
    wrong
}

/// Nothing that costs, and nothing that runs.
fn nothing_left(scene: &Scene<'_>) -> Result<String> {
    let mut wrong = String::new();
    for lease in leases::all(&scene.home())?.iter().filter(|lease| !lease.is_over) {
        let _ = writeln!(wrong, "lease {} of {} is still open", lease.id, lease.task);
    }
    let processes = scene.processes();
    if !processes.is_empty() {
        let _ = writeln!(wrong, "processes still run: {processes:?}");
    }
    let collected = scene.json(&["gc"])?;
    for nothing in ["leases", "orphans", "failures"] {
        if collected[nothing] != Value::Array(Vec::new()) {
            let _ = writeln!(wrong, "gc found {nothing}: {}", collected[nothing]);
        }
    }
    Ok(wrong)
}

/// Every lease once on the bill, at its price, for a time that can be.
fn bill(scene: &Scene<'_>, id: &str, ledger: &Ledger) -> Result<String> {
    let mut wrong = String::new();
    let bill = scene.json(&["cost", id])?["bill"].take();
    let lines = bill["lines"].as_array().context("lines of a bill")?;
    let sum: u64 = lines.iter().filter_map(|line| line["cost"].as_u64()).sum();
    if bill["metered"].as_u64() != Some(sum) {
        let _ = writeln!(wrong, "the bill says {}, its lines sum to {sum}", bill["metered"]);
    }
    let mut billed: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["item"].get("vm").is_some()) {
        let subject = line["subject"].as_str().context("a subject")?;
        billed.entry(subject).or_default().push(line["cost"].as_u64().context("a cost")?);
    }
    let spans = ledger.spans_ns();
    for lease in leases::all(&scene.home())?.iter().filter(|lease| lease.run == id) {
        let costs = billed.remove(lease.token.as_str()).unwrap_or_default();
        let seen_ns = spans.get(&(lease.task.as_str(), lease.attempt)).map_or(0, |(from, to)| to - from);
        let (least, most) = bounds(lease, seen_ns / 1_000_000_000, scene.elapsed().as_secs());
        match costs[..] {
            [cost] if (least..=most).contains(&cost) => {}
            [cost] => {
                let _ =
                    writeln!(wrong, "lease {} is billed {cost}; between {least} and {most} can be", lease.id);
            }
            _ => {
                let _ = writeln!(wrong, "lease {} is billed {} times", lease.id, costs.len());
            }
        }
    }
    for subject in billed.keys() {
        let _ = writeln!(wrong, "billed, but no cloud knows it: {subject}");
    }
    Ok(wrong)
}

/// Nano-dollars that the lease may cost: no less than what its scripts were seen to take, no more than the round.
fn bounds(lease: &Lease, seen_s: u64, round_s: u64) -> (u64, u64) {
    let price = |seconds: u64| lease.hourly * lease.nodes * seconds / HOUR_S;
    // One for the rounding of the last nano-dollar.
    (price(MINIMUM_S.max(seen_s)).saturating_sub(1), price(MINIMUM_S.max(round_s + ROUNDING_S)) + 1)
}

/// Every task that succeeded ran to its end, was committed once, and left what its script made.
fn outputs(scene: &Scene<'_>, status: &Value, state: &str, ledger: &Ledger) -> Result<String> {
    let mut wrong = String::new();
    let values = values(&scene.tasks);
    let told = status["run"]["tasks"].as_array().context("tasks of a run")?;
    let history = status["history"].as_array().context("a history")?;
    for (index, task) in scene.tasks.iter().enumerate() {
        let own = told.iter().find(|told| told["name"] == task.name.as_str()).context("a task")?;
        let succeeded = own["state"] == "succeeded";
        if state == "succeeded" && !succeeded {
            let _ = writeln!(wrong, "{} is {}, the run succeeded", task.name, own["state"]);
        }
        let commits = history.iter().filter(|line| {
            line["record"] == "task_committed" && line["attempt"]["task"].as_u64() == Some(index as u64)
        });
        let commits = commits.count();
        if commits != usize::from(succeeded) {
            let _ = writeln!(wrong, "{} was committed {commits} times and is {}", task.name, own["state"]);
        }
        if !succeeded {
            continue;
        }
        let begun = ledger.attempts(&task.name);
        if begun <= task.fails as usize {
            let _ =
                writeln!(wrong, "{} succeeded in {begun} attempts; {} had to fail", task.name, task.fails);
        }
        if !ledger.ran_to_its_end(&task.name, task.nodes) {
            let _ = writeln!(wrong, "{} succeeded, but never ran to its end", task.name);
        }
        let expected = format!("{}\n", values[task.name.as_str()]);
        let prefix = own["outputs"]["out"]["prefix"].as_str().context("where an output is")?;
        let kept = kept(&scene.home(), prefix);
        if kept.as_deref() != Some(expected.as_str()) {
            let _ = writeln!(wrong, "{} left {kept:?}; its script made {expected:?}", task.name);
        }
        let delivered = fs::read_to_string(scene.results().join(&task.name)).ok();
        // Whoever cancels does not wait for what is still to be delivered; it stays in its store.
        let due = task.delivered && (state != "cancelled" || delivered.is_some());
        if due && delivered.as_deref() != Some(expected.as_str()) {
            let _ = writeln!(wrong, "{} delivered {delivered:?}; its script made {expected:?}", task.name);
        }
    }
    Ok(wrong)
}

/// The output that lies at a prefix of some bucket.
fn kept(home: &Path, prefix: &str) -> Option<String> {
    let regions = entries(&home.join("clouds")).into_iter().flat_map(|cloud| entries(&cloud.join("buckets")));
    let mut buckets = regions.flat_map(|region| entries(&region));
    buckets.find_map(|bucket| fs::read_to_string(bucket.join(prefix).join("data/file")).ok())
}

/// No task began before what it waits for had ended.
fn order(tasks: &[Task], ledger: &Ledger) -> String {
    let mut wrong = String::new();
    for task in tasks {
        let Some(began) = ledger.first(&task.name, false) else { continue };
        for before in task.inputs.iter().chain(&task.after) {
            if ledger.first(before, true).is_none_or(|ended| ended > began) {
                let _ = writeln!(wrong, "{} began before {before} had ended", task.name);
            }
        }
    }
    wrong
}
