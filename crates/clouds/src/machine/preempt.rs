//! Taking a lease back: on time although no server process stands behind the cloud.
//!
//! The record says when. Whichever process looks at the lease next acts on it; and every process that
//! has looked at it once sets itself a timer, so that the end comes when it was announced and not when
//! somebody happens to ask.

use super::Machine;
use super::error::MachineError;
use super::record::{Held, Preemption, Record};
use std::sync::{Arc, PoisonError};
use welkin_provider::{Lease, LeaseId, UnixMillis};
use welkin_units::Span;

impl Machine {
    /// Takes a live lease back after `notice`, or earlier if that was decided before.
    pub(crate) fn preempt(
        &self,
        id: &LeaseId,
        notice: Span,
    ) -> Result<(Lease, Option<UnixMillis>), MachineError> {
        let mut held = self.held(id)?;
        if held.record.is_live() {
            let now = self.now();
            let at = now.after(notice);
            let at = held.record.preemption.map_or(at, |before| before.at.min(at));
            held.record.preemption = Some(Preemption { notice: now, at, told: false });
            held.save()?;
            self.settle(&mut held)?;
        }
        Ok(self.told(&held))
    }

    /// What a caller is told of a lease, and when something will next happen to it by itself.
    pub(super) fn told(&self, held: &Held) -> (Lease, Option<UnixMillis>) {
        let now = self.now();
        (held.record.lease(now), next_event(&held.record, now))
    }

    /// Sees to it that `lease` is settled at `due` and whenever something is due after that.
    pub(super) fn watch(self: &Arc<Self>, lease: &LeaseId, due: Option<UnixMillis>) {
        let Some(mut due) = due else { return };
        let fresh = self.watched.lock().unwrap_or_else(PoisonError::into_inner).insert(lease.clone());
        if !fresh {
            return;
        }
        let (machine, lease) = (Arc::clone(self), lease.clone());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(due.since(machine.now()).duration()).await;
                let id = lease.clone();
                let work = move |machine: &Self| machine.held(&id).map(|held| machine.told(&held).1);
                // A failure is told to whoever asks about the lease; asking also tries again.
                match machine.run(format!("take back {lease}"), work).await {
                    Ok(Some(next)) => due = next,
                    Ok(None) | Err(_) => break,
                }
            }
            machine.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&lease);
        });
    }
}

fn next_event(record: &Record, now: UnixMillis) -> Option<UnixMillis> {
    let Preemption { notice, at, .. } = record.preemption.filter(|_| record.is_live())?;
    Some(if now < notice { notice } else { at })
}
