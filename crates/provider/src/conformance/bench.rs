//! The bench a check works at: patient calls, unique names, and a record of all that was taken.

use super::harness::{Harness, Patience, Target};
use super::probe::Probe;
use crate::error::{ErrorKind, ProviderError, Retry};
use crate::lease::{Lease, LeaseId, LeaseRequest, LeaseState, MachineSpec, Owner, Token};
use crate::node::{Event, EventKind, Exit, Node, Step, StepId, Stream};
use crate::port::Provider;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;
use welkin_units::Span;

/// What came of a check or a part of it.
pub(super) type Checked<T = ()> = Result<T, Miss>;

/// Why a check did not pass.
#[derive(Debug)]
pub(super) enum Miss {
    Failed(String),
    NotTested(String),
}

impl From<ProviderError> for Miss {
    fn from(error: ProviderError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Fails with `how` unless the promise holds.
pub(super) fn ensure(holds: bool, how: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Miss::Failed(how())) }
}

/// Fails unless two values are equal.
pub(super) fn ensure_eq<T: PartialEq + fmt::Debug>(what: &str, found: &T, expected: &T) -> Checked {
    ensure(found == expected, || format!("{what}: {found:?} instead of {expected:?}"))
}

/// Skips the check unless the harness can do what it needs.
pub(super) fn needs(able: bool, what: &str) -> Checked {
    if able { Ok(()) } else { Err(Miss::NotTested(format!("the harness has no {what}"))) }
}

/// All that a run took, to be given back.
#[derive(Debug, Default, Clone)]
pub(super) struct Taken {
    pub(super) leases: BTreeSet<LeaseId>,
    pub(super) owners: BTreeSet<Owner>,
}

/// The pause between two looks, as a fraction of the time that a wait may take: often enough to be
/// prompt, seldom enough for a cloud that counts calls.
const LOOKS: u64 = 100;

/// One check's bench.
pub(super) struct Bench<'a> {
    pub(super) harness: &'a dyn Harness,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) check: &'static str,
    /// What the checks before took.
    pub(super) before: &'a Taken,
    /// What this one took.
    pub(super) taken: Mutex<Taken>,
}

