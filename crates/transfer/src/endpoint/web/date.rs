//! Dates, as headers and documents write them.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// `Wed, 21 Oct 2015 07:28:00 GMT` in milliseconds since 1970.
pub(in crate::endpoint) fn http_date_ms(text: &str) -> Option<i64> {
    let mut words = text.split_once(", ")?.1.split([' ', ':']);
    let day: i64 = words.next()?.parse().ok()?;
    let month =
        words.next().filter(|name| name.len() == 3).and_then(|name| MONTHS.find(name))? as i64 / 3 + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut number = || words.next()?.parse::<i64>().ok();
    let seconds = number()? * 3600 + number()? * 60 + number()?;
    days(year, month, day).map(|days| (days * 86_400 + seconds) * 1000)
}

/// `2015-10-21T07:28:00.000Z` in milliseconds since 1970.
pub(in crate::endpoint) fn iso_date_ms(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|part| part.parse::<i64>().ok());
    let days = days(date.next()??, date.next()??, date.next()??)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let seconds = parts.next()?? * 3600 + parts.next()?? * 60 + parts.next()??;
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some((days * 86_400 + seconds) * 1000 + millis.parse::<i64>().ok()?)
}

/// Days since 1970 of a Gregorian date. Source: Hinnant, `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || !(1601..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// A moment in Greenwich.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::endpoint) struct Moment {
    pub(in crate::endpoint) year: i64,
    pub(in crate::endpoint) month: i64,
    pub(in crate::endpoint) day: i64,
    /// 0 is Sunday.
    weekday: usize,
    pub(in crate::endpoint) hour: u64,
    pub(in crate::endpoint) minute: u64,
    pub(in crate::endpoint) second: u64,
}

impl Moment {
    /// Before 1970 it is always 1970.
    pub(in crate::endpoint) fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (year, month, day) = civil(i64::try_from(seconds / 86_400).unwrap_or(0));
        // The first of January 1970 was a Thursday.
        let weekday = usize::try_from((seconds / 86_400 + 4) % 7).unwrap_or(0);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        Self { year, month, day, weekday, hour, minute, second }
    }

    /// `Wed, 21 Oct 2015 07:28:00 GMT`.
    pub(in crate::endpoint) fn http(self) -> String {
        const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        let Self { year, month, day, weekday, hour, minute, second } = self;
        let month = usize::try_from(month - 1).unwrap_or(0) * 3;
        let (weekday, month) = (DAYS[weekday], &MONTHS[month..month + 3]);
        format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
    }
}

/// The Gregorian date of a day since 1970, counting years from March. Source: Hinnant, *chrono-Compatible Low-Level
/// Date Algorithms*, `civil_from_days`.
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * march_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn dates() {
        assert_eq!(http_date_ms("Wed, 21 Oct 2015 07:28:00 GMT"), Some(1_445_412_480_000));
        assert_eq!(iso_date_ms("2015-10-21T07:28:00.123Z"), Some(1_445_412_480_123));
        assert_eq!(iso_date_ms("2015-10-21T07:28:00Z"), Some(1_445_412_480_000));
        for text in ["", "Wed", "Wed, 21 Okt 2015 07:28:00 GMT", "Wed, 99 Oct 2015 07:28:00 GMT"] {
            assert_eq!(http_date_ms(text), None, "{text}");
        }
        assert_eq!(iso_date_ms("2015-13-21T07:28:00Z"), None);
    }

    proptest! {
        #[test]
        fn written_dates_are_read(seconds in 0_u32..) {
            let text = Moment::of(UNIX_EPOCH + Duration::from_secs(seconds.into())).http();
            prop_assert_eq!(http_date_ms(&text), Some(i64::from(seconds) * 1000), "{}", text);
        }

        #[test]
        fn any_text_is_read_or_not(text in ".{0,40}") {
            let _ = (http_date_ms(&text), iso_date_ms(&text));
        }
    }
}
