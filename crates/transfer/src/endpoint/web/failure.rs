//! What statuses and broken exchanges mean, whoever speaks.

use crate::endpoint::{Failure, FailureKind};
use crate::http::{HttpError, Response};
use std::time::Duration;

/// Longest answer that is read for its words: a page of 1,000 keys of 1,024 bytes, escaped.
pub(in crate::endpoint) const MOST_TEXT: usize = 16 << 20;

/// Longest pause that a store may ask for.
const MOST_PAUSE: Duration = Duration::from_secs(300);

/// The pause that a response asks for.
pub(in crate::endpoint) fn pause(response: &Response) -> Option<Duration> {
    let seconds = response.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(MOST_PAUSE))
}

/// What a status means when its code says no more.
pub(in crate::endpoint) fn by_status(status: u16) -> FailureKind {
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

/// What a broken exchange means.
pub(in crate::endpoint) fn broken(operation: &str, error: &HttpError) -> Failure {
    let kind = match error {
        HttpError::Long { .. } => FailureKind::Changed,
        HttpError::Flipped(_) => FailureKind::Corrupt,
        HttpError::Connect { .. }
        | HttpError::Broken(_)
        | HttpError::Silent { .. }
        | HttpError::Short { .. } => FailureKind::Transient,
        HttpError::Malformed(_) => FailureKind::Transient,
    };
    Failure::new(kind, operation, error.chain())
}

/// The words of a response.
pub(in crate::endpoint) async fn text(response: Response, operation: &str) -> Result<Vec<u8>, Failure> {
    response.text(MOST_TEXT).await.map_err(|error| broken(operation, &error))
}

/// Fails unless the answer is the range that was asked for.
pub(in crate::endpoint) fn check_range(
    response: &Response,
    offset: u64,
    length: usize,
    operation: &str,
) -> Result<(), Failure> {
    let Some(range) = response.header("content-range") else { return Ok(()) };
    let first = range.strip_prefix("bytes ").and_then(|rest| rest.split('-').next()?.parse::<u64>().ok());
    let last = range.split(['-', '/']).nth(1).and_then(|text| text.parse::<u64>().ok());
    if first == Some(offset) && last == Some(offset + length as u64 - 1) {
        return Ok(());
    }
    let message = format!("{length} bytes from {offset} were asked for, and {range:?} came");
    Err(Failure::new(FailureKind::Changed, operation, message))
}