impl Bench<'_> {
    pub(super) fn target(&self) -> Target {
        self.harness.target()
    }

    pub(super) fn patience(&self) -> Patience {
        self.harness.patience()
    }

    /// A name that no other check and no other run uses.
    pub(super) fn unique(&self, label: &str) -> String {
        format!("{}-{}-{label}", self.harness.run_id(), self.check)
    }

    /// An owner of this check, to be swept at the end.
    pub(super) fn owner(&self, label: &str) -> Owner {
        let owner = Owner(self.unique(label));
        self.taken().owners.insert(owner.clone());
        owner
    }

    pub(super) fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request for one node of the target.
    pub(super) fn request(&self, label: &str) -> LeaseRequest {
        let target = self.target();
        LeaseRequest {
            token: Token(self.unique(label)),
            owner: self.owner("owner"),
            location: target.location,
            machine: MachineSpec {
                vcpus_milli: target.vcpus_milli,
                memory: target.memory,
                ..MachineSpec::of_type(target.instance_type)
            },
            tier: target.tier,
            nodes: 1,
            waits: false,
            hourly: target.hourly,
            // Longer than any check, short enough that a suite that is killed costs little.
            abandon_after: self.patience().ready + Span::from_hours(1),
            labels: BTreeMap::from([("welkin-conformance".to_owned(), self.check.to_owned())]),
        }
    }

    /// Tries a call until it succeeds or fails in a way that does not pass.
    pub(super) async fn patiently<T, F>(&self, call: impl Fn() -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let mut tries = self.patience().tries;
        loop {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tries = tries.saturating_sub(1);
            match passing(&error) {
                Some(pause) if tries > 0 => sleep(pause).await,
                _ => return Err(error),
            }
        }
    }

    /// Acquires, and remembers what to give back.
    pub(super) async fn acquire(&self, request: &LeaseRequest) -> Result<Lease, ProviderError> {
        let lease = self.patiently(|| self.provider.acquire(request)).await?;
        self.taken().leases.insert(lease.id.clone());
        Ok(lease)
    }

    pub(super) async fn observe(&self, lease: &LeaseId) -> Result<Lease, ProviderError> {
        self.patiently(|| self.provider.observe(lease)).await
    }

    pub(super) async fn release(&self, lease: &LeaseId) -> Result<(), ProviderError> {
        self.patiently(|| self.provider.release(lease)).await
    }

    pub(super) async fn list(&self, owner: &Owner) -> Result<Vec<Lease>, ProviderError> {
        self.patiently(|| self.provider.list(owner)).await
    }

    /// Looks again and again until `look` finds something, for as long as `within`.
    pub(super) async fn eventually<T, F>(&self, what: &str, within: Span, look: impl Fn() -> F) -> Checked<T>
    where
        F: Future<Output = Checked<Option<T>>>,
    {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            if Span::from(began.elapsed()) > within {
                return Err(Miss::Failed(format!("{what}: not within {within}")));
            }
            sleep(Span::from_millis(within.millis() / LOOKS + 1)).await;
        }
    }

    /// The lease once it is ready.
    pub(super) async fn ready(&self, request: &LeaseRequest) -> Checked<Lease> {
        let id = self.acquire(request).await?.id;
        self.eventually("ready", self.patience().ready, async || {
            let lease = self.observe(&id).await?;
            match &lease.state {
                LeaseState::Ready | LeaseState::Preempting { .. } => Ok(Some(lease)),
                LeaseState::Pending => Ok(None),
                over => Err(Miss::Failed(format!("it was to be ready and is {over:?}"))),
            }
        })
        .await
    }

    /// The lease once it is over, as observed.
    pub(super) async fn over(&self, id: &LeaseId) -> Checked<Lease> {
        self.eventually("over", self.patience().lag, async || {
            Ok(Some(self.observe(id).await?).filter(|lease| lease.state.is_over()))
        })
        .await
    }

    /// A node of a new lease.
    pub(super) async fn machine(&self) -> Checked<Arc<dyn Node>> {
        let lease = self.ready(&self.request("machine")).await?;
        self.node(&lease.id, 0).await
    }

    pub(super) async fn node(&self, lease: &LeaseId, rank: u32) -> Checked<Arc<dyn Node>> {
        Ok(self.patiently(|| self.provider.node(lease, rank)).await?)
    }

    /// A step that runs a probe.
    pub(super) fn step(&self, label: &str, probe: Probe) -> Step {
        Step {
            id: StepId(self.unique(label)),
            fetch: Vec::new(),
            script: Some(probe.script().to_owned()),
            workdir: ".".to_owned(),
            env: BTreeMap::new(),
            secret_env: Vec::new(),
            publish: Vec::new(),
            listens: false,
        }
    }

    /// Starts a step and reads it to its end.
    pub(super) async fn run(&self, node: &dyn Node, step: &Step) -> Checked<Vec<Event>> {
        self.patiently(|| node.start(step)).await?;
        self.finish(node, &step.id).await
    }

    /// All events of a step, once it is over.
    pub(super) async fn finish(&self, node: &dyn Node, step: &StepId) -> Checked<Vec<Event>> {
        let wait = self.patience().step;
        self.eventually("the last event", wait, async || {
            let events = self.patiently(|| node.events(step, 0, Span::ZERO)).await?;
            let last = matches!(events.last(), Some(Event { kind: EventKind::Finished { .. }, .. }));
            Ok(last.then_some(events))
        })
        .await
    }

    /// Gives everything back that this check took.
    pub(super) async fn give_back(&self) -> Checked {
        let (mut leases, owners) = {
            let taken = self.taken();
            (taken.leases.clone(), taken.owners.clone())
        };
        // What a broken provider made besides what it told is found by its owner.
        for owner in &owners {
            leases.extend(self.list(owner).await?.into_iter().map(|lease| lease.id));
        }
        for lease in &leases {
            self.release(lease).await?;
        }
        self.taken().leases.extend(leases);
        Ok(())
    }
}

/// How a step ended.
pub(super) fn exit_of(events: &[Event]) -> Option<&Exit> {
    events.iter().find_map(|event| match &event.kind {
        EventKind::Finished { exit } => Some(exit),
        _ => None,
    })
}

/// Lines of one stream.
pub(super) fn lines_of(events: &[Event], wanted: Stream) -> Vec<&str> {
    let lines = events.iter().filter_map(|event| match &event.kind {
        EventKind::Log { stream, line } if *stream == wanted => Some(line.as_str()),
        _ => None,
    });
    lines.collect()
}

/// Fails unless a call was refused with one of these meanings and in the provider's name.
pub(super) fn ensure_refused<T>(
    bench: &Bench<'_>,
    result: Result<T, ProviderError>,
    meanings: &[ErrorKind],
) -> Checked {
    let Err(error) = result else {
        return Err(Miss::Failed(format!("it succeeded and was to be refused as one of {meanings:?}")));
    };
    ensure(meanings.contains(&error.kind), || format!("refused, but not as one of {meanings:?}: {error}"))?;
    ensure_eq("provider in the error", &error.provider.as_str(), &bench.provider.name().as_str())?;
    ensure(!error.operation.is_empty(), || "the error does not name its operation".to_owned())
}

/// The pause after which the same call may succeed. The target can be had, so a lack of it passes,
/// and so do expired credentials that somebody refreshes.
fn passing(error: &ProviderError) -> Option<Span> {
    match (error.kind, error.retry()) {
        (_, Retry::After(pause)) => Some(pause),
        (ErrorKind::NoCapacity | ErrorKind::QuotaExceeded | ErrorKind::Unauthenticated, _) => {
            Some(Span::from_secs(1))
        }
        _ => None,
    }
}

pub(super) async fn sleep(span: Span) {
    tokio::time::sleep(span.duration()).await;
}
