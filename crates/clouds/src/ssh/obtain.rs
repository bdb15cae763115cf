//! From a request to hosts: who has room, who is asked, and what happens when one says no.

use super::choose::{Candidate, Choice, choose};
use super::inventory;
use super::provider::{Answered, PoolOf, Ssh};
use super::record::{Held, Part, Phase, Record};
use crate::host::PROVIDER;
use crate::remote::{Answer, Ask, Reach};
use futures::future::join_all;
use std::sync::Arc;
use std::time::Duration;
use welkin_provider::{ErrorKind, LeaseRequest, MachineSpec, ProviderError};

/// How often a pool that is full is looked at again: others may give room back without a word to us.
const ROOM_POLL: Duration = Duration::from_secs(1);

/// How often hosts are chosen anew for one request because somebody else was faster.
const MAX_TRIES: u32 = 8;

impl Ssh {
    /// The hosts that answer, with what is free; and those that do not.
    pub(super) async fn candidates(
        &self,
        pool: &PoolOf,
        zone: Option<&str>,
    ) -> (Vec<Candidate>, Vec<String>) {
        let asked = pool.hosts.iter().filter(|host| zone.is_none_or(|zone| host.host() == zone));
        let ask = |host: &Arc<Reach>| {
            let host = Arc::clone(host);
            async move {
                let free = host.call("ask what is free", &Ask::Free, &[], Duration::ZERO).await;
                let info = host.info().await;
                match (free, info) {
                    (Ok((Answer::Free(free), _)), Ok((info, _))) if free.is_sensible() => {
                        Ok(Candidate { host: host.host().to_owned(), info, free })
                    }
                    _ => Err(host.host().to_owned()),
                }
            }
        };
        let mut found = (Vec::new(), Vec::new());
        for answer in join_all(asked.map(ask)).await {
            match answer {
                Ok(candidate) => found.0.push(candidate),
                Err(host) => found.1.push(host),
            }
        }
        found
    }

    /// Takes a lease that is asked for to held.
    pub(super) async fn obtain(&self, held: &mut Held) -> Answered<()> {
        let request = held.record.request.clone();
        let pool = self.pool(&request.location)?;
        let _turn = pool.queue.lock().await;
        loop {
            if held.record.parts.is_empty() {
                self.divide(held, pool, &request).await?;
            }
            let error = match self.ask_all(&held.record).await {
                Ok(()) => {
                    held.record.phase = Phase::Held;
                    held.record.started = self.clock.now();
                    return held.save();
                }
                Err(error) => error,
            };
            self.take_back(held).await?;
            // Somebody was faster, or a host went away meanwhile: the others may still do.
            let passes = matches!(error.kind, ErrorKind::NoCapacity | ErrorKind::Transient);
            if !passes || held.record.tries >= MAX_TRIES {
                return Err(ProviderError { kind: refused(error.kind), ..error });
            }
        }
    }

    /// Chooses hosts, or waits until there are some.
    pub(super) async fn divide(
        &self,
        held: &mut Held,
        pool: &PoolOf,
        request: &LeaseRequest,
    ) -> Answered<()> {
        loop {
            // Before the look, so that nothing given back meanwhile is missed.
            let room = pool.room.notified();
            let (candidates, silent) = self.candidates(pool, request.location.zone.as_deref()).await;
            if candidates.iter().any(|candidate| knows(candidate, &request.machine)) || silent.is_empty() {
                self.check_type(&candidates, request)?;
            }
            let away = if silent.is_empty() {
                String::new()
            } else {
                format!("; out of reach: {}", silent.join(", "))
            };
            let (nodes, kind) = (request.nodes, &request.machine.instance_type);
            match choose(&candidates, &request.machine, nodes) {
                Choice::Take(nodes) => {
                    held.record.divide(&nodes);
                    return held.save();
                }
                Choice::Full if request.waits => {
                    let _ = tokio::time::timeout(ROOM_POLL, room).await;
                }
                Choice::Full => {
                    let message = format!("no room for {nodes} of {kind} at the moment{away}");
                    return Err(self.refusal(request, message));
                }
                Choice::Never => {
                    let message = format!("no hosts for {nodes} of {kind} together{away}");
                    return Err(self.refusal(request, message));
                }
            }
        }
    }

    pub(super) fn check_type(&self, candidates: &[Candidate], request: &LeaseRequest) -> Answered<()> {
        if candidates.is_empty() || candidates.iter().any(|candidate| knows(candidate, &request.machine)) {
            return Ok(());
        }
        let message =
            format!("no host of {} is offered as {}", request.location, request.machine.instance_type);
        Err(ProviderError::new(PROVIDER, self.asking(request), ErrorKind::NotFound, message))
    }

    pub(super) fn refusal(&self, request: &LeaseRequest, message: String) -> ProviderError {
        ProviderError::new(PROVIDER, self.asking(request), ErrorKind::NoCapacity, message)
    }

    pub(super) fn asking(&self, request: &LeaseRequest) -> String {
        format!("acquire {} at {}", request.machine.instance_type, request.location)
    }

    /// Asks the host of every part, at once.
    pub(super) async fn ask_all(&self, record: &Record) -> Answered<()> {
        let ask = |part: &Part| {
            let request = record.request_of(part);
            let host = self.host(record, &part.host).cloned();
            async move {
                let operation = format!("acquire {} at {}", request.machine.instance_type, request.location);
                host?
                    .call(&operation, &Ask::Acquire { request: Box::new(request) }, &[], Duration::ZERO)
                    .await
            }
        };
        join_all(record.parts.iter().map(ask)).await.into_iter().try_for_each(|answer| answer.map(drop))
    }
}

/// Whether a host is offered as such a machine.
pub(super) fn knows(candidate: &Candidate, machine: &MachineSpec) -> bool {
    inventory::shapes(&candidate.info)
        .iter()
        .any(|shape| shape.machine.instance_type == machine.instance_type)
}

/// A refusal by the last of many tries. That a host went away does not leave anything in doubt: what it may hold
/// is on record.
const fn refused(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::Transient => ErrorKind::NoCapacity,
        kind => kind,
    }
}
