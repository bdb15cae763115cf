//! Moments.

use welkin_provider::UnixMillis;

/// A moment in UTC to the second: `2026-05-20 14:03:07Z`.
pub(crate) fn moment(at: UnixMillis) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(moment) => moment.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        // Past the year 9999, where calendars end.
        Err(_) => format!("{millis} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(moment(UnixMillis(0)), "1970-01-01 00:00:00Z");
        assert_eq!(moment(UnixMillis(u64::MAX)), format!("{} ms", i64::MAX));
    }
}
