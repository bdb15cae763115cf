//! From what a store says to what it means.

use crate::http::Response;
use crate::s3::S3;
use crate::web::{MOST_ERROR, answered, by_status, pause, words, xml};
use welkin_store::{Failure, FailureKind};

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
        let pause = pause(&response);
        let place = response.header("location").map(str::to_owned);
        // A body that cannot be read changes nothing about the status.
        let body = response.text(MOST_ERROR).await.unwrap_or_default();
        let said = xml::error(&body);
        let code = said.as_ref().map_or("", |(code, _)| code.as_str());
        let mut message = answered(status, code, said.as_ref().map_or("", |(_, said)| said.as_str()));
        if let Some(place) = place.filter(|_| (300..400).contains(&status)) {
            let place = words(&place);
            message = format!("{message}; it points to {place}: set the store's region or endpoint");
        }
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
    by_status(status)
}
