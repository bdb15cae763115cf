//! Wakes whoever watches. What they see then is on record.

use crate::watch::Shared;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{broadcast, watch};
use welkin_api::wire::Item;
use welkin_broker::{Observer, Progress, RunId};

/// Things that are not on record and wait for a follower, at most: what a slow one misses of them is stale.
const LIVE: usize = 64;

/// An observer that wakes followers.
#[derive(Debug)]
pub struct Hub {
    /// Changes with every record.
    records: watch::Sender<u64>,
    runs: Mutex<BTreeMap<RunId, Weak<Channel>>>,
}

/// What the followers of one run listen to.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Changes whenever there is more to read.
    pub(crate) woken: watch::Sender<u64>,
    /// What is not on record.
    pub(crate) live: broadcast::Sender<Item>,
    /// What is on record, for all followers.
    pub(crate) shared: Shared,
}

impl Default for Hub {
    fn default() -> Self {
        Self { records: watch::Sender::new(0), runs: Mutex::default() }
    }
}

impl Hub {
    /// Changes with every record of any run.
    pub(crate) fn records(&self) -> watch::Receiver<u64> {
        self.records.subscribe()
    }

    /// The channel of a run, which is there as long as somebody holds it.
    pub(crate) fn channel(&self, run: &RunId) -> Arc<Channel> {
        let mut runs = self.runs();
        if let Some(channel) = runs.get(run).and_then(Weak::upgrade) {
            return channel;
        }
        runs.retain(|_, channel| channel.strong_count() > 0);
        let (woken, live) = (watch::Sender::new(0), broadcast::Sender::new(LIVE));
        let channel = Arc::new(Channel { woken, live, shared: Shared::default() });
        runs.insert(run.clone(), Arc::downgrade(&channel));
        channel
    }

    /// Wakes the followers of a run.
    pub(crate) fn wake(&self, run: &RunId) {
        if let Some(channel) = self.runs().get(run).and_then(Weak::upgrade) {
            channel.woken.send_modify(|count| *count += 1);
        }
    }

    /// Wakes whoever follows these runs, or any: another broker has written.
    pub(crate) fn written(&self, which: Option<&BTreeSet<RunId>>) {
        self.records.send_modify(|count| *count += 1);
        match which {
            Some(runs) => runs.iter().for_each(|run| self.wake(run)),
            None => {
                let all: Vec<RunId> = self.runs().keys().cloned().collect();
                all.iter().for_each(|run| self.wake(run));
            }
        }
    }

    fn live(&self, run: &RunId, item: Item) {
        if let Some(channel) = self.runs().get(run).and_then(Weak::upgrade) {
            // Nobody listens: nobody misses it.
            drop(channel.live.send(item));
        }
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Weak<Channel>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Hub {
    fn notice(&self, progress: &Progress) {
        match progress {
            Progress::Recorded { run, .. } => {
                self.records.send_modify(|count| *count += 1);
                self.wake(run);
            }
            Progress::Told { run, .. } => self.wake(run),
            Progress::Moving { run, attempt, path, bytes } => {
                self.live(run, Item::Moving { attempt: *attempt, path: path.clone(), bytes: *bytes });
            }
            Progress::Noted { run, message } => self.live(run, Item::Noted { message: message.clone() }),
            Progress::Retrying { run, message } => {
                self.live(run, Item::Retrying { message: message.clone() })
            }
            _ => {}
        }
    }
}
