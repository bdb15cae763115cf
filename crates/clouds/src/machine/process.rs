//! Which processes belong to a node, and ending all of them.
//!
//! A pid alone names nobody: it may have been given to another process since it was written down.
//! A process belongs to a node when its environment carries the node's id in [`MARKER`], when it is
//! a descendant of such a process, or when it is in a session or process group led by one. A signal
//! goes through a pidfd that was opened *before* the start time was compared, so it can only reach
//! the process that was examined.
//!
//! A node whose agent lives and adopts orphans is ended below it ([`family`]), which finds all of it and
//! looks at nothing else. What is said above is for every other node.
//!
//! *Limit* of those. A process that cleared its environment, made a session of its own and outlived its
//! parents is found only by the node's cgroup, where the kernel grants one.

pub(crate) mod family;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;

/// Environment variable that carries the node's id in every process of a node.
pub(crate) const MARKER: &str = "WELKIN_NODE_ID";

/// Rounds of looking and killing. One usually does; each more is for a process that was born while
/// its parent was being killed. A tree that outgrows a thousand rounds is a fork bomb without limits.
const MAX_ROUNDS: u32 = 1_000;

/// How long one round waits for killed processes to be gone, in milliseconds. A kill takes
/// microseconds; only a process in an uninterruptible read takes longer, and the next round waits again.
const ROUND_WAIT_MS: i64 = 100;

/// One process, never another that got its pid later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ProcessId {
    pid: i32,
    /// Start time in clock ticks since the machine started.
    started: u64,
}

impl ProcessId {
    /// The process that has `pid` now.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = i32::try_from(pid).ok()?;
        Stat::read(pid).map(|stat| Self { pid, started: stat.started })
    }

    /// Whether this is its pid now.
    pub(crate) fn has_pid(self, pid: u32) -> bool {
        u32::try_from(self.pid) == Ok(pid)
    }

    /// Whether it still runs; one that waits to be reaped does not.
    pub(crate) fn is_alive(self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.started == self.started)
    }

    fn kill(self) -> Option<rustix::fd::OwnedFd> {
        let handle = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::empty()).ok()?;
        if !self.is_alive() {
            return None;
        }
        pidfd_send_signal(&handle, Signal::KILL).ok()?;
        Some(handle)
    }
}

/// Ends every process of `nodes`, looking through all processes of the machine; gives the number that
/// were ended.
pub(crate) fn end_all(nodes: &BTreeSet<String>) -> io::Result<usize> {
    let mut ended = BTreeSet::new();
    let mut led = BTreeSet::new();
    for _ in 0..MAX_ROUNDS {
        let doomed = members(&census()?, nodes, &mut led);
        if doomed.is_empty() {
            return Ok(ended.len());
        }
        let handles: Vec<_> = doomed.iter().filter_map(|process| process.kill()).collect();
        ended.extend(doomed);
        await_exit(&handles)?;
    }
    Err(io::Error::other("processes of the node are born faster than they can be ended"))
}

/// The processes that carry the id of `node`, oldest first.
pub(crate) fn marked(node: &str) -> io::Result<Vec<ProcessId>> {
    let mut found: Vec<_> =
        census()?.into_iter().filter(|p| p.node.as_deref() == Some(node)).map(|p| p.id).collect();
    found.sort_by_key(|id| (id.started, id.pid));
    Ok(found)
}

/// The ids of all nodes that have a process on this machine.
pub(crate) fn marked_nodes() -> io::Result<BTreeSet<String>> {
    Ok(census()?.into_iter().filter_map(|process| process.node).collect())
}

#[derive(Debug)]
struct Process {
    id: ProcessId,
    stat: Stat,
    node: Option<String>,
}

#[derive(Debug, Clone, Copy)]
struct Stat {
    parent: i32,
    group: i32,
    session: i32,
    started: u64,
}

impl Stat {
    /// `None` when there is no such process or it is only waiting to be reaped.
    fn read(pid: i32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// Fields of proc_pid_stat(5). The second, the program's name in parentheses, may itself hold
    /// blanks and parentheses, so the rest starts after the last closing one.
    fn parse(line: &str) -> Option<Self> {
        let rest: Vec<&str> = line.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |field: usize| rest.get(field - 3)?.parse::<i32>().ok();
        let running = !matches!(*rest.first()?, "Z" | "X" | "x");
        running.then_some(())?;
        Some(Self {
            parent: number(4)?,
            group: number(5)?,
            session: number(6)?,
            started: rest.get(22 - 3)?.parse().ok()?,
        })
    }
}

fn census() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Some(stat) = Stat::read(pid) else { continue };
        let node =
            fs::read(format!("/proc/{pid}/environ")).ok().and_then(|environment| node_of(&environment));
        processes.push(Process { id: ProcessId { pid, started: stat.started }, stat, node });
    }
    Ok(processes)
}

fn node_of(environment: &[u8]) -> Option<String> {
    environment.split(|byte| *byte == 0).find_map(|variable| {
        let value = variable.strip_prefix(MARKER.as_bytes())?.strip_prefix(b"=")?;
        std::str::from_utf8(value).ok().map(str::to_owned)
    })
}

/// Processes of `nodes` in `all`. `led` remembers the sessions and groups that a marked process leads,
/// also after that process is gone: a number in use by a group is not given out as a pid.
fn members(all: &[Process], nodes: &BTreeSet<String>, led: &mut BTreeSet<i32>) -> BTreeSet<ProcessId> {
    let own = getpid().as_raw_nonzero().get();
    let mut found = BTreeSet::new();
    let mut parents = BTreeSet::new();
    for process in all.iter().filter(|p| p.node.as_ref().is_some_and(|node| nodes.contains(node))) {
        found.insert(process.id);
        parents.insert(process.id.pid);
        if process.stat.group == process.id.pid || process.stat.session == process.id.pid {
            led.insert(process.id.pid);
        }
    }
    loop {
        let before = found.len();
        for process in all {
            let Stat { parent, group, session, .. } = process.stat;
            if parents.contains(&parent) || led.contains(&group) || led.contains(&session) {
                found.insert(process.id);
                parents.insert(process.id.pid);
            }
        }
        if found.len() == before {
            break;
        }
    }
    // A command that runs on the very node it releases must live to finish.
    found.retain(|process| process.pid != own);
    found
}

fn await_exit(handles: &[rustix::fd::OwnedFd]) -> io::Result<()> {
    let wait = Timespec { tv_sec: 0, tv_nsec: ROUND_WAIT_MS * 1_000_000 };
    for handle in handles {
        let mut waiting = [PollFd::new(handle, PollFlags::IN)];
        match poll(&mut waiting, Some(&wait)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
