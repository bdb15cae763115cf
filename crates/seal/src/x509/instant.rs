//! Times in certificates as seconds since 1970.

use super::der::{Tag, Value};

/// A time of a certificate: UTC, to the second.
pub(super) fn time(value: Value<'_>) -> Option<u64> {
    let text = std::str::from_utf8(value.content).ok()?.strip_suffix('Z')?;
    let (year, rest) = match value.tag {
        Tag::UTC_TIME if text.len() == 12 => {
            let short = digits(&text[..2])?;
            (if short < 50 { 2000 + short } else { 1900 + short }, &text[2..])
        }
        Tag::GENERALIZED_TIME if text.len() == 14 => (digits(&text[..4])?, &text[4..]),
        _ => return None,
    };
    let part = |at: usize| digits(&rest[at..at + 2]);
    seconds(year, [part(0)?, part(2)?, part(4)?, part(6)?, part(8)?])
}

/// A time as `2026-11-27T15:15:00Z`.
pub(crate) fn instant(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let shape = bytes.len() == 20
        && [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')]
            .iter()
            .all(|(at, byte)| bytes[*at] == *byte);
    if !shape || !text.is_ascii() {
        return None;
    }
    let part = |at: usize| digits(&text[at..at + 2]);
    seconds(digits(&text[..4])?, [part(5)?, part(8)?, part(11)?, part(14)?, part(17)?])
}

fn digits(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn seconds(year: u64, [month, day, hour, minute, second]: [u64; 5]) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month.checked_sub(1)?).ok()?;
    let valid =
        year >= 1970 && (1..=*lengths.get(month)?).contains(&day) && hour < 24 && minute < 60 && second < 60;
    if !valid {
        return None;
    }
    // Leap years before this one, counted from the year 1.
    let leaps = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let days =
        (year - 1970) * 365 + leaps(year) - leaps(1970) + lengths[..month].iter().sum::<u64>() + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &[u8]) -> Option<u64> {
        time(Value { tag: Tag::UTC_TIME, content: text, raw: text })
    }

    #[test]
    fn times_are_seconds_since_1970() {
        let general =
            |text: &'static [u8]| time(Value { tag: Tag::GENERALIZED_TIME, content: text, raw: text });
        assert_eq!(general(b"20000229235959Z"), Some(951_868_799));
        assert_eq!(general(b"20250106160705Z"), Some(1_736_179_625));
        for wrong in [
            &b"20250229000000Z"[..],
            b"19691231235959Z",
            b"20250106240000Z",
            b"20251301000000Z",
            b"2025010616070Z",
        ] {
            assert_eq!(general(wrong), None);
        }
    }

    #[test]
    fn short_years_are_of_this_century_until_fifty() {
        assert_eq!(utc(b"491231235959Z"), Some(2_524_607_999));
        assert_eq!(utc(b"700101000000Z"), Some(0));
        assert_eq!(utc(b"500101000000Z"), None);
    }
}
