//! Signature Version 4, for S3.
//!
//! 1. The *canonical request*: method, path and query as sent, the signed headers sorted, the payload's
//!    hash or `UNSIGNED-PAYLOAD`.
//! 2. The *string to sign*: the time, the scope (day, region, service), the hash of 1.
//! 3. The key: HMAC-SHA256 of day, region, service in a chain from the secret; the same all day, so it is kept.
//!
//! Source: *AWS Signature Version 4 for API requests*; the examples of the S3 documentation are tests.
//!
//! *Rejected:* `aws-sigv4`, which derives the key anew for each request and brings eleven crates of the SDK's runtime.

use crate::settings::SettingsError;
use crate::web::Moment;
use ring::{digest, hmac};
use std::fmt;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// Who asks. The secret never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Public half.
    pub access_key_id: String,
    /// Secret half.
    pub secret_access_key: String,
    /// Token of a temporary session.
    pub session_token: Option<String>,
}

impl Credentials {
    /// Both halves, or none. One alone is a mistake: without it, somebody else would ask.
    ///
    /// # Errors
    /// [`SettingsError::Half`].
    pub fn pair(
        access_key_id: Option<String>,
        secret_access_key: Option<String>,
        session_token: Option<String>,
    ) -> Result<Option<Self>, SettingsError> {
        match (access_key_id, secret_access_key) {
            (Some(access_key_id), Some(secret_access_key)) => {
                Ok(Some(Self { access_key_id, secret_access_key, session_token }))
            }
            (None, None) => Ok(None),
            (Some(_), None) => Err(SettingsError::Half { there: "an access key id", missing: "secret" }),
            (None, Some(_)) => Err(SettingsError::Half { there: "a secret access key", missing: "id" }),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// What is signed of a request.
pub(super) struct Signable<'a> {
    pub(super) method: &'a str,
    pub(super) host: &'a str,
    /// As sent, percent-encoded.
    pub(super) path: &'a str,
    /// As sent: encoded and sorted by name.
    pub(super) query: &'a str,
    /// Lower-case names with their values. Those of S3 (`x-amz-…`) and `content-type` are signed.
    pub(super) headers: &'a [(String, String)],
    /// Hex SHA-256 of the body, or `UNSIGNED-PAYLOAD`.
    pub(super) payload: &'a str,
}

/// Signs requests of one account in one region.
pub(super) struct Signer {
    region: String,
    credentials: Option<Credentials>,
    key: Mutex<Option<(String, hmac::Key)>>,
}

impl Signer {
    pub(super) fn new(region: &str, credentials: Option<Credentials>) -> Self {
        Self { region: region.to_owned(), credentials, key: Mutex::new(None) }
    }

    /// The headers to add; only the payload's for requests without credentials.
    pub(super) fn headers(&self, request: &Signable<'_>, now: SystemTime) -> Vec<(&'static str, String)> {
        let mut lines = vec![("x-amz-content-sha256", request.payload.to_owned())];
        let Some(credentials) = &self.credentials else { return lines };
        let time = amz_date(now);
        lines.push(("x-amz-date", time.clone()));
        let mut headers: Vec<(&str, &str)> =
            vec![("host", request.host), ("x-amz-content-sha256", request.payload), ("x-amz-date", &time)];
        if let Some(token) = &credentials.session_token {
            lines.push(("x-amz-security-token", token.clone()));
            headers.push(("x-amz-security-token", token));
        }
        let signed =
            request.headers.iter().filter(|(name, _)| name.starts_with("x-amz-") || name == "content-type");
        headers.extend(signed.map(|(name, value)| (name.as_str(), value.as_str())));
        headers.sort_unstable();
        let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let mut canonical = format!("{}\n{}\n{}\n", request.method, request.path, request.query);
        for (name, value) in &headers {
            canonical.push_str(name);
            canonical.push(':');
            push_folded(&mut canonical, value);
            canonical.push('\n');
        }
        let _ = write!(canonical, "\n{names}\n{}", request.payload);
        let day = &time[..8];
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");
        let signature = hex(hmac::sign(&self.day_key(day, credentials), to_sign.as_bytes()).as_ref());
        let id = &credentials.access_key_id;
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={names},Signature={signature}");
        lines.push(("authorization", authorization));
        lines
    }

    fn day_key(&self, day: &str, credentials: &Credentials) -> hmac::Key {
        let mut kept = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, key)) = kept.as_ref()
            && of == day
        {
            return key.clone();
        }
        let step =
            |key: &[u8], data: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data.as_bytes());
        let start = format!("AWS4{}", credentials.secret_access_key);
        let chained = [self.region.as_str(), "s3", "aws4_request"]
            .iter()
            .fold(step(start.as_bytes(), day), |tag, data| step(tag.as_ref(), data));
        let key = hmac::Key::new(hmac::HMAC_SHA256, chained.as_ref());
        *kept = Some((day.to_owned(), key.clone()));
        key
    }
}

/// Trims, and folds runs of spaces into one, as the canonical form wants.
fn push_folded(into: &mut String, value: &str) {
    let mut space = false;
    for piece in value.trim().split(' ').filter(|piece| !piece.is_empty()) {
        if space {
            into.push(' ');
        }
        into.push_str(piece);
        space = true;
    }
}

/// Hex SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// `20130524T000000Z`.
fn amz_date(now: SystemTime) -> String {
    let Moment { year, month, day, hour, minute, second, .. } = Moment::of(now);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn signature(method: &str, path: &str, query: &str, headers: &[(&str, &str)], payload: &str) -> String {
        let credentials = Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            session_token: None,
        };
        let signer = Signer::new("us-east-1", Some(credentials));
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Signable {
            method,
            host: "examplebucket.s3.amazonaws.com",
            path,
            query,
            headers: &headers,
            payload,
        };
        let lines = signer.headers(&request, UNIX_EPOCH + Duration::from_secs(1_369_353_600));
        lines.last().unwrap().1.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    /// The examples of *Signature Calculations for the Authorization Header*. The one with a Range and
    /// the one with a Date header sign headers that we send unsigned.
    #[test]
    fn the_examples_of_the_documentation() {
        assert_eq!(
            signature("GET", "/", "lifecycle=", &[], EMPTY),
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
        );
        assert_eq!(
            signature("GET", "/", "max-keys=2&prefix=J", &[], EMPTY),
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
        );
    }

    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "19700101T000000Z"),
            (1_369_353_600, "20130524T000000Z"),
            (1_709_210_096, "20240229T123456Z"),
            (4_107_542_399, "21000228T235959Z"),
        ] {
            assert_eq!(amz_date(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_secret_does_not_show() {
        let credentials = Credentials {
            access_key_id: "id".to_owned(),
            secret_access_key: "hunter2".to_owned(),
            session_token: Some("hunter3".to_owned()),
        };
        assert!(!format!("{credentials:?}").contains("hunter"));
    }
}
