//! From what Google says to what it means.

use crate::gcs::Gcs;
use crate::http::Response;
use crate::web::{MOST_ERROR, answered, by_status, pause};
use serde::Deserialize;
use welkin_store::{Failure, FailureKind};

#[derive(Debug, Deserialize)]
struct Said {
    error: Error,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Error {
    message: Option<String>,
    errors: Vec<Detail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    reason: Option<String>,
}

impl Gcs {
    /// The response if its status is one of `good`, else what it means.
    pub(super) async fn accept(
        &self,
        response: Response,
        operation: &str,
        good: &[u16],
    ) -> Result<Response, Failure> {
        if good.contains(&response.status) { Ok(response) } else { Err(failure(response, operation).await) }
    }
}

/// What a response that is no success means.
pub(super) async fn failure(response: Response, operation: &str) -> Failure {
    let (status, pause) = (response.status, pause(&response));
    // A body that cannot be read changes nothing about the status.
    let body = response.text(MOST_ERROR).await.unwrap_or_default();
    let (reason, said) = said(&body);
    let message = answered(status, &reason, &said);
    Failure::new(kind(status, &reason, &said), operation, message).retry_after(pause)
}

/// Reason and words of an error. Some calls answer in JSON, some in a line of text.
pub(crate) fn said(body: &[u8]) -> (String, String) {
    match serde_json::from_slice::<Said>(body) {
        Ok(Said { error }) => {
            let reason = error.errors.into_iter().find_map(|detail| detail.reason);
            (reason.unwrap_or_default(), error.message.unwrap_or_default())
        }
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            (String::new(), text.lines().next().unwrap_or_default().to_owned())
        }
    }
}

/// What a status with a reason means. Source: *HTTP status and error codes for JSON*, read November 2026.
fn kind(status: u16, reason: &str, words: &str) -> FailureKind {
    match reason {
        "rateLimitExceeded" | "userRateLimitExceeded" | "quotaExceeded" | "dailyLimitExceeded" => {
            FailureKind::Throttled
        }
        "authError" | "required" | "accountDisabled" | "invalidAuthentication" => FailureKind::Credentials,
        "uploadTooLarge" => FailureKind::TooLarge,
        "backendError" | "internalError" => FailureKind::Transient,
        // A sum that was sent and is not that of what came is told in words only.
        "invalid" | "" if status == 400 && words.contains("CRC32C") => FailureKind::Corrupt,
        _ => by_status(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_say_more_than_statuses() {
        for (status, reason, words, meaning) in [
            (403, "rateLimitExceeded", "", FailureKind::Throttled),
            (403, "forbidden", "", FailureKind::Forbidden),
            (401, "authError", "", FailureKind::Credentials),
            (412, "conditionNotMet", "", FailureKind::Changed),
            (503, "backendError", "", FailureKind::Transient),
            (400, "invalid", "Provided CRC32C \"a\" doesn't match", FailureKind::Corrupt),
            (400, "invalid", "", FailureKind::Invalid),
            (410, "", "", FailureKind::NotFound),
        ] {
            assert_eq!(kind(status, reason, words), meaning, "{status} {reason}");
        }
    }

    #[test]
    fn answers_in_json_and_in_text() {
        let json =
            br#"{"error":{"code":404,"message":"No such object: a/b","errors":[{"reason":"notFound"}]}}"#;
        assert_eq!(said(json), ("notFound".to_owned(), "No such object: a/b".to_owned()));
        assert_eq!(said(b"Not Found\nx"), (String::new(), "Not Found".to_owned()));
        assert_eq!(said(b""), (String::new(), String::new()));
    }
}
