//! A lease that rests: its processes end and its homes stay, until it boots again.
//!
//! As at the end of a lease the verdict comes first, then the processes; whoever is killed in between leaves what the next
//! look finishes.

use super::acquire::{Live, Terms};
use super::end::{absent_is_fine, remove_tree, still};
use super::error::MachineError;
use super::layout::Layout;
use super::record::{Boot, Held, Phase, Preemption};
use super::{Lock, Machine};
use std::fs;
use std::path::PathBuf;
use welkin_provider::{Lease, LeaseId, UnixMillis};

/// What an agent keeps of itself in a node's home: it knows nothing of its steps once the machine was off.
const AGENT: &str = ".welkin";

impl Machine {
    /// Stops the machines of a lease. One that is over or stopped stays so.
    pub(crate) fn stop(&self, id: &LeaseId) -> Result<(Lease, Option<UnixMillis>), MachineError> {
        let mut held = self.held(id)?;
        if held.record.is_live() {
            held.record.phase = Phase::Stopped;
            held.record.ended = Some(self.now().max(held.record.started));
            held.save_for_good()?;
            settle(&self.layout, &mut held)?;
        }
        Ok(self.told(&held))
    }

    /// Starts machines that are stopped, when `admit` agrees as it does to a new lease.
    pub(crate) fn start(
        &self,
        id: &LeaseId,
        admit: impl FnOnce(&welkin_provider::LeaseRequest, Live<'_>) -> Result<Terms, MachineError>,
    ) -> Result<(Lease, Option<UnixMillis>), MachineError> {
        // As for a new lease: nobody else is admitted between the decision and the record.
        let root = Lock::take(self.layout.root())
            .map_err(|source| MachineError::Read { path: self.layout.root().to_owned(), source })?;
        let mut held = self.held(id)?;
        if held.record.phase == Phase::Stopped {
            let Terms { boot_delay, boot, preempt, .. } = admit(&held.record.request, &|| self.live())?;
            let (now, record) = (self.now(), &mut held.record);
            let stopped = record.ended.take().unwrap_or(record.started);
            record.before.push((record.started, stopped));
            // Clocks may have been set back: times of a lease do not overlap.
            record.started = now.max(stopped);
            (record.phase, record.boot, record.boots) =
                (Phase::Booting, boot, record.started.after(boot_delay));
            record.deadline = (boot != Boot::Hangs).then(|| record.boots.after(self.boot_timeout));
            record.preemption = preempt.map(|(after, notice)| Preemption {
                notice: record.started.after(after.saturating_sub(notice)),
                at: record.started.after(after),
                told: false,
            });
            held.save_for_good()?;
        }
        drop(root);
        self.settle(&mut held)?;
        Ok(self.told(&held))
    }
}

/// Ends what still runs of a lease that is stopped. May be begun any number of times.
pub(super) fn settle(layout: &Layout, held: &mut Held) -> Result<(), MachineError> {
    let off = |node: &super::record::NodeRecord| node.agent.is_none() && node.cgroups.is_empty();
    if held.record.nodes.iter().all(off) {
        return Ok(());
    }
    still(held)?;
    let fault = |path: PathBuf| move |source| MachineError::Write { path, source };
    for node in &held.record.nodes {
        let socket = layout.socket(&node.id);
        absent_is_fine(fs::remove_file(&socket)).map_err(fault(socket))?;
        let own = Layout::node(&held.folder, node.rank).join(super::boot::HOME).join(AGENT);
        remove_tree(&own).map_err(fault(own))?;
    }
    for node in &mut held.record.nodes {
        (node.agent, node.adopts) = (None, false);
        node.cgroups.clear();
    }
    held.save()
}
