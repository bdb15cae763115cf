//! What is asked of a run while it is driven. Whoever drives it takes the wishes, one after the other, so that one hand
//! writes its records.
//!
//! *Guarantee:* a wish that was answered is on record. One whose answer never came may be: asking again is safe, since
//! each says how things are to be and not what is to change.
//!
//! *Rejected:* a table of wishes in the store, as cancels have one: any process may ask for a cancel, and it is looked
//! for every second; these come through the broker that drives the run, which is woken.

use crate::cluster;
use crate::error::WishError;
use crate::live::{Fact, Live, World};
use crate::projects;
use crate::view::PlaceView;
use std::collections::BTreeMap;
use std::convert::Infallible;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use welkin_provider::Tier;
use welkin_records::{AttemptId, ClusterRole, LeaseState, Manner, Record, RunId, RunState, StoreError};
use welkin_units::Span;

/// How long to wait for a run to be taken up: it is read from the store first, which takes milliseconds, or seconds
/// when a thousand are read at once.
const TAKEN_UP_WITHIN: Span = Span::from_secs(30);

/// How the cluster that a run holds is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// It ends, or stops, when nothing was under way on it for so long from now on; it stays when absent.
    Idle(Option<Idle>),
    /// Its machines stop, and what is on them ends.
    Stop,
    /// Its machines start again.
    Start,
}

/// How long a cluster may be idle, and what becomes of it then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Idle {
    /// How long.
    pub span: Span,
    /// Whether its machines are stopped, and not given back.
    pub stops: bool,
}

type Answer = oneshot::Sender<Result<(), WishError>>;

/// Where wishes for a run are taken.
pub(crate) type Inbox = mpsc::UnboundedReceiver<(Wish, Answer)>;

/// The inboxes of all runs that are driven.
#[derive(Debug)]
pub(crate) struct Inboxes(watch::Sender<BTreeMap<RunId, mpsc::UnboundedSender<(Wish, Answer)>>>);

impl Default for Inboxes {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Inboxes {
    /// For a run that begins to be driven.
    pub(crate) fn open(&self, run: &RunId) -> Inbox {
        let (sender, inbox) = mpsc::unbounded_channel();
        self.0.send_modify(|all| drop(all.insert(run.clone(), sender)));
        inbox
    }

    /// For one that is no longer driven.
    pub(crate) fn close(&self, run: &RunId) {
        self.0.send_modify(|all| drop(all.remove(run)));
    }

