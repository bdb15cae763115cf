//! Egress: priced by pair of places and by what was already moved this month.

use crate::meter::{MeterEvent, Usage};
use std::collections::BTreeMap;
use std::fmt;
use welkin_provider::{Location, UnixMillis};
use welkin_units::{Bytes, Usd};

/// Tariffs of data movements.
pub trait Pricing: Send + Sync + fmt::Debug {
    /// The cost of `bytes` more from `from` to `to` after `month_to_date` of the same counter.
    ///
    /// Must be the difference of one cumulative function of the month's bytes at its two ends, so
    /// that a movement costs the same however it is cut.
    fn egress(&self, from: &Location, to: &Location, month_to_date: Bytes, bytes: Bytes) -> Usd;

    /// Which of the payer's monthly counters the pair counts on: tiers are cumulative on it.
    fn counter(&self, from: &Location, to: &Location) -> String {
        let _ = to;
        from.provider.clone()
    }
}

/// Tariffs that price nothing: for places that charge for no movement.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPricing;

impl Pricing for NoPricing {
    fn egress(&self, _: &Location, _: &Location, _: Bytes, _: Bytes) -> Usd {
        Usd::ZERO
    }
}

/// Bytes moved on each counter in each calendar month (UTC).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MonthToDate {
    moved: BTreeMap<(String, i32), Bytes>,
}

impl MonthToDate {
    /// Counts the egress among `events`; others are ignored. Each id must be there once.
    #[must_use]
    pub fn of<'a>(events: impl IntoIterator<Item = &'a MeterEvent>, pricing: &dyn Pricing) -> Self {
        let mut month = Self::default();
        for event in events {
            if let Usage::Egress(moved) = &event.usage {
                month.add(&pricing.counter(&event.place, &moved.to), event.to, moved.bytes);
            }
        }
        month
    }

    /// Counts `bytes` moved at `at`.
    pub fn add(&mut self, counter: &str, at: UnixMillis, bytes: Bytes) {
        *self.moved.entry((counter.to_owned(), month_of(at))).or_default() += bytes;
    }

    /// What was moved in the month of `at`.
    #[must_use]
    pub fn get(&self, counter: &str, at: UnixMillis) -> Bytes {
        self.moved.get(&(counter.to_owned(), month_of(at))).copied().unwrap_or(Bytes::ZERO)
    }
}

/// The calendar month (UTC) of a moment, in months since year 0; moments beyond the calendar all fall into one.
#[must_use]
pub fn month_of(at: UnixMillis) -> i32 {
    let moment = i64::try_from(at.0).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    moment.map_or(i32::MAX, |moment| {
        let date = jiff::tz::Offset::UTC.to_datetime(moment).date();
        i32::from(date.year()) * 12 + i32::from(date.month()) - 1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_turn_at_midnight_utc() {
        let new_year = 1_767_225_600_000;
        assert_eq!(month_of(UnixMillis(new_year)), 2026 * 12);
        assert_eq!(month_of(UnixMillis(new_year - 1)), 2026 * 12 - 1);
        assert_eq!(month_of(UnixMillis(u64::MAX)), i32::MAX);
    }

    #[test]
    fn counters_do_not_mix() {
        let mut month = MonthToDate::default();
        month.add("aws", UnixMillis(0), Bytes::from_gb(1));
        month.add("aws", UnixMillis(40 * 86_400_000), Bytes::from_gb(2));
        assert_eq!(month.get("aws", UnixMillis(5)), Bytes::from_gb(1));
        assert_eq!(month.get("aws", UnixMillis(41 * 86_400_000)), Bytes::from_gb(2));
        assert_eq!(month.get("gcp", UnixMillis(5)), Bytes::ZERO);
    }
}
