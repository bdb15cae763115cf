//! Dates, as headers and documents write them.

use crate::http::number;
use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";

/// `Wed, 21 Oct 2015 07:28:00 GMT` in milliseconds since 1970.
pub(crate) fn http_date_ms(text: &str) -> Option<i64> {
    let (_, rest) = text.split_once(", ")?;
    let [day, month, year, time, "GMT"] = rest.split(' ').collect::<Vec<_>>()[..] else { return None };
    let month = MONTHS.find(month).filter(|at| month.len() == 3 && at % 3 == 0)?;
    let days = days(field(year, 4)?, i64::try_from(month).ok()? / 3 + 1, field(day, 2)?)?;
    Some((days * 86_400 + seconds(time)?) * 1000)
}

/// `2015-10-21T07:28:00.000Z` in milliseconds since 1970.
pub(crate) fn iso_date_ms(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = date.split('-').collect::<Vec<_>>()[..] else { return None };
    let days = days(field(year, 4)?, field(month, 2)?, field(day, 2)?)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    number(fraction).filter(|_| fraction.len() <= LONGEST_FRACTION)?;
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    Some((days * 86_400 + seconds(time)?) * 1000 + field(&millis, 3)?)
}

/// Digits of a fraction of a second: a nanosecond has nine.
const LONGEST_FRACTION: usize = 9;

/// `07:28:00`. The 61st second is a leap second's.
fn seconds(time: &str) -> Option<i64> {
    let [hour, minute, second] = time.split(':').collect::<Vec<_>>()[..] else { return None };
    let (hour, minute, second) = (field(hour, 2)?, field(minute, 2)?, field(second, 2)?);
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3600 + minute * 60 + second)
}

/// A number of exactly so many digits.
fn field(text: &str, digits: usize) -> Option<i64> {
    number(text).filter(|_| text.len() == digits).and_then(|value| i64::try_from(value).ok())
}

/// Days since 1970 of a Gregorian date. Source: Hinnant, `days_from_civil`.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=last).contains(&day) || !(1601..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// A moment in Greenwich.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: i64,
    pub(crate) month: i64,
    pub(crate) day: i64,
    /// 0 is Sunday.
    weekday: usize,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

impl Moment {
    /// Before 1970 it is always 1970.
    pub(crate) fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let (year, month, day) = civil(i64::try_from(seconds / 86_400).unwrap_or(0));
        // The first of January 1970 was a Thursday.
        let weekday = usize::try_from((seconds / 86_400 + 4) % 7).unwrap_or(0);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        Self { year, month, day, weekday, hour, minute, second }
    }

    /// `Wed, 21 Oct 2015 07:28:00 GMT`.
    pub(crate) fn http(self) -> String {
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
        assert_eq!(http_date_ms("Sat, 31 Dec 2016 23:59:60 GMT"), Some(1_483_228_800_000));
        assert_eq!(iso_date_ms("2024-02-29T00:00:00.000000001Z"), Some(1_709_164_800_000));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for (date, time) in [
            ("2015-13-21", "07:28:00"),
            ("2015-00-21", "07:28:00"),
            ("2015-10-44", "07:28:00"),
            ("2015-10-00", "07:28:00"),
            ("2015-02-29", "07:28:00"),
            ("1900-02-29", "07:28:00"),
            ("2015-04-31", "07:28:00"),
            ("-015-10-21", "07:28:00"),
            ("+015-10-21", "07:28:00"),
            ("2015-+1-21", "07:28:00"),
            ("2015-10-21-1", "07:28:00"),
            ("02015-10-21", "07:28:00"),
            ("2015-10-21", "24:00:00"),
            ("2015-10-21", "99:00:00"),
            ("2015-10-21", "07:60:00"),
            ("2015-10-21", "07:28:61"),
            ("2015-10-21", "07:28:-1"),
            ("2015-10-21", "+7:28:00"),
            ("2015-10-21", "07:28"),
            ("2015-10-21", "07:28:00.-1"),
            ("2015-10-21", "07:28:00.x"),
            ("2015-10-21", "07:28:00.1234567890"),
        ] {
            assert_eq!(iso_date_ms(&format!("{date}T{time}Z")), None, "{date} {time}");
        }
        for text in [
            "Wed, 21 Oct 2015 24:28:00 GMT",
            "Wed, 44 Oct 2015 07:28:00 GMT",
            "Mon, 29 Feb 2015 07:28:00 GMT",
            "Wed, +1 Oct 2015 07:28:00 GMT",
            "Wed, 21 ctN 2015 07:28:00 GMT",
            "Wed, 21 Oct 02015 07:28:00 GMT",
            "Wed, 21 Oct 2015 07:28:00",
            "Wed, 21 Oct 2015 07:28:00 PST",
            "Wed, 21 Oct 2015 07:28:00 GMT x",
        ] {
            assert_eq!(http_date_ms(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn written_dates_are_read(seconds in 0_u32..) {
            let text = Moment::of(UNIX_EPOCH + Duration::from_secs(seconds.into())).http();
            prop_assert_eq!(http_date_ms(&text), Some(i64::from(seconds) * 1000), "{}", text);
        }

        #[test]
        fn any_text_is_a_time_of_these_ages_or_none(text in ".{0,40}|[A-Z][a-z]{2}, [0-9+-]{2} (Feb|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z") {
            for time in [http_date_ms(&text), iso_date_ms(&text)].into_iter().flatten() {
                // 1601 to 9999.
                prop_assert!((-11_644_473_600_000..253_402_300_800_000).contains(&time), "{}", text);
            }
        }
    }
}
