//! Finding processes and ending them.

use crate::bare_env::{NODE_MARK, STEP_MARK};
use rustix::process::{Pid, Signal, getpid, kill_process};
use std::collections::{HashMap, HashSet};
use std::fs;

/// Rounds of a sweep: each ends what the one before had not seen because it was just being started.
const ROUNDS: usize = 20;

/// Kills every living descendant of this process.
pub(crate) fn kill_descendants() {
    let own = getpid();
    let parents: HashMap<Pid, Pid> = living().filter_map(|pid| Some((pid, parent(pid)?))).collect();
    let mut family = HashSet::from([own]);
    loop {
        let before = family.len();
        for (pid, parent) in &parents {
            if family.contains(parent) {
                family.insert(*pid);
            }
        }
        if family.len() == before {
            break;
        }
    }
    family.into_iter().filter(|pid| *pid != own).for_each(kill);
}

/// Kills whatever carries the marks of a node and of one of its steps, or of any step. Other processes
/// could hide from this by dropping their environment; it is the net below the guard, not the guard.
pub(crate) fn kill_marked(node_id: &str, step: Option<&str>) {
    let own = getpid();
    let node = format!("{NODE_MARK}={node_id}");
    // The agent itself, and what started it, may carry the node's mark, but never a step's.
    let any_step = format!("{STEP_MARK}=");
    let is_step = |variable: &str| match step {
        Some(step) => variable.strip_prefix(&any_step) == Some(step),
        None => variable.starts_with(&any_step),
    };
    for _ in 0..ROUNDS {
        let found: Vec<Pid> = living()
            .filter(|pid| *pid != own && carries(*pid, |variable| variable == node) && carries(*pid, is_step))
            .collect();
        if found.is_empty() {
            return;
        }
        found.into_iter().for_each(kill);
    }
}

fn kill(pid: Pid) {
    // It may be gone already, or belong to somebody else; both leave nothing to do.
    let _ = kill_process(pid, Signal::KILL);
}

fn living() -> impl Iterator<Item = Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// The parent of a process that is not a zombie.
fn parent(pid: Pid) -> Option<Pid> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    // The name in parentheses may itself hold spaces and parentheses.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    Pid::from_raw(fields.next()?.parse().ok()?)
}

fn carries(pid: Pid, is_mark: impl Fn(&str) -> bool) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .filter_map(|variable| std::str::from_utf8(variable).ok())
        .any(is_mark)
}
