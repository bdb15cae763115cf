//! A node: the [`Node`] calls on a machine that is a table of steps.

use super::call::Passage;
use super::script::Op;
use super::shared::{NodeKey, Shared, State};
use super::step::{self, StepRecord};
use crate::clock::UnixMillis;
use crate::error::{ErrorKind, ProviderError};
use crate::lease::LeaseId;
use crate::node::{Event, Node, Step, StepId};
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use welkin_units::Span;

pub(super) struct MemoryNode {
    shared: Arc<Shared>,
    key: NodeKey,
}

impl MemoryNode {
    pub(super) fn new(shared: Arc<Shared>, lease: LeaseId, rank: u32) -> Self {
        Self { shared, key: (lease, rank) }
    }

    async fn enter(&self, op: Op, step: &StepId) -> Result<(Passage, String), ProviderError> {
        let subject = format!("{step} on {}/{}", self.key.0, self.key.1);
        Ok((self.shared.enter(op, subject.clone()).await?, subject))
    }

    /// The state, if the machine still is there; a call that gets here is a sign of life.
    fn alive(&self, op: Op, subject: &str) -> Result<std::sync::MutexGuard<'_, State>, ProviderError> {
        let now = self.shared.now();
        let mut state = self.shared.state();
        match state.record(&self.key.0) {
            Some(record) if record.is_there() => record.last_sign = now,
            _ => return Err(self.shared.error(op, subject, ErrorKind::LeaseLost, "the machine is gone")),
        }
        Ok(state)
    }

    fn begin(&self, step: &Step, subject: &str) -> Result<(), ProviderError> {
        let now = self.shared.now();
        let mut state = self.alive(Op::Start, subject)?;
        let at = state.record(&self.key.0).map_or(now, |record| record.node_time(now));
        let steps = state.steps.entry(self.key.clone()).or_default();
        match steps.get(&step.id) {
            Some(known) if *known.step == *step => return Ok(()),
            Some(_) => {
                let words = "the id was used for another step";
                return Err(self.shared.error(Op::Start, subject, ErrorKind::Conflict, words));
            }
            None => steps.insert(step.id.clone(), StepRecord::new(step.clone(), at)),
        };
        drop(state);
        tokio::spawn(step::drive(Arc::clone(&self.shared), self.key.clone(), step.id.clone()));
        Ok(())
    }

    /// Events from `from` on that there are now, and when to look again if there are none.
    fn look(&self, id: &StepId, from: u64, subject: &str) -> Result<(Vec<Event>, UnixMillis), ProviderError> {
        let now = self.shared.now();
        let mut state = self.alive(Op::Events, subject)?;
        let again = state.record(&self.key.0).map_or(now, |record| record.next_change(now));
        let Some(step) = state.step(&self.key, id) else {
            return Err(self.shared.error(Op::Events, subject, ErrorKind::NotFound, "there is no such step"));
        };
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(step.events.len());
        Ok((step.events[from..].to_vec(), again))
    }

    async fn wait_for_events(
        &self,
        id: &StepId,
        from: u64,
        wait: Span,
        subject: &str,
    ) -> Result<Vec<Event>, ProviderError> {
        let deadline = self.shared.now().after(wait);
        let _listening = Listening::begin(&self.shared, &self.key.0);
        loop {
            // Listens before it looks, so that nothing can happen in between.
            let changed = self.shared.changed.notified();
            let (events, again) = self.look(id, from, subject)?;
            if !events.is_empty() || self.shared.now() >= deadline {
                return Ok(events);
            }
            tokio::select! {
                biased;
                () = changed => {}
                () = self.shared.clock.sleep_until(deadline.min(again)) => {}
            }
        }
    }
}

#[async_trait]
impl Node for MemoryNode {
    async fn start(&self, step: &Step) -> Result<(), ProviderError> {
        let (passage, subject) = self.enter(Op::Start, &step.id).await?;
        let answer = self.begin(step, &subject);
        self.shared.leave(passage, answer).await
    }

    async fn events(&self, step: &StepId, from: u64, wait: Span) -> Result<Vec<Event>, ProviderError> {
        let (passage, subject) = self.enter(Op::Events, step).await?;
        let answer = self.wait_for_events(step, from, wait, &subject).await;
        self.shared.leave(passage, answer).await
    }

    async fn stop(&self, step: &StepId, grace: Span) -> Result<(), ProviderError> {
        let (passage, subject) = self.enter(Op::Stop, step).await?;
        let now = self.shared.now();
        let answer = self.alive(Op::Stop, &subject).and_then(|mut state| match state.step(&self.key, step) {
            Some(step) => {
                step.ask_to_stop(now, grace);
                Ok(())
            }
            None => Err(self.shared.error(Op::Stop, &subject, ErrorKind::NotFound, "there is no such step")),
        });
        self.shared.changed.notify_waiters();
        self.shared.leave(passage, answer).await
    }
}

/// A broker that waits for events is there all the time, not only when it called.
struct Listening<'a> {
    shared: &'a Shared,
    lease: &'a LeaseId,
}

impl<'a> Listening<'a> {
    fn begin(shared: &'a Shared, lease: &'a LeaseId) -> Self {
        if let Some(record) = shared.state().record(lease) {
            record.waiting += 1;
        }
        Self { shared, lease }
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        let now = self.shared.now();
        if let Some(record) = self.shared.state().record(self.lease) {
            record.waiting = record.waiting.saturating_sub(1);
            record.last_sign = now;
        }
        // Whoever sleeps until the machines give themselves back must count anew.
        self.shared.changed.notify_waiters();
    }
}

impl fmt::Debug for MemoryNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MemoryNode").field(&self.key.0).field(&self.key.1).finish()
    }
}