    /// Waits until somebody drives the run, then for the answer.
    async fn ask(&self, run: &RunId, wish: Wish) -> Result<(), WishError> {
        let undriven = || WishError::Undriven { run: run.clone() };
        let mut all = self.0.subscribe();
        let there = timeout(TAKEN_UP_WITHIN.duration(), all.wait_for(|all| all.contains_key(run)));
        let sender = match there.await {
            Ok(Ok(all)) => all.get(run).cloned(),
            _ => None,
        };
        let (answer, answered) = oneshot::channel();
        sender.ok_or_else(undriven)?.send((wish, answer)).map_err(|_| undriven())?;
        // Whoever drove it has stopped to: the run is over, or cannot go on.
        answered.await.unwrap_or_else(|_| Err(undriven()))
    }
}

/// Asks whoever drives a run here.
pub(crate) async fn ask(world: &World, run: &RunId, wish: Wish) -> Result<(), WishError> {
    world.inboxes.ask(run, wish).await
}

/// Takes wishes, one after the other. Returns only when the store fails.
pub(crate) async fn serve(live: &Live, inbox: &mut Inbox) -> Result<Infallible, StoreError> {
    while let Some((wish, answer)) = inbox.recv().await {
        let (done, failed) = match take(live, wish).await {
            Err(WishError::Store(error)) => {
                let (run, why) = (live.id.clone(), error.chain());
                (Err(WishError::Unrecorded { run, why }), Some(error))
            }
            done => (done, None),
        };
        // Whoever asked may have gone.
        drop(answer.send(done));
        if let Some(error) = failed {
            return Err(error);
        }
    }
    std::future::pending().await
}

async fn take(live: &Live, wish: Wish) -> Result<(), WishError> {
    let (holds, state, manner) = {
        let view = live.view.borrow();
        (matches!(view.cluster, Some(ClusterRole::Holds(_))), view.state, view.manner)
    };
    if !holds {
        return Err(WishError::NoCluster { run: live.id.clone() });
    }
    if state != RunState::Running {
        return Err(WishError::Ending { run: live.id.clone() });
    }
    let record = match wish {
        Wish::Idle(idle) => {
            if idle.is_some_and(|idle| idle.stops) {
                can_stop(live)?;
            }
            let stops = idle.is_some_and(|idle| idle.stops);
            Record::MannerChosen { manner: Manner { idle: idle.map(|idle| idle.span), stops, ..manner } }
        }
        Wish::Stop => match standing(live) {
            Some((_, LeaseState::Stopping | LeaseState::Stopped)) => return Ok(()),
            Some((attempt, LeaseState::Active)) => {
                can_stop(live)?;
                cluster::dismiss(live).await.map_err(WishError::Store)?;
                // Meanwhile the run has gone on.
                match standing(live) {
                    Some((now, LeaseState::Active)) if now == attempt => Record::LeaseStopping { attempt },
                    Some((_, LeaseState::Stopping | LeaseState::Stopped)) => return Ok(()),
                    _ => return Err(WishError::NotThere { run: live.id.clone() }),
                }
            }
            _ => return Err(WishError::NotThere { run: live.id.clone() }),
        },
        Wish::Start => match standing(live) {
            Some((attempt, LeaseState::Stopped)) => {
                projects::start(live, attempt).await.map_err(|error| match error {
                    StoreError::Over(over) => WishError::Over(over),
                    error => WishError::Store(error),
                })?;
                match standing(live) {
                    Some((now, LeaseState::Stopped)) if now == attempt => Record::LeaseStarting { attempt },
                    // Work that came has started them.
                    Some((_, LeaseState::Starting | LeaseState::Requested | LeaseState::Active)) => {
                        return Ok(());
                    }
                    _ => return Err(WishError::NotThere { run: live.id.clone() }),
                }
            }
            Some((_, LeaseState::Stopping)) => return Err(WishError::NotThere { run: live.id.clone() }),
            _ => return Ok(()),
        },
    };
    live.record(vec![Fact::Record(record)]).await.map_err(WishError::Store)
}

/// The attempt that is under way, and the state of its lease.
fn standing(live: &Live) -> Option<(AttemptId, LeaseState)> {
    let view = live.view.borrow();
    let attempt = view.tasks.first()?.live()?;
    Some((attempt.id, attempt.lease))
}

/// Refuses at once what the provider would: where there are no machines yet, of all places that the plan names.
fn can_stop(live: &Live) -> Result<(), WishError> {
    let view = live.view.borrow();
    let has = view.tasks.first().and_then(|task| task.live()).map(|attempt| &attempt.place);
    let may = view.tasks.first().map_or(&[][..], |task| &task.places);
    let places = has.map_or(may, std::slice::from_ref);
    match places.iter().find_map(|place| unstoppable(&live.world, place)) {
        None => Ok(()),
        Some(what) => Err(WishError::CannotStop { what }),
    }
}

/// What machines of a place are that cannot be stopped.
pub(crate) fn unstoppable(world: &World, place: &PlaceView) -> Option<String> {
    if place.tier == Tier::Spot {
        // Clouds keep disks of spot machines for some kinds of requests only, and those are not what is asked for here.
        return Some("spot machines".to_owned());
    }
    let name = &place.location.provider;
    let stops = world.provider(name).is_ok_and(|provider| provider.stops());
    (!stops).then(|| format!("machines of {name}"))
}
