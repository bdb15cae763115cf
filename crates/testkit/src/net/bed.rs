//! The bed: who is in it, and that nothing of it stays.

use std::error::Error as _;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use super::link::Link;
use super::node::Node;
use super::shell::{NetError, run};
use crate::did_not_run::DidNotRun;

/// What every namespace of every bed begins with; a process number and an `x` follow.
const PREFIX: &str = "welkin-";

/// Links that a bed may have: the third byte of their addresses.
const MAX_LINKS: u8 = 250;

/// Nodes and links, until it is dropped.
#[derive(Debug)]
pub struct Bed {
    prefix: String,
    namespaces: Mutex<Vec<String>>,
    links: AtomicU8,
}

impl Bed {
    /// An empty bed, or the reason why there can be none here.
    pub fn try_new() -> Result<Self, DidNotRun> {
        static BEDS: AtomicU32 = AtomicU32::new(0);
        if !geteuid().is_root() {
            return Err(DidNotRun::because("network namespaces need root"));
        }
        for (probe, package) in [("ip -V", "ip"), ("tc -V", "tc")] {
            if run(probe).is_err() {
                return Err(DidNotRun::because(format!("`{package}` is not installed (package iproute2)")));
            }
        }
        sweep();
        let number = BEDS.fetch_add(1, Ordering::Relaxed);
        let prefix = format!("{PREFIX}{}x{number}-", process::id());
        let bed = Self { prefix, namespaces: Mutex::default(), links: AtomicU8::new(0) };
        // The first namespace shows whether the rest will work: a container may forbid it.
        bed.node("probe").map_err(|error| {
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            DidNotRun::because(format!("no namespace can be made here: {error}{source}"))
        })?;
        Ok(bed)
    }

    /// A new node. Names are the test's own; they show up in error messages.
    pub fn node(&self, name: &str) -> Result<Node, NetError> {
        let namespace = format!("{}{name}", self.prefix);
        run(&format!("ip netns add {namespace}"))?;
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner).push(namespace.clone());
        run(&format!("ip -n {namespace} link set lo up"))?;
        Ok(Node::new(name, namespace))
    }

    /// Joins two nodes at a rate in bits a second; `None` is as fast as the machine. Each direction has
    /// the rate for itself.
    pub fn link(&self, a: &Node, b: &Node, bits_per_s: Option<u64>) -> Result<Link, NetError> {
        Link::new(self.next_link(), a, b, bits_per_s)
    }

    /// The number of the next link or delay box.
    pub(super) fn next_link(&self) -> u8 {
        let number = self.links.fetch_add(1, Ordering::Relaxed);
        assert!(number < MAX_LINKS, "a bed has at most {MAX_LINKS} links");
        number
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        self.namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .for_each(|namespace| end(namespace));
    }
}

/// Deletes the beds of processes that are gone.
fn sweep() {
    for line in run("ip netns list").unwrap_or_default().lines() {
        let namespace = line.split_whitespace().next().unwrap_or_default();
        let owner = namespace.strip_prefix(PREFIX).and_then(|rest| rest.split_once('x'));
        if let Some((owner, _)) = owner
            && owner.parse::<u32>().is_ok()
            && !Path::new("/proc").join(owner).exists()
        {
            end(namespace);
        }
    }
}

/// Kills what runs in a namespace and deletes it; links go with it. It may be gone already.
fn end(namespace: &str) {
    for pid in run(&format!("ip netns pids {namespace}")).unwrap_or_default().lines() {
        let pid = pid.trim().parse().ok().filter(|pid| *pid != process::id() as i32).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    let _ = run(&format!("ip netns del {namespace}"));
}
