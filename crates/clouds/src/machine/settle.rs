//! Carrying a lease one step further: what every look at a lease does first.

use super::Machine;
use super::end::finish;
use super::error::MachineError;
use super::layout::Layout;
use super::record::{Boot, Held, NodeRecord, Phase, Record, Verdict};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use welkin_provider::{Lease, LeaseId, Owner, UnixMillis};

/// How much of an agent's last words goes into the reason of a lost lease, in bytes.
const LAST_WORDS: usize = 400;

impl Machine {
    /// A lease, settled and still held.
    pub(crate) fn held(&self, id: &LeaseId) -> Result<Held, MachineError> {
        let mut held = Held::take(&self.layout, id)?.ok_or_else(|| MachineError::NoLease(id.clone()))?;
        self.settle(&mut held)?;
        Ok(held)
    }

    /// The records of leases on this computer that are not in the archive.
    pub(super) fn records(&self) -> Result<Vec<Record>, MachineError> {
        let mut records = super::read_all(&self.layout.live())?;
        records.retain(|record| !record.is_elsewhere());
        Ok(records)
    }

    /// Whether nobody has looked at a lease since its machines went, or should have been there: `record`, read without
    /// its lock. One that boots is given as long as its agents would wait for a word.
    pub(super) fn is_forsaken(&self, record: &Record) -> bool {
        match record.phase {
            Phase::Ready => dead(record).is_some(),
            Phase::Booting => {
                let patience = record.request.abandon_after;
                record.deadline.is_some_and(|deadline| deadline.after(patience) <= self.now())
            }
            Phase::Stopped | Phase::Ended(_) => false,
        }
    }

    /// Carries a lease that was found forsaken to its end, unless it is not so any more; its record then, `None` when
    /// it is gone.
    pub(super) fn settled(&self, id: &LeaseId) -> Result<Option<Record>, MachineError> {
        let Some(mut held) = Held::take(&self.layout, id)? else { return Ok(None) };
        if self.is_forsaken(&held.record) {
            match held.record.phase {
                // Its agents are not started for nobody.
                Phase::Booting => {
                    let reason = "nobody asked for it after it had been made".to_owned();
                    self.end(&mut held, Verdict::Lost { reason, preempted: false }, self.now())?;
                }
                _ => self.settle(&mut held)?,
            }
        }
        Ok(Some(held.record))
    }

    /// Every lease of `owner` that is not over.
    pub(crate) fn list(&self, owner: &Owner) -> Result<Vec<Lease>, MachineError> {
        let mut leases = Vec::new();
        for record in self.records()? {
            if record.request.owner == *owner {
                leases.push(self.held(&record.id)?.record.lease(self.now()));
            }
        }
        leases.retain(|lease| !lease.state.is_over());
        Ok(leases)
    }

    /// Whose leases are here.
    pub(crate) fn owners(&self) -> Result<Vec<Owner>, MachineError> {
        let records = self.records()?;
        let owners: BTreeSet<Owner> = records.into_iter().map(|record| record.request.owner).collect();
        Ok(owners.into_iter().collect())
    }

    /// Does what is due: boots, declares ready, lost or preempted, finishes an ending.
    pub(super) fn settle(&self, held: &mut Held) -> Result<(), MachineError> {
        match held.record.phase.clone() {
            Phase::Ended(_) => finish(&self.layout, held),
            Phase::Booting | Phase::Ready => self.settle_live(held),
            Phase::Stopped => super::rest::settle(&self.layout, held),
        }
    }

    fn settle_live(&self, held: &mut Held) -> Result<(), MachineError> {
        let now = self.now();
        if let Some(preemption) = held.record.preemption.filter(|preemption| preemption.at <= now) {
            let reason = format!("{} took it back", self.cloud);
            return self.end(held, Verdict::Lost { reason, preempted: true }, preemption.at);
        }
        if held.record.phase == Phase::Booting {
            self.boot(held)?;
            if !held.record.is_live() {
                return Ok(());
            }
        }
        if let Some(reason) = death(held) {
            return self.end(held, Verdict::Lost { reason, preempted: false }, now);
        }
        if held.record.phase == Phase::Booting {
            return self.settle_boot(held, now);
        }
        self.tell_notice(held, now)
    }

    fn settle_boot(&self, held: &mut Held, now: UnixMillis) -> Result<(), MachineError> {
        let record = &held.record;
        if now < record.boots || record.boot == Boot::Hangs {
            return Ok(());
        }
        if record.boot == Boot::Fails {
            let reason = "the machine failed to boot".to_owned();
            return self.end(held, Verdict::Lost { reason, preempted: false }, now);
        }
        let deadline = record.deadline;
        for node in &mut held.record.nodes {
            let Some(info) = self.answer(node) else {
                let rank = node.rank;
                return self.settle_silent(held, rank, deadline.is_some_and(|deadline| deadline <= now));
            };
            node.adopts = info.adopts && node.agent.is_some_and(|agent| agent.has_pid(info.pid));
        }
        held.record.phase = Phase::Ready;
        held.save()
    }

    /// A node has not answered yet: the lease is lost when it should have.
    fn settle_silent(&self, held: &mut Held, rank: u32, late: bool) -> Result<(), MachineError> {
        if !late {
            return Ok(());
        }
        let words = last_words(&Layout::node(&held.folder, rank));
        let reason = format!("node {rank} did not answer in time{words}");
        self.end(held, Verdict::Lost { reason, preempted: false }, self.now())
    }
}

/// Why the gang is lost, when the agent of one of its nodes is gone.
fn death(held: &Held) -> Option<String> {
    let node = dead(&held.record)?;
    let words = last_words(&Layout::node(&held.folder, node.rank));
    Some(format!("the agent of node {} is gone{words}", node.rank))
}

/// A node whose agent is gone.
fn dead(record: &Record) -> Option<&NodeRecord> {
    record.nodes.iter().find(|node| node.agent.is_some_and(|agent| !agent.is_alive()))
}

pub(super) fn last_words(node: &Path) -> String {
    let text = fs::read(node.join(super::boot::STDERR)).unwrap_or_default();
    let end = String::from_utf8_lossy(&text[text.len().saturating_sub(LAST_WORDS)..]).into_owned();
    let end = end.trim();
    if end.is_empty() { String::new() } else { format!("; its last words: {end}") }
}
