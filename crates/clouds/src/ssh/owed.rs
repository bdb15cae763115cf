//! What hosts are to give back: at the end of a lease, and whenever one of them returns.

use super::provider::{Answered, HostKey, Ssh};
use super::record::{Held, Owed, Phase, Record};
use crate::remote::Ask;
use futures::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;
use welkin_provider::{ErrorKind, ProviderError};

impl Ssh {
    /// Gives up the parts of a try: those that cannot be given back now stay owed.
    pub(super) async fn take_back(&self, held: &mut Held) -> Answered<()> {
        held.record.owe();
        held.record.parts.clear();
        held.save()?;
        self.pay(held).await;
        held.save()
    }

    /// Gives back what is owed, as far as hosts are in reach. A host that was taken out of the file keeps owing: it
    /// may come back into it.
    pub(super) async fn pay(&self, held: &mut Held) -> Option<ProviderError> {
        let record = &held.record;
        let pay = |owed: &Owed| {
            let (owed, host) = (owed.clone(), self.host(record, &owed.host).cloned());
            async move {
                let ask = Ask::Release { lease: owed.lease.clone() };
                let Ok(host) = host else { return (owed, None) };
                let released = host.call(&format!("release {}", owed.lease), &ask, &[], Duration::ZERO).await;
                (owed, Some(released))
            }
        };
        let mut failure = None;
        let mut left = Vec::new();
        for (owed, released) in join_all(record.owed.iter().map(pay)).await {
            match released {
                None => left.push(owed),
                Some(Ok(_)) => {
                    if !self.forget_there(&held.record, &owed).await {
                        // Given back; its record there goes at the next connection.
                        left.push(owed);
                    }
                }
                // It never heard of it.
                Some(Err(error)) if error.kind == ErrorKind::NotFound => {}
                Some(Err(error)) => {
                    left.push(owed);
                    failure = Some(error);
                }
            }
        }
        held.record.owed = left;
        if let Some(pool) = self.pools.get(&held.record.request.location.region) {
            pool.room.notify_waiters();
        }
        failure
    }

    /// The host's own record of a lease is of no use any more: a token is never asked for again. Whether it is gone.
    async fn forget_there(&self, record: &Record, owed: &Owed) -> bool {
        let Ok(host) = self.host(record, &owed.host) else { return false };
        let ask = Ask::Forget { lease: owed.lease.clone() };
        match host.call(&format!("forget {}", owed.lease), &ask, &[], Duration::ZERO).await {
            Ok(_) => true,
            Err(error) => error.kind == ErrorKind::NotFound,
        }
    }

    /// Gives back what hosts that returned still hold: once for each connection to them, again where that fails.
    pub(super) async fn sweep(&self) {
        let returned = self.returned();
        if returned.is_empty() {
            return;
        }
        let Ok(records) = self.records.live() else { return };
        let mut failed: BTreeSet<HostKey> = BTreeSet::new();
        for record in records {
            let pool = &record.request.location.region;
            let keys: Vec<HostKey> =
                record.owed.iter().map(|owed| (pool.clone(), owed.host.clone())).collect();
            if !keys.iter().any(|key| returned.contains_key(key)) {
                continue;
            }
            let paid = match self.records.hold(&record.id).await {
                Ok(mut held) => {
                    let failure = self.pay(&mut held).await;
                    held.save().and_then(|()| held.archive_if_done()).is_ok() && failure.is_none()
                }
                Err(_) => false,
            };
            if !paid {
                failed.extend(keys);
            }
        }
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        swept.extend(returned.into_iter().filter(|(key, _)| !failed.contains(key)));
    }

    /// Hosts whose connection was not swept after yet, with its number.
    pub(super) fn returned(&self) -> BTreeMap<HostKey, u64> {
        let swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let hosts =
            self.pools.iter().flat_map(|(pool, about)| about.hosts.iter().map(move |host| (pool, host)));
        let standing =
            hosts.filter_map(|(pool, host)| Some(((pool.clone(), host.host().to_owned()), host.stood()?)));
        standing.filter(|(key, stood)| swept.get(key) != Some(stood)).collect()
    }

    /// Ends a lease: the verdict first, then the hosts. What they cannot be told now stays owed.
    pub(super) async fn end(&self, held: &mut Held, phase: Phase) -> Option<ProviderError> {
        if !held.record.is_over() {
            let now = self.clock.now().max(held.record.started);
            if held.record.phase == Phase::Asking {
                // What it waited for was never held, and is none of its time.
                held.record.started = now;
            }
            held.record.phase = phase;
            held.record.ended = Some(now);
            held.record.owe();
            if let Err(error) = held.save() {
                return Some(error);
            }
        }
        let failure = self.pay(held).await;
        let saved = held.save().and_then(|()| held.archive_if_done());
        saved.err().or(failure)
    }
}
