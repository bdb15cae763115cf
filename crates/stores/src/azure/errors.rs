//! From what Azure says to what it means.

use crate::azure::Azure;
use crate::http::Response;
use crate::web::{MOST_ERROR, answered, by_status, pause, xml};
use welkin_store::{Failure, FailureKind};

/// Header of the code of an error; answers to HEAD have nothing else.
pub(super) const CODE: &str = "x-ms-error-code";

impl Azure {
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
        let (status, pause) = (response.status, pause(&response));
        let code = response.header(CODE).map(str::to_owned);
        // A body that cannot be read changes nothing about the status.
        let said = xml::error(&response.text(MOST_ERROR).await.unwrap_or_default());
        // Messages end with the request's id and time, on lines of their own.
        let line = said.as_ref().and_then(|(_, words)| words.lines().next()).unwrap_or_default().to_owned();
        let code = code.or(said.map(|(code, _)| code)).unwrap_or_default();
        let message = answered(status, &code, &line);
        Err(Failure::new(kind(status, &code), operation, message).retry_after(pause))
    }
}

/// What a status with an error code means. Source: *Common REST API error codes* and *Blob service error
/// codes*, read November 2026.
fn kind(status: u16, code: &str) -> FailureKind {
    match code {
        "ServerBusy" | "TooManyRequests" => FailureKind::Throttled,
        "InternalError" | "OperationTimedOut" | "ContainerBeingDeleted" => FailureKind::Transient,
        "AuthenticationFailed"
        | "InvalidAuthenticationInfo"
        | "NoAuthenticationInformation"
        | "AccountIsDisabled" => FailureKind::Credentials,
        "Md5Mismatch" | "Crc64Mismatch" | "InvalidMd5" | "InvalidCrc64" => FailureKind::Corrupt,
        "ConditionNotMet" | "InvalidRange" => FailureKind::Changed,
        "RequestBodyTooLarge" | "BlockCountExceedsLimit" | "MetadataTooLarge" => FailureKind::TooLarge,
        // Blocks of a list are gone: a week passed, or the blob was written otherwise.
        "InvalidBlockList" => FailureKind::NotFound,
        // Somebody holds the blob: a lease, a policy, snapshots that would go with it.
        "LeaseIdMissing"
        | "LeaseIdMismatchWithBlobOperation"
        | "BlobImmutableDueToPolicy"
        | "SnapshotsPresent" => FailureKind::Forbidden,
        "BlobArchived"
        | "BlobBeingRehydrated"
        | "InvalidBlobType"
        | "InvalidResourceName"
        | "InvalidUri"
        | "InvalidMetadata"
        | "EmptyMetadataKey"
        | "FeatureNotSupported" => FailureKind::Unsupported,
        _ => by_status(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_more_than_statuses() {
        for (status, code, meaning) in [
            (403, "AuthenticationFailed", FailureKind::Credentials),
            (403, "AuthorizationPermissionMismatch", FailureKind::Forbidden),
            (503, "ServerBusy", FailureKind::Throttled),
            (500, "OperationTimedOut", FailureKind::Transient),
            (400, "Crc64Mismatch", FailureKind::Corrupt),
            (412, "ConditionNotMet", FailureKind::Changed),
            (412, "LeaseIdMissing", FailureKind::Forbidden),
            (409, "BlobArchived", FailureKind::Unsupported),
            (400, "InvalidBlockList", FailureKind::NotFound),
            (404, "", FailureKind::NotFound),
        ] {
            assert_eq!(kind(status, code), meaning, "{status} {code}");
        }
    }
}
