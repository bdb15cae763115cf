//! A broker, the runs it drives, and whoever watches.

use crate::activity::Activity;
use crate::driver::Driver;
use crate::hub::Hub;
use crate::plans::Plans;
use crate::versions::Turns;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use welkin_api::wire::Health;
use welkin_broker::{Broker, Reader, RunId, RunState, RunView, StoreError};
use welkin_provider::UnixMillis;

/// How often a broker says to others that it lives; they give it six times as long.
const STAND: Duration = Duration::from_secs(1);

/// What a broker says of itself.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Version of the program.
    pub version: String,
    /// What it goes by; see [`Health::surroundings`].
    pub surroundings: String,
    /// See [`Health::environment`].
    pub environment: BTreeMap<String, String>,
    /// When it began.
    pub started: UnixMillis,
    /// Where members of a team come in.
    pub serves: Option<String>,
    /// Whether traces of its runs are sent to a collector.
    pub traces: bool,
    /// What `/metrics` shows besides its own.
    pub figures: Vec<Figure>,
}

/// A figure of something beside the broker.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its name, as Prometheus has names.
    pub name: &'static str,
    /// `counter` or `gauge`.
    pub kind: &'static str,
    /// What it says.
    pub help: &'static str,
    /// How much it is.
    pub value: Arc<AtomicU64>,
}

/// A broker that is served.
pub struct Served {
    pub(crate) broker: Arc<Broker>,
    pub(crate) reader: Reader,
    pub(crate) hub: Arc<Hub>,
    pub(crate) driver: Arc<Driver>,
    pub(crate) activity: Activity,
    pub(crate) about: About,
    /// Set once somebody wants it to end.
    pub(crate) ending: watch::Sender<bool>,
    /// What jobs from other machines bring along, until they are submitted.
    pub(crate) brought: PathBuf,
    /// Plans that were shown and wait to be run.
    pub(crate) plans: Plans,
    /// Held while an upload is written or unpacked.
    pub(crate) uploads: tokio::sync::Mutex<()>,
    /// Who writes at a run, one at a time.
    pub(crate) turns: Turns,
    /// Keys of submissions that are under way.
    submitting: Mutex<BTreeSet<String>>,
    /// Projects of runs, as far as they were looked for.
    of_runs: Mutex<BTreeMap<RunId, String>>,
}

impl Served {
    /// Over a broker whose observer is `hub`. Nothing is driven yet. What jobs from other machines bring along waits in
    /// the folder `brought`, on the disk of the broker's state, and plans in the folder `plans`.
    ///
    /// # Errors
    /// [`StoreError`] when its records cannot be read.
    pub fn new(
        broker: Broker,
        hub: Arc<Hub>,
        about: About,
        brought: PathBuf,
        plans: PathBuf,
    ) -> Result<Arc<Self>, StoreError> {
        let (broker, activity) = (Arc::new(broker), Activity::new());
        let driver = Driver::new(Arc::clone(&broker), Arc::clone(&hub), activity.clone());
        Ok(Arc::new(Self {
            reader: broker.reader()?,
            broker,
            hub,
            driver,
            activity,
            about,
            brought,
            plans: Plans::at(plans),
            uploads: tokio::sync::Mutex::default(),
            ending: watch::Sender::new(false),
            turns: Turns::default(),
            submitting: Mutex::default(),
            of_runs: Mutex::default(),
        }))
    }

    /// Drives every run that is not over. Gives those that cannot be read, each with the reason.
    ///
    /// # Errors
    /// [`StoreError`] when the runs cannot be listed.
    pub async fn go_on(&self) -> Result<Vec<(RunId, StoreError)>, StoreError> {
        let mut unreadable = Vec::new();
        let free = match self.broker.has_peers() {
            true => self.broker.stand().await?,
            false => self.broker.unfinished().await?,
        };
        for run in free {
            match self.reader.status(&run) {
                Ok(view) => self.take_up(run, &view),
                Err(error) => unreadable.push((run, error)),
            }
        }
        Ok(unreadable)
    }

    /// Takes a run into care that nobody drives. One that has not begun waits for its turn to.
    fn take_up(&self, run: RunId, view: &RunView) {
        match view.state {
            RunState::Planned => self.driver.drive(run, view.cluster.as_ref()),
            _ => self.driver.go_on(run, view.cluster.as_ref()),
        }
    }

    /// Takes part in what brokers share, where there are others: drives what is left to this one, and wakes whoever
    /// watches runs that others drive. Never returns.
    pub(crate) async fn among_others(&self) -> Infallible {
        if !self.broker.has_peers() {
            return std::future::pending().await;
        }
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = sleep_until(next) => {
                    next = Instant::now() + STAND;
                    // Whoever cannot be reached is told of by whoever keeps the records; the next look finds out more.
                    for run in self.broker.stand().await.unwrap_or_default() {
                        match self.reader.status(&run) {
                            Ok(view) => self.take_up(run, &view),
                            Err(_) => self.driver.go_on(run, None),
                        }
                    }
                }
                runs = self.broker.written() => {
                    self.hub.written(runs.as_ref());
                    next = next.min(Instant::now() + STAND / 10);
                }
            }
        }
    }

    pub(crate) fn health(&self) -> Result<Health, StoreError> {
        let About { version, surroundings, environment, started, serves, .. } = self.about.clone();
        let (pid, driven) = (std::process::id(), self.driver.count());
        let as_of = self.reader.since(u64::MAX >> 1, 0)?.last;
        Ok(Health { version, pid, surroundings, started, driven, as_of, environment, serves })
    }

    pub(crate) fn of_runs(&self) -> MutexGuard<'_, BTreeMap<RunId, String>> {
        self.of_runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The right to submit under a key; none while somebody else does.
    pub(crate) fn submitting(self: &Arc<Self>, key: &str) -> Option<Submitting> {
        let mut keys = self.submitting.lock().unwrap_or_else(PoisonError::into_inner);
        keys.insert(key.to_owned()).then(|| Submitting { served: Arc::clone(self), key: key.to_owned() })
    }
}

/// A submission that is under way, as long as it lives.
pub(crate) struct Submitting {
    served: Arc<Served>,
    key: String,
}

impl Drop for Submitting {
    fn drop(&mut self) {
        self.served.submitting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
