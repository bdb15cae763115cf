//! Finding processes and ending them.

use crate::bare_env::{NODE_MARK, STEP_MARK};
use rustix::process::{Pid, Signal, getpid, kill_process};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;

/// Rounds of a sweep: each ends what the one before had not seen because it was just being started.
const ROUNDS: usize = 20;

/// Kills every living descendant of this process.
///
/// The kernel lists the children of each thread, so this costs as much as there are descendants, whatever
/// else runs on the machine. What such a list misses because something ended while it was read has woken
/// whoever waits for children by then, who calls this again.
pub(crate) fn kill_descendants() {
    let own = getpid();
    let family = family(own).unwrap_or_else(|_| family_by_scan(own));
    family.into_iter().filter(|pid| *pid != own).for_each(kill);
}

/// A process and its descendants, by the kernel's lists of children; fails where it keeps none.
fn family(own: Pid) -> io::Result<HashSet<Pid>> {
    let mut family = HashSet::from([own]);
    let mut open = vec![own];
    while let Some(pid) = open.pop() {
        match children(pid) {
            Ok(children) => open.extend(children.into_iter().filter(|child| family.insert(*child))),
            // It is gone; what it left is on its way to this process.
            Err(_) if pid != own => {}
            Err(error) => return Err(error),
        }
    }
    Ok(family)
}

fn children(pid: Pid) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(thread?.path().join("children"))?;
        found.extend(text.split_ascii_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)));
    }
    Ok(found)
}

/// The same by a look at every process of the machine.
fn family_by_scan(own: Pid) -> HashSet<Pid> {
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
            return family;
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn both_ways_to_find_a_family_agree() {
        let script = "sh -c 'sleep 1000 & sleep 1000 & echo up; wait' & wait";
        let mut shell = Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut up = [0; 3];
        io::Read::read_exact(shell.stdout.as_mut().unwrap(), &mut up).unwrap();
        let root = Pid::from_child(&shell);
        let found = family(root).unwrap();
        assert_eq!(found.len(), 4);
        assert_eq!(family_by_scan(root), found);
        found.into_iter().for_each(kill);
        shell.wait().unwrap();
    }
}
