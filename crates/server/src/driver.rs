//! Drives runs, each in a task of its own, until they are over.

use crate::activity::Activity;
use crate::hub::Hub;
use crate::turn::Turn;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use welkin_broker::{Broker, ClusterRole, RunError, RunId, StoreError};

/// Pauses before a run that could not go on is taken up again: the first, and the longest. The disk that was full
/// may have room, the provider that did not answer may answer.
const PAUSE: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));

/// The same, when it is the database that does not answer: it was waited for already. So often is also looked whether a
/// run is still driven by somebody else here.
const AWAY: Duration = Duration::from_secs(1);

/// The runs of a broker.
pub(crate) struct Driver {
    broker: Arc<Broker>,
    hub: Arc<Hub>,
    activity: Activity,
    runs: Mutex<BTreeMap<RunId, Care>>,
    /// Ends the pauses of runs that could not go on.
    nudge: Notify,
    /// Submissions come before runs that are to begin.
    pub(crate) turn: Turn,
}

/// How a run in care stands.
enum Care {
    /// It goes on.
    Driven,
    /// Something keeps it from going on; it is taken up again after a pause.
    Paused(String),
    /// Something keeps it from going on that no time mends.
    GivenUp(String),
}

impl Driver {
    pub(crate) fn new(broker: Arc<Broker>, hub: Arc<Hub>, activity: Activity) -> Arc<Self> {
        Arc::new(Self {
            broker,
            hub,
            activity,
            runs: Mutex::default(),
            nudge: Notify::new(),
            turn: Turn::default(),
        })
    }

    /// Takes a run into care that was submitted, and back to work if it paused; says what it has to do with a cluster, so that
    /// those on one are served in the order in which they come here.
    pub(crate) fn drive(self: &Arc<Self>, run: RunId, cluster: Option<&ClusterRole>) {
        self.care(run, cluster, false);
    }

    /// The same of a run that was driven before, or is to end: its machines cost meanwhile, so that it waits for nobody.
    pub(crate) fn go_on(self: &Arc<Self>, run: RunId, cluster: Option<&ClusterRole>) {
        self.care(run, cluster, true);
    }

    fn care(self: &Arc<Self>, run: RunId, cluster: Option<&ClusterRole>, begun: bool) {
        match self.runs().insert(run.clone(), Care::Driven) {
            Some(Care::Driven) => return,
            Some(Care::Paused(_)) => return self.nudge.notify_waiters(),
            Some(Care::GivenUp(_)) | None => {}
        }
        let (driver, going) = (Arc::clone(self), self.activity.begin());
        // Before it runs beside others.
        let line = match cluster {
            Some(ClusterRole::On(cluster)) => Some(self.broker.line_up(&run, cluster)),
            Some(ClusterRole::Holds(_)) | None => None,
        };
        tokio::spawn(async move {
            // What waits in a line starts no machine.
            if begun || line.is_some() {
                Box::pin(driver.to_the_end(&run)).await;
            } else {
                driver.turn.carry(|| driver.to_the_end(&run)).await;
            }
            driver.hub.wake(&run);
            drop((line, going));
        });
    }

    /// Takes a run into care that another broker may have: it is left to this one soon.
    pub(crate) async fn fetch(self: &Arc<Self>, run: &RunId) -> Result<(), StoreError> {
        self.broker.want(run).await?;
        self.go_on(run.clone(), None);
        Ok(())
    }

    /// What keeps a run from going on, if something does.
    pub(crate) fn stopped(&self, run: &RunId) -> Option<String> {
        match self.runs().get(run) {
            Some(Care::Paused(why) | Care::GivenUp(why)) => Some(why.clone()),
            Some(Care::Driven) | None => None,
        }
    }

    /// How many runs are in care and may still go on.
    pub(crate) fn count(&self) -> usize {
        self.runs().values().filter(|care| !matches!(care, Care::GivenUp(_))).count()
    }

    /// How many runs cannot go on at present.
    pub(crate) fn standing(&self) -> usize {
        self.runs().values().filter(|care| !matches!(care, Care::Driven)).count()
    }

    async fn to_the_end(&self, run: &RunId) {
        let mut pause = PAUSE.0;
        loop {
            let error = match self.broker.run(run).await {
                // By a request of somebody who wants it to end. If that does not come to its end, this goes on.
                Err(RunError::AlreadyDriven { .. }) if !self.broker.has_peers() => {
                    tokio::time::sleep(AWAY).await;
                    continue;
                }
                Ok(_) | Err(RunError::AlreadyDriven { .. }) => break,
                Err(error) => error,
            };
            if matches!(&error, RunError::Store(StoreError::Away { .. })) {
                pause = AWAY;
            }
            let (passes, why) = (may_pass(&error), words(&error));
            let care = if passes { Care::Paused(why) } else { Care::GivenUp(why) };
            self.runs().insert(run.clone(), care);
            self.hub.wake(run);
            if !passes {
                return;
            }
            drop(tokio::time::timeout(pause, self.nudge.notified()).await);
            pause = (pause * 2).min(PAUSE.1);
            self.runs().insert(run.clone(), Care::Driven);
        }
        self.runs().remove(run);
    }

    fn runs(&self) -> MutexGuard<'_, BTreeMap<RunId, Care>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether time may mend it. Records that contradict themselves or cannot be read stay so.
fn may_pass(error: &RunError) -> bool {
    match error {
        RunError::Unsettled { .. } => true,
        RunError::Store(error) => {
            !error.is_damage()
                && !matches!(
                    error,
                    StoreError::Plan { .. }
                        | StoreError::Contradiction { .. }
                        | StoreError::Body { .. }
                        | StoreError::NoSuchRun { .. }
                )
        }
        _ => false,
    }
}

/// An error with its causes.
pub(crate) fn words(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
