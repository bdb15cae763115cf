//! What the headers of a response say about an object.

use crate::endpoint::web::http_date_ms;
use crate::endpoint::{Failure, FailureKind, Found, Listed, Metadata};
use crate::http::Response;

/// Header of the CRC-64/NVME of a whole object.
pub(super) const CRC64: &str = "x-amz-checksum-crc64nvme";

const USER: &str = "x-amz-meta-";

pub(super) fn found(key: &str, response: &Response, operation: &str) -> Result<Found, Failure> {
    let length = response.header("content-length").and_then(|text| text.parse().ok());
    let size =
        length.ok_or_else(|| Failure::new(FailureKind::Invalid, operation, "the answer has no length"))?;
    let listed = Listed {
        key: key.to_owned(),
        size,
        modified_ms: response.header("last-modified").and_then(http_date_ms),
        version: response.header("etag").and_then(version),
    };
    Ok(Found { listed, metadata: metadata(response), crc64: crc64(response) })
}

/// An ETag as a version. Servers that keep none send it empty.
pub(super) fn version(etag: &str) -> Option<String> {
    (!etag.trim_matches('"').is_empty()).then(|| etag.to_owned())
}

pub(super) fn metadata(response: &Response) -> Metadata {
    let header = |name| response.header(name).map(str::to_owned);
    let user = response
        .headers()
        .filter_map(|(name, value)| Some((name.strip_prefix(USER)?.to_owned(), value.to_owned())));
    Metadata {
        // What S3 and others say of an object that has none.
        content_type: header("content-type").filter(|kind| kind != "binary/octet-stream"),
        // Set by us on nothing; `aws-chunked` belongs to a transfer, not to the object.
        content_encoding: header("content-encoding").filter(|coding| coding != "aws-chunked"),
        content_language: header("content-language"),
        content_disposition: header("content-disposition"),
        cache_control: header("cache-control"),
        user: user.collect(),
    }
}

/// Headers that give an object its metadata.
pub(super) fn metadata_headers(metadata: &Metadata) -> Vec<(String, String)> {
    let fixed = [
        ("content-type", &metadata.content_type),
        ("content-encoding", &metadata.content_encoding),
        ("content-language", &metadata.content_language),
        ("content-disposition", &metadata.content_disposition),
        ("cache-control", &metadata.cache_control),
    ];
    let fixed = fixed.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    let user = metadata
        .user
        .iter()
        .map(|(name, value)| (format!("{USER}{}", name.to_ascii_lowercase()), value.clone()));
    fixed.chain(user).collect()
}

/// The CRC-64/NVME that the store keeps. One of parts (`…-3`) says nothing about the whole.
pub(super) fn crc64(response: &Response) -> Option<u64> {
    if response.header("x-amz-checksum-type").is_some_and(|kind| kind != "FULL_OBJECT") {
        return None;
    }
    decode_base64_u64(response.header(CRC64)?)
}

/// Base64 of eight bytes, big endian.
pub(super) fn encode_base64_u64(value: u64) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // 64 bits are eleven digits of six bits, the last of which has two bits of padding.
    let wide = u128::from(value) << 2;
    let digits = (0..11).rev().map(|at| DIGITS[(wide >> (6 * at) & 63) as usize] as char);
    digits.chain(['=']).collect()
}

fn decode_base64_u64(text: &str) -> Option<u64> {
    let digits = text.strip_suffix('=').filter(|digits| digits.len() == 11)?;
    let mut wide = 0_u128;
    for byte in digits.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        wide = wide << 6 | u128::from(digit);
    }
    u64::try_from(wide >> 2).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn base64() {
        // From the documentation of CRC-64/NVME: the check value of "123456789".
        assert_eq!(encode_base64_u64(0xae8b_1486_0a79_9888), "rosUhgp5mIg=");
    }

    proptest! {
        #[test]
        fn base64_survives(value in any::<u64>()) {
            prop_assert_eq!(decode_base64_u64(&encode_base64_u64(value)), Some(value));
        }

        #[test]
        fn any_text_is_read_or_not(text in ".{0,40}") {
            let _ = decode_base64_u64(&text);
        }
    }
}
