//! Which runs somebody wants to be cancelled: one look for all runs that are driven.
//!
//! Each run asks every [`REQUEST_POLL`]; the first to ask looks, and its answer serves the others until it is
//! half as old. So a request is seen within one and a half of that time, and a thousand runs are one question.

use crate::error::StoreError;
use crate::limits::REQUEST_POLL;
use crate::live::World;
use std::collections::BTreeSet;
use tokio::sync::Mutex;
use tokio::time::Instant;
use welkin_records::RunId;

/// The last look.
#[derive(Debug, Default)]
pub(crate) struct Cancels(Mutex<Option<Look>>);

#[derive(Debug)]
struct Look {
    at: Instant,
    /// How many requests this process had made by then: each asks for a new look.
    requests: u64,
    wanted: BTreeSet<RunId>,
}

impl Cancels {
    /// Whether somebody wants this run to be cancelled.
    pub(crate) async fn wanted(&self, world: &World, run: &RunId) -> Result<bool, StoreError> {
        let mut last = self.0.lock().await;
        let requests = *world.requests.borrow();
        let fresh =
            |look: &Look| look.requests == requests && look.at.elapsed() < REQUEST_POLL.duration() / 2;
        if let Some(look) = last.as_ref().filter(|look| fresh(look)) {
            return Ok(look.wanted.contains(run));
        }
        let wanted = world.store.records().await?.cancels().await?;
        let is_wanted = wanted.contains(run);
        *last = Some(Look { at: Instant::now(), requests, wanted });
        Ok(is_wanted)
    }
}
