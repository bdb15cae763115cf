//! Ending a node below its agent, without a look at every process of the machine.
//!
//! An agent that adopts orphans keeps all that its steps left behind among its descendants, whatever they
//! did with sessions, groups and environments. So nothing of the node is elsewhere, and the kernel's lists of
//! children lead to all of it:
//! 1. the agent is stopped, so that it starts nothing any more and yet keeps adopting;
//! 2. its descendants are killed until none is left;
//! 3. the agent is killed.
//!
//! *Guarantee.* [`end`] says `None`, and whoever asked looks through all processes instead, when the
//! agent is gone, does not stop, or the kernel has no such lists, or this very process is on the node. What it has ended then is ended.

use super::{MAX_ROUNDS, ProcessId, Stat, await_exit};
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use std::fs;
use std::io;
use std::time::{Duration, Instant};

/// How long an agent may take to stop: only one in an uninterruptible read needs more than some microseconds.
const STOPS_WITHIN: Duration = Duration::from_millis(100);

/// Pause before the second look, doubled before each further one.
const FIRST_LOOK: Duration = Duration::from_micros(100);

/// Ends `agent` with everything below it; gives the number of processes that were ended.
pub(crate) fn end(agent: ProcessId) -> io::Result<Option<usize>> {
    let Some(handle) = Pid::from_raw(agent.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())
    else {
        return Ok(None);
    };
    if !agent.is_alive() || pidfd_send_signal(&handle, Signal::STOP).is_err() || !stops(agent.pid) {
        return Ok(None);
    }
    let (own, mut ended) = (getpid().as_raw_nonzero().get(), 1);
    for _ in 0..MAX_ROUNDS {
        // A command that runs on the very node it releases must live to finish.
        let below = descendants(agent.pid).filter(|below| below.iter().all(|one| one.pid != own));
        let Some(below) = below else { return Ok(None) };
        if below.is_empty() {
            // Gone already only by somebody else's hand, who left nothing below it to be missed.
            let _ = pidfd_send_signal(&handle, Signal::KILL);
            await_exit(&[handle])?;
            return Ok(Some(ended));
        }
        let handles: Vec<_> = below.iter().filter_map(|process| process.kill()).collect();
        ended += handles.len();
        await_exit(&handles)?;
    }
    Ok(None)
}

/// Waits until every thread of a process has stopped.
fn stops(pid: i32) -> bool {
    let (mut pause, began) = (FIRST_LOOK, Instant::now());
    while began.elapsed() < STOPS_WITHIN {
        match threads(pid) {
            None => return false,
            Some(threads) if threads.iter().all(|thread| is_stopped(pid, *thread)) => return true,
            // It stops when it is next given a processor, for which a busy machine takes its time.
            Some(_) => std::thread::sleep(pause),
        }
        pause = pause.saturating_mul(2);
    }
    false
}

fn is_stopped(pid: i32, thread: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/task/{thread}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['T', 't']))
}

fn threads(pid: i32) -> Option<Vec<i32>> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    Some(entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
}

/// The living processes below one that is there; `None` when the kernel does not tell.
fn descendants(pid: i32) -> Option<Vec<ProcessId>> {
    let mut found = Vec::new();
    let mut open = children(pid)?;
    while let Some(pid) = open.pop() {
        // One that waits to be reaped has no children; one that is gone since has left them to be found again.
        let Some(stat) = Stat::read(pid) else { continue };
        found.push(ProcessId { pid, started: stat.started });
        open.extend(children(pid).unwrap_or_default());
    }
    Some(found)
}

fn children(pid: i32) -> Option<Vec<i32>> {
    let mut children = Vec::new();
    for thread in threads(pid)? {
        match fs::read_to_string(format!("/proc/{pid}/task/{thread}/children")) {
            Ok(list) => {
                children.extend(list.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok()))
            }
            // A thread that has ended left its children to another.
            Err(_) if !fs::exists(format!("/proc/{pid}/task/{thread}")).unwrap_or(true) => {}
            Err(_) => return None,
        }
    }
    Some(children)
}
