//! What statuses and broken exchanges mean, whoever speaks.

use crate::http::{HttpError, Response, number};
use std::time::Duration;
use welkin_store::{Failure, FailureKind};

/// Longest answer that is read for its words: a page of 1,000 keys of 1,024 bytes, escaped.
pub(crate) const MOST_TEXT: usize = 16 << 20;

/// Longest answer of an error that is read for its code. S3's have some hundred bytes.
pub(crate) const MOST_ERROR: usize = 256 << 10;

/// Most characters of a store's words that are told.
const MOST_WORDS: usize = 500;

/// What a store says, on one line and no longer than a line may be: it goes to terminals and into journals.
pub(crate) fn words(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut words: String = plain.take(MOST_WORDS).collect();
    words.truncate(words.trim_end().len());
    if text.chars().nth(MOST_WORDS).is_some() {
        words.push('…');
    }
    words
}

/// Longest pause that a store may ask for.
const MOST_PAUSE: Duration = Duration::from_secs(300);

/// The pause that a response asks for.
pub(crate) fn pause(response: &Response) -> Option<Duration> {
    let seconds = number(response.header("retry-after")?.trim())?;
    Some(Duration::from_secs(seconds).min(MOST_PAUSE))
}

/// What a status means when its code says no more.
pub(crate) fn by_status(status: u16) -> FailureKind {
    match status {
        401 => FailureKind::Credentials,
        403 => FailureKind::Forbidden,
        404 | 410 => FailureKind::NotFound,
        // The object shrank since it was listed: a range of it cannot be had.
        412 | 416 => FailureKind::Changed,
        413 => FailureKind::TooLarge,
        429 | 503 => FailureKind::Throttled,
        408 | 409 | 500 | 502 | 504 => FailureKind::Transient,
        501 => FailureKind::Unsupported,
        507 => FailureKind::Full,
        _ => FailureKind::Invalid,
    }
}

/// What a store answered, with the words that people look for: status and code, then what it says besides. An answer
/// to HEAD has no body, so that the name of its status is all there is.
pub(crate) fn answered(status: u16, code: &str, said: &str) -> String {
    match (code, said) {
        ("", "") => format!("{status} {}", name_of(status)).trim_end().to_owned(),
        ("", said) => words(&format!("{status}: {said}")),
        (code, "") => words(&format!("{status} {code}")),
        (code, said) => words(&format!("{status} {code}: {said}")),
    }
}

/// The name of a status that stores answer with. Source: RFC 9110, section 15.
fn name_of(status: u16) -> &'static str {
    match status {
        301 => "Moved Permanently",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        416 => "Range Not Satisfiable",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        507 => "Insufficient Storage",
        _ => "",
    }
}

/// What a broken exchange means.
pub(crate) fn broken(operation: &str, error: &HttpError) -> Failure {
    let kind = match error {
        HttpError::Long { .. } => FailureKind::Changed,
        HttpError::Flipped(_) => FailureKind::Corrupt,
        // It would be refused the next time as well.
        HttpError::Head(_) => FailureKind::Unsupported,
        HttpError::Connect { .. }
        | HttpError::Broken(_)
        | HttpError::Silent { .. }
        | HttpError::Slow
        | HttpError::Short { .. }
        | HttpError::Malformed(_) => FailureKind::Transient,
    };
    Failure::new(kind, operation, error.chain())
}

/// The words of a response.
pub(crate) async fn text(response: Response, operation: &str) -> Result<Vec<u8>, Failure> {
    response.text(MOST_TEXT).await.map_err(|error| broken(operation, &error))
}

/// The value of `Range` for these bytes.
pub(crate) fn range(offset: u64, length: usize, operation: &str) -> Result<String, Failure> {
    // No range is empty: for no bytes one is asked for, and what comes is too long.
    let last = offset.checked_add((length as u64).max(1) - 1);
    let last = last.ok_or_else(|| {
        let message = format!("no object has {length} bytes from {offset} on");
        Failure::new(FailureKind::Invalid, operation, message)
    })?;
    Ok(format!("bytes={offset}-{last}"))
}

/// Fails unless the answer is the range that was asked for.
pub(crate) fn check_range(
    response: &Response,
    offset: u64,
    length: usize,
    operation: &str,
) -> Result<(), Failure> {
    match response.header("content-range") {
        Some(came) if !is_range(came, offset, length as u64) => {
            let message = format!("{length} bytes from {offset} were asked for, and {:?} came", words(came));
            Err(Failure::new(FailureKind::Changed, operation, message))
        }
        _ => Ok(()),
    }
}

/// Whether a `Content-Range`, `bytes FIRST-LAST/ALL` with `*` for what is not known, is that of these bytes.
fn is_range(text: &str, offset: u64, length: u64) -> bool {
    let read = || {
        let (span, all) = text.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = span.split_once('-')?;
        let (first, last) = (number(first)?, number(last)?);
        let within = all == "*" || number(all)? > last;
        Some(within && first == offset && last.checked_sub(first)?.checked_add(1)? == length)
    };
    read().unwrap_or(false)
}

/// The length of what a resumable upload has: one more than the last byte of `bytes=0-LAST`. None for what is no
/// such range.
pub(crate) fn length_of_range(text: &str) -> Option<u64> {
    number(text.strip_prefix("bytes=0-")?)?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_in_words_that_people_look_for() {
        for (status, code, said, expected) in [
            (503, "SlowDown", "Reduce your request rate.", "503 SlowDown: Reduce your request rate."),
            (503, "", "", "503 Service Unavailable"),
            (403, "AuthenticationFailed", "", "403 AuthenticationFailed"),
            (404, "", "Not Found", "404: Not Found"),
            (299, "", "", "299"),
        ] {
            assert_eq!(answered(status, code, said), expected);
        }
    }

    #[test]
    fn ranges() {
        assert_eq!(range(8, 4, "").unwrap(), "bytes=8-11");
        assert_eq!(range(0, 0, "").unwrap(), "bytes=0-0");
        assert_eq!(range(u64::MAX, 1, "").unwrap(), format!("bytes={0}-{0}", u64::MAX));
        assert_eq!(range(u64::MAX, 2, "").unwrap_err().kind, FailureKind::Invalid);
        for (text, offset, length, good) in [
            ("bytes 8-11/12", 8, 4, true),
            ("bytes 8-11/*", 8, 4, true),
            ("bytes 0-0/1", 0, 1, true),
            ("bytes 8-11/11", 8, 4, false),
            ("bytes 8-11", 8, 4, false),
            ("bytes +8-11/12", 8, 4, false),
            ("bytes 8--11/12", 8, 4, false),
            ("bytes 11-8/12", 8, 4, false),
            ("bytes */0", 0, 0, false),
            ("bytes 0-18446744073709551615/*", 0, 0, false),
            ("bytes 1-0/0", 1, 0, false),
            ("items 8-11/12", 8, 4, false),
        ] {
            assert_eq!(is_range(text, offset, length), good, "{text}");
        }
        assert_eq!(length_of_range("bytes=0-9"), Some(10));
        for text in ["bytes=0-18446744073709551615", "bytes=1-9", "bytes=0--1", "bytes=0-+9", "9"] {
            assert_eq!(length_of_range(text), None, "{text}");
        }
    }

    #[test]
    fn words_fit_a_line() {
        assert_eq!(words("a\u{1b}[2J\nb"), "a [2J b");
        assert_eq!(words(&"x".repeat(70_000)).chars().count(), MOST_WORDS + 1);
    }
}
