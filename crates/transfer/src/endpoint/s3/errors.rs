//! From what a store says to what it means.

use crate::endpoint::s3::{S3, xml};
use crate::endpoint::{Failure, FailureKind};
use crate::http::{HttpError, Response};
use std::time::Duration;

/// Longest answer that is read for its words: a page of 1,000 keys of 1,024 bytes, escaped.
pub(super) const MOST_TEXT: usize = 16 << 20;

/// Longest pause that a store may ask for.
const MOST_PAUSE: Duration = Duration::from_secs(300);

impl S3 {
    /// The response if its status is one of `good`, else what it means.
    pub(super) async fn accept(
        &self,
        response: Response,
        operation: &str,
        good: &[u16],
    ) -> Result<Response, Failure> {
        if good.contains(&response.status) {
            return Ok(response);
        }
        let status = response.status;
        let pause = response.header("retry-after").and_then(|text| text.trim().parse().ok());
        let place = response.header("location").map(str::to_owned);
        // A body that cannot be read changes nothing about the status.
        let body = response.text(MOST_TEXT).await.unwrap_or_default();
        let said = xml::error(&body);
        let code = said.as_ref().map_or("", |(code, _)| code.as_str());
        let mut message = match &said {
            Some((code, words)) => format!("{status} {code}: {words}"),
            None => format!("the store answered {status}"),
        };
        if let Some(place) = place.filter(|_| (300..400).contains(&status)) {
            message = format!("{message}; it points to {place}: set the store's region or endpoint");
        }
        let pause = pause.map(Duration::from_secs).map(|pause| pause.min(MOST_PAUSE));
        Err(Failure::new(kind(status, code), operation, message).retry_after(pause))
    }
}

/// What a status with an error code means. Source: *Amazon S3 API Reference*, error responses.
pub(super) fn kind(status: u16, code: &str) -> FailureKind {
    match code {
        "SlowDown" | "ThrottlingException" | "Throttling" | "RequestLimitExceeded" | "TooManyRequests" => {
            return FailureKind::Throttled;
        }
        "RequestTimeout" | "InternalError" | "ServiceUnavailable" | "OperationAborted" | "IncompleteBody" => {
            return FailureKind::Transient;
        }
        "ExpiredToken"
        | "InvalidToken"
        | "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "TokenRefreshRequired"
        | "RequestTimeTooSkewed"
        | "AuthorizationHeaderMalformed" => return FailureKind::Credentials,
        "BadDigest" | "InvalidDigest" | "XAmzContentChecksumMismatch" | "XAmzContentSHA256Mismatch" => {
            return FailureKind::Corrupt;
        }
        "EntityTooLarge" | "KeyTooLongError" | "KeyTooLong" | "MetadataTooLarge" => {
            return FailureKind::TooLarge;
        }
        "QuotaExceeded" | "XMinioStorageFull" | "InsufficientCapacity" => return FailureKind::Full,
        "NotImplemented" => return FailureKind::Unsupported,
        _ => {}
    }
    match status {
        401 => FailureKind::Credentials,
        403 => FailureKind::Forbidden,
        404 => FailureKind::NotFound,
        // The object shrank since it was listed: a range of it cannot be had.
        412 | 416 => FailureKind::Changed,
        429 | 503 => FailureKind::Throttled,
        408 | 409 | 500 | 502 | 504 => FailureKind::Transient,
        501 => FailureKind::Unsupported,
        507 => FailureKind::Full,
        _ => FailureKind::Invalid,
    }
}

/// What a broken exchange means.
pub(super) fn http(operation: &str, error: &HttpError) -> Failure {
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
