//! Signs of life for the agents of leases: an agent hears of steps, and of nothing else that a broker asks its host.
//!
//! Data may take hours to come before the first step of a node starts, and its agent ends itself when it hears from nobody. So
//! what is asked about a lease is told to its agents, every now and then.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use welkin_provider::LeaseId;
use welkin_units::Span;

/// How often agents are told at the most: sixty times in the hour that they wait.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// How often they are told in the time that they wait, however short it is: three may be late.
const TOLD_IN_TIME: u32 = 4;

/// When the agents of each lease are to be told again.
#[derive(Debug, Default)]
pub(super) struct Signs(Mutex<BTreeMap<LeaseId, Instant>>);

impl Signs {
    /// Somebody asked about a lease: whether its agents are to be told now. Others who ask meanwhile need not.
    pub(super) fn is_due(&self, lease: &LeaseId) -> bool {
        let now = Instant::now();
        let mut due = self.due();
        if due.get(lease).is_some_and(|due| *due > now) {
            return false;
        }
        due.insert(lease.clone(), now + TELL_EVERY);
        true
    }

    /// They were told, and wait so long for the next time; for ever when it is zero.
    pub(super) fn told(&self, lease: &LeaseId, patience: Span) {
        let again = Some(patience.duration() / TOLD_IN_TIME).filter(|again| !again.is_zero());
        let again = again.unwrap_or(TELL_EVERY).min(TELL_EVERY);
        self.due().insert(lease.clone(), Instant::now() + again);
    }

    /// There is nobody to tell.
    pub(super) fn drop_lease(&self, lease: &LeaseId) {
        self.due().remove(lease);
    }

    fn due(&self) -> MutexGuard<'_, BTreeMap<LeaseId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn agents_are_told_in_time_and_not_more_often_than_that() {
        let lease = LeaseId("l".to_owned());
        for (patience, told) in [(3_600, 60), (8, 1_800), (0, 60)] {
            let signs = Signs::default();
            let mut count = 0;
            for _ in 0..3_600 {
                if signs.is_due(&lease) {
                    count += 1;
                    signs.told(&lease, Span::from_secs(patience));
                }
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            assert_eq!(count, told, "{patience} s");
        }
    }
}
