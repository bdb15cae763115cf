//! Data that left a place: priced by what the month already holds, and booked with the record of it.
//!
//! Looking at the month and booking are one step among all runs of a broker: of two movements at once
//! the second must find what the first used up of a free quota.
//!
//! A movement that comes to its end is booked with the record of that, whole, whoever moved which part of it. One that
//! does not, since a store failed, a lease was lost or the run was cancelled, has left its place as far as it came: that is
//! on the bill once the run is over and nothing can go on with it any more. What a broker that was killed had moved of such
//! a one, and nobody went on with, is on no bill.

use crate::error::StoreError;
use crate::live::{Fact, Live};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use welkin_ledger::{EgressUse, EntryKind, MeterEvent, MonthToDate, Pricing, Who, month_of};
use welkin_provider::{Location, Nature, UnixMillis};
use welkin_records::{Moved, Records};
use welkin_units::Bytes;

/// What was moved in the month of `at`, on the counters of `pricing`.
pub(crate) async fn month_to_date(
    records: &dyn Records,
    at: UnixMillis,
    pricing: &dyn Pricing,
) -> Result<MonthToDate, StoreError> {
    let mut month = MonthToDate::default();
    for Moved { source, target, bytes } in records.moved(month_of(at)).await? {
        month.add(&pricing.counter(&source, &target), at, bytes);
    }
    Ok(month)
}

/// A movement of data.
#[derive(Debug, Clone)]
pub(crate) struct Movement {
    /// Whose bill it is on.
    pub(crate) task: usize,
    /// What moved, by a name that a repetition has too.
    pub(crate) subject: String,
    pub(crate) from: Location,
    pub(crate) to: Location,
    pub(crate) bytes: Bytes,
    /// When; of a repetition, the same moment, so that it counts once.
    pub(crate) at: UnixMillis,
}

/// Movements that have begun and are not on the bill, by what they move.
#[derive(Debug, Default)]
pub(crate) struct UnderWay(Mutex<BTreeMap<String, Movement>>);

impl UnderWay {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Movement>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So much of a movement is there. Whoever goes on with it begins to count anew, with what they find.
    pub(crate) fn note(&self, movement: &Movement, there: Bytes) {
        let mut all = self.all();
        let known = all
            .entry(movement.subject.clone())
            .or_insert_with(|| Movement { bytes: Bytes::ZERO, ..movement.clone() });
        known.bytes = known.bytes.max(there.min(movement.bytes));
    }
}

/// Books what was moved and came to no end. Nothing is under way when this is called.
pub(crate) async fn rest(live: &Live) -> Result<(), StoreError> {
    let rest: Vec<Movement> = live.under_way.all().values().cloned().collect();
    for moved in rest {
        record(live, Vec::new(), Some(moved)).await?;
    }
    Ok(())
}

/// Puts facts on record together with the charge for what was moved, if anything was.
pub(crate) async fn record(
    live: &Live,
    mut facts: Vec<Fact>,
    moved: Option<Movement>,
) -> Result<(), StoreError> {
    let Some(moved) = moved.filter(|moved| moved.bytes > Bytes::ZERO) else {
        return live.record(facts).await;
    };
    let _one_at_a_time = live.world.metering.lock().await;
    let subject = moved.subject.clone();
    facts.push(Fact::Booked(EntryKind::Charge { event: event(live, moved).await? }));
    live.record(facts).await?;
    live.under_way.all().remove(&subject);
    Ok(())
}

async fn event(live: &Live, moved: Movement) -> Result<MeterEvent, StoreError> {
    let pricing = &*live.world.options.pricing;
    let month = month_to_date(live.world.store.records().await?, moved.at, pricing).await?;
    let who = Who {
        run: live.id.0.clone(),
        task: live.task_name(moved.task).to_owned(),
        subject: moved.subject,
        nature: nature_of(live, &moved.from),
        place: moved.from,
    };
    let used = EgressUse { to: moved.to, bytes: moved.bytes };
    Ok(MeterEvent::egress(who, moved.at, used, pricing, &month))
}

fn nature_of(live: &Live, place: &Location) -> Nature {
    live.world.provider(&place.provider).map_or(Nature::Real, |provider| provider.nature())
}
