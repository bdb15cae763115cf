//! Boot: one agent process a node, detached from whoever asked for it.

use super::Machine;
use super::cgroup::Grant;
use super::durable::{make_private, private_file};
use super::error::MachineError;
use super::layout::Layout;
use super::process::{self, MARKER, ProcessId};
use super::record::{Boot, Held, NodeRecord, Verdict};
use super::settle::last_words;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use welkin_agent::Word;
use welkin_units::Span;

/// A node's folder holds its home and what its agent says.
pub(super) const STDOUT: &str = "agent.out";
/// See [`STDOUT`].
pub(super) const STDERR: &str = "agent.err";
/// What a machine keeps while it is stopped.
pub(super) const HOME: &str = "home";

/// The search path of a machine that was just installed. Nothing of the user's environment reaches a node.
const BARE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Machine {
    /// Gives every node without an agent one. Somebody may have begun before and died before it could
    /// write down what it spawned; such agents are adopted.
    pub(super) fn boot(&self, held: &mut Held) -> Result<(), MachineError> {
        let request = &held.record.request;
        let (vcpus, memory, abandon) =
            (request.machine.vcpus_milli, request.machine.memory, request.abandon_after);
        let normal = held.record.boot == Boot::Normal;
        if !normal || held.record.nodes.iter().all(|node| node.agent.is_some()) {
            return Ok(());
        }
        let folder = held.folder.clone();
        let mut spawned = false;
        for node in held.record.nodes.iter_mut().filter(|node| node.agent.is_none()) {
            let Grant { groups, text } = self.cgroups.make(&node.id, vcpus, memory, &self.hardware);
            (node.cgroups, node.limits) = (groups, text);
            let adopted = if held.is_new { None } else { self.adopt(node)? };
            let agent = match adopted {
                Some(agent) => Ok(agent),
                None => {
                    spawned = true;
                    self.spawn(&Layout::node(&folder, node.rank), node, abandon)
                }
            };
            match agent {
                Ok(agent) => node.agent = Some(agent),
                Err(error) => {
                    let reason = error.into_provider(&self.cloud, "boot").message;
                    // It may have started and ended before it could be looked at: what it said is there.
                    let reason = reason + &last_words(&Layout::node(&folder, node.rank));
                    return self.end(held, Verdict::Lost { reason, preempted: false }, self.now());
                }
            }
        }
        if spawned {
            // Whoever recorded it may have died a while ago: the time that it has to answer begins now.
            let from_now = self.now().after(self.boot_timeout);
            held.record.deadline = held.record.deadline.map(|deadline| deadline.max(from_now));
        }
        held.save()
    }

    /// The agent of `node` that is already running: the oldest of its processes, since all others are
    /// its children.
    fn adopt(&self, node: &NodeRecord) -> Result<Option<ProcessId>, MachineError> {
        let found = process::marked(&node.id)
            .map_err(|source| MachineError::Read { path: "/proc".into(), source })?;
        Ok(found.into_iter().next())
    }

    fn spawn(&self, folder: &Path, node: &NodeRecord, abandon: Span) -> Result<ProcessId, MachineError> {
        let fault = |source| MachineError::Spawn {
            node: node.id.clone(),
            program: self.agent.program.clone(),
            source,
        };
        let home = folder.join(HOME);
        make_private(&home).map_err(fault)?;
        let mut command = tokio::process::Command::new(&self.agent.program);
        command
            .args(&self.agent.args)
            .arg("--home")
            .arg(&home)
            .arg("--socket")
            .arg(self.layout.socket(&node.id))
            .args(["--node-id", &node.id])
            .args(["--abandon-after", &abandon.millis().to_string()]);
        for group in &node.cgroups {
            command.arg("--cgroup-procs").arg(group.join("cgroup.procs"));
        }
        command
            .env_clear()
            .env("PATH", BARE_PATH)
            .env("LANG", "C.UTF-8")
            .env("HOME", &home)
            .env(MARKER, &node.id)
            .env("WELKIN_NODE_ADDRESS", &node.address)
            .current_dir(&home)
            .stdin(told(&node.word).map_err(fault)?)
            .stdout(log(&folder.join(STDOUT)).map_err(fault)?)
            .stderr(log(&folder.join(STDERR)).map_err(fault)?)
            // Out of the terminal's foreground group: an interrupt meant for the broker stays there.
            .process_group(0)
            .kill_on_drop(false);
        let child = command.spawn().map_err(fault)?;
        let id = child.id().and_then(ProcessId::of);
        // The runtime reaps the child whenever it ends; it must outlive this process otherwise.
        drop(child);
        id.ok_or_else(|| fault(io::Error::other("it ended at once")))
    }
}

/// A pipe that holds the word already: whoever starts an agent may be killed at once, and the agent must
/// not wait for it then.
fn told(word: &Word) -> io::Result<Stdio> {
    let (read, write) = io::pipe()?;
    word.write(write)?;
    Ok(read.into())
}

fn log(path: &Path) -> io::Result<File> {
    private_file().append(true).open(path)
}
