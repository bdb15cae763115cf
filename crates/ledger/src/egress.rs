//! Egress: priced by pair of places and by what was already moved this month.

use crate::meter::{MeterEvent, Usage};
use std::collections::BTreeMap;
use std::fmt;
use welkin_provider::{Location, UnixMillis};
use welkin_units::{Bytes, Usd};

/// Tariffs of data movements.
pub trait Pricing: Send + Sync + fmt::Debug {
    /// The cost of `bytes` more from `from` to `to` after what `month` says is on each counter. Others than
    /// that of the pair matter where several use up one free quota.
    ///
    /// Must be the difference of one function of the month's bytes at its two ends, so that movements cost the
    /// same however they are cut and in whatever order they are made.
    fn egress(&self, from: &Location, to: &Location, month: &dyn Fn(&str) -> Bytes, bytes: Bytes) -> Usd;

    /// Which of the payer's monthly counters the pair counts on: tiers are cumulative on it.
    fn counter(&self, from: &Location, to: &Location) -> String {
        let _ = to;
        from.provider.to_string()
    }
}

/// Tariffs that price nothing: for places that charge for no movement.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPricing;

impl Pricing for NoPricing {
    fn egress(&self, _: &Location, _: &Location, _: &dyn Fn(&str) -> Bytes, _: Bytes) -> Usd {
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

    /// What was moved in the month of `at`, by counter.
    #[must_use]
    pub fn volumes(&self, at: UnixMillis) -> BTreeMap<String, Bytes> {
        let month = month_of(at);
        let own = self.moved.iter().filter(|((_, known), bytes)| *known == month && **bytes > Bytes::ZERO);
        own.map(|((counter, _), bytes)| (counter.clone(), *bytes)).collect()
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

/// The first day of the calendar month (UTC) of a moment, as `2026-11-01`; nothing beyond the calendar.
#[must_use]
pub fn month_began(at: UnixMillis) -> Option<String> {
    let month = Some(month_of(at)).filter(|month| *month != i32::MAX)?;
    Some(format!("{:04}-{:02}-01", month.div_euclid(12), month.rem_euclid(12) + 1))
}

/// The first moment of a month (UTC), as [`month_of`] counts them; the end of all time beyond the calendar.
#[must_use]
pub fn month_start(month: i32) -> UnixMillis {
    let parts = i16::try_from(month.div_euclid(12)).ok().zip(i8::try_from(month.rem_euclid(12) + 1).ok());
    let first = parts.and_then(|(year, number)| jiff::civil::Date::new(year, number, 1).ok());
    let moment = first.and_then(|date| jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok());
    moment.map_or(UnixMillis(u64::MAX), |moment| {
        // Before 1970 there is nothing.
        UnixMillis(u64::try_from(moment.as_millisecond()).unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_starts_where_it_turns() {
        for at in [0, 1_767_225_599_999, 1_767_225_600_000, 1_790_000_000_000] {
            let (start, month) = (month_start(month_of(UnixMillis(at))), month_of(UnixMillis(at)));
            assert!(start.0 <= at && month_of(start) == month, "{at}");
            assert!(start.0 == 0 || month_of(UnixMillis(start.0 - 1)) == month - 1, "{at}");
        }
        assert_eq!(month_start(i32::MAX), UnixMillis(u64::MAX));
        assert_eq!(month_start(0), UnixMillis(0));
    }

    #[test]
    fn months_turn_at_midnight_utc() {
        let new_year = 1_767_225_600_000;
        assert_eq!(month_of(UnixMillis(new_year)), 2026 * 12);
        assert_eq!(month_of(UnixMillis(new_year - 1)), 2026 * 12 - 1);
        assert_eq!(month_of(UnixMillis(u64::MAX)), i32::MAX);
        assert_eq!(month_began(UnixMillis(new_year)).as_deref(), Some("2026-01-01"));
        assert_eq!(month_began(UnixMillis(new_year - 1)).as_deref(), Some("2025-12-01"));
        assert_eq!(month_began(UnixMillis(u64::MAX)), None);
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
