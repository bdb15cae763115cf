//! What `welkin catalog check` shows: for each source, what came out of it and how old it is.

use crate::import::{FileError, Imported, Origin, Quarantined, Reason};
use serde::Serialize;
use std::collections::BTreeMap;

/// State of all sources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// One entry a source, in the order in which they were read.
    pub sources: Vec<SourceReport>,
}

/// State of one source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// File or feed.
    pub name: String,
    /// Provider.
    pub provider: String,
    /// Date of the values, `YYYY-MM-DD`.
    pub as_of: String,
    /// Days from that date to the day of the check; absent when the date is not one.
    pub age_days: Option<i64>,
    /// Rows in the file.
    pub rows: u32,
    /// Offers that came out.
    pub offers: u32,
    /// Rows that were repaired.
    pub repaired: u32,
    /// Offers put together from a host and an accelerator priced apart.
    pub composed: u32,
    /// What was set aside, by reason.
    pub quarantined: BTreeMap<Reason, u32>,
    /// The entries themselves, at most [`crate::import::MAX_KEPT`].
    pub entries: Vec<Quarantined>,
    /// Why the whole file was refused.
    pub error: Option<FileError>,
}

impl SourceReport {
    /// Report on one import. `today` is `YYYY-MM-DD`; this crate has no clock.
    #[must_use]
    pub fn new(origin: &Origin<'_>, outcome: &Result<Imported, FileError>, today: &str) -> Self {
        let age_days = days(today).zip(days(origin.as_of)).map(|(today, then)| today - then);
        let nothing = Imported::default();
        let (imported, error) = match outcome {
            Ok(imported) => (imported, None),
            Err(error) => (&nothing, Some(error.clone())),
        };
        Self {
            name: origin.file.to_owned(),
            provider: origin.provider.to_owned(),
            as_of: origin.as_of.to_owned(),
            age_days,
            rows: imported.read,
            offers: u32::try_from(imported.rows.len()).unwrap_or(u32::MAX),
            repaired: imported.repaired,
            composed: imported.composed,
            quarantined: imported.counts.clone(),
            entries: imported.quarantined.clone(),
            error,
        }
    }
}

/// Days of a `YYYY-MM-DD` date since 1 March of year 0 in the Gregorian calendar. Years begin in
/// March, so that the leap day is the last of its year and months have a regular length.
fn days(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if !(0..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(365 * year + leap_days + (153 * month + 2) / 5 + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_count_calendar_days() {
        for (then, today, age) in [
            ("2026-05-20", "2026-05-20", 0),
            ("2026-02-28", "2026-03-01", 1),
            ("2024-02-28", "2024-03-01", 2),
            ("1999-12-31", "2000-01-01", 1),
            ("2025-05-20", "2026-05-20", 365),
            ("2026-05-21", "2026-05-20", -1),
        ] {
            assert_eq!(days(today).unwrap() - days(then).unwrap(), age, "{then} {today}");
        }
        for text in ["", "2026-13-01", "2026-05", "today", "-5-1-1"] {
            assert_eq!(days(text), None, "{text}");
        }
    }

    #[test]
    fn a_refused_file_is_reported() {
        let origin = Origin { provider: "aws", file: "aws/vms.csv", as_of: "2026-05-20" };
        let outcome = crate::import::import(b"", &origin, &crate::tables::Tables::default());
        let report = SourceReport::new(&origin, &outcome, "2026-05-23");
        assert_eq!((report.error, report.age_days, report.offers), (Some(FileError::Empty), Some(3), 0));
    }
}
