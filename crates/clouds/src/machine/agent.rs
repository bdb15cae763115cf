//! The node daemon: how to start one, and how to talk to one that runs.

use super::Machine;
use super::error::MachineError;
use super::layout::Layout;
use super::record::{Held, NodeRecord, Phase, Preemption, Share};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use welkin_agent::{AgentInfo, AgentNode};
use welkin_provider::{LeaseId, LeaseState, Node, ProviderError, UnixMillis};
use welkin_units::Span;

/// An agent answers within a millisecond. The lease is locked meanwhile, so a silent one is left for
/// the next look rather than waited for.
const ANSWER_WITHIN: Duration = Duration::from_millis(500);

/// The program that runs a node: usually this very binary with the argument `agent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentCommand {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Arguments before those that every node gets (`--home`, `--socket`, …).
    pub args: Vec<String>,
}

impl Machine {
    /// Who serves a node, once it takes calls.
    pub(super) fn answer(&self, node: &NodeRecord) -> Option<AgentInfo> {
        ask(self.client(node).hello()).filter(|info| info.node_id == node.id)
    }

    /// Tells every agent, once, that the lease will be taken back. One that cannot be told now is told
    /// at the next look; the machine goes on time whether it knows or not.
    pub(super) fn tell_notice(&self, held: &mut Held, now: UnixMillis) -> Result<(), MachineError> {
        let Some(preemption) = held.record.preemption.filter(|p| !p.told && p.notice <= now) else {
            return Ok(());
        };
        let heard = |node: &NodeRecord| ask(self.client(node).preempt(preemption.at)).is_some();
        if held.record.nodes.iter().filter(|node| !heard(node)).count() > 0 {
            return Ok(());
        }
        held.record.preemption = Some(Preemption { told: true, ..preemption });
        held.save()
    }

    /// Tells the agents of a lease that somebody is there; gives how long each waits for that. One that cannot be
    /// told now is told the next time.
    pub(crate) fn tell_heard(&self, id: &LeaseId) -> Result<Span, MachineError> {
        let held = self.held(id)?;
        let told = if held.record.phase == Phase::Ready { held.record.nodes.as_slice() } else { &[] };
        let agents: Vec<AgentNode> = told.iter().map(|node| self.client(node)).collect();
        let patience = held.record.request.abandon_after;
        // Nobody else is to wait for agents that do not answer.
        drop(held);
        for agent in agents {
            let _ = ask(agent.ping());
        }
        Ok(patience)
    }

    /// A node of a lease that is ready.
    pub(super) fn connect(&self, id: &LeaseId, rank: u32) -> Result<Arc<dyn Node>, MachineError> {
        let held = self.held(id)?;
        let lease = held.record.lease(self.now());
        match lease.state {
            LeaseState::Ready | LeaseState::Preempting { .. } => {}
            LeaseState::Pending => return Err(MachineError::NoNode("the lease is not ready yet".to_owned())),
            LeaseState::Lost { reason, .. } => return Err(MachineError::Over(reason)),
            LeaseState::Stopped => return Err(MachineError::Over("its machines are stopped".to_owned())),
            LeaseState::Released => return Err(MachineError::Over("it was released".to_owned())),
        }
        let node = held.record.nodes.iter().find(|node| node.rank == rank).ok_or_else(|| {
            MachineError::NoNode(format!("no rank {rank} among {} nodes", held.record.nodes.len()))
        })?;
        // The lease is ready, so it has answered: silence from now on means that it is gone.
        Ok(Arc::new(self.client(node).assume_seen()))
    }

    /// What of the machine a node has to itself.
    pub(crate) fn share(&self, id: &LeaseId, rank: u32) -> Result<Share, MachineError> {
        self.node_record(id, rank).map(|(_, node)| node.share)
    }

    /// The folder of a node of a lease that is not over.
    pub(crate) fn node_folder(&self, id: &LeaseId, rank: u32) -> Result<PathBuf, MachineError> {
        self.node_record(id, rank).map(|(folder, _)| Layout::node(&folder, rank))
    }

    fn node_record(&self, id: &LeaseId, rank: u32) -> Result<(PathBuf, NodeRecord), MachineError> {
        let held = self.held(id)?;
        if !held.record.is_live() {
            return Err(MachineError::Over("its lease ended".to_owned()));
        }
        let nodes = held.record.nodes.len();
        let node = held.record.nodes.into_iter().find(|node| node.rank == rank);
        let node = node.ok_or_else(|| MachineError::NoNode(format!("no rank {rank} among {nodes} nodes")))?;
        Ok((held.folder, node))
    }

    fn client(&self, node: &NodeRecord) -> AgentNode {
        AgentNode::new(self.layout.socket(&node.id), &self.cloud).with_word(node.word.clone())
    }
}

/// Waits for an agent's answer on a thread that may wait; `None` when it fails or takes too long.
fn ask<T>(answer: impl Future<Output = Result<T, ProviderError>>) -> Option<T> {
    let timed = async { tokio::time::timeout(ANSWER_WITHIN, answer).await };
    tokio::runtime::Handle::current().block_on(timed).ok()?.ok()
}
