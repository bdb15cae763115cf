//! What the headers of a response say about a blob, and those that say it of one to be.

use crate::endpoint::azure::names;
use crate::endpoint::web::http_date_ms;
use crate::endpoint::{Failure, FailureKind, Found, Listed, Metadata};
use crate::http::Response;

const USER: &str = "x-ms-meta-";

/// What Azure says of a blob that was given no type.
const NO_TYPE: &str = "application/octet-stream";

/// The ETag without the quotes, which headers have and listings have not.
pub(super) fn version(response: &Response) -> Option<String> {
    response.header("etag").map(|tag| tag.trim_matches('"').to_owned())
}

pub(super) fn found(key: &str, response: &Response, operation: &str) -> Result<Found, Failure> {
    let length = response.header("content-length").and_then(|text| text.parse().ok());
    let size =
        length.ok_or_else(|| Failure::new(FailureKind::Invalid, operation, "the answer has no length"))?;
    let listed = Listed {
        key: key.to_owned(),
        size,
        modified_ms: response.header("last-modified").and_then(http_date_ms),
        version: version(response),
    };
    Ok(Found { listed, metadata: metadata(response), crc64: None })
}

pub(super) fn metadata(response: &Response) -> Metadata {
    let header = |name| response.header(name).map(str::to_owned);
    let user = response.headers().filter_map(|(name, value)| {
        Some((names::decoded_name(name.strip_prefix(USER)?), names::decoded_value(value)))
    });
    Metadata {
        content_type: header("content-type").filter(|kind| kind != NO_TYPE),
        content_encoding: header("content-encoding"),
        content_language: header("content-language"),
        content_disposition: header("content-disposition"),
        cache_control: header("cache-control"),
        user: user.collect(),
    }
}

/// Headers that give a blob its metadata, for Put Blob and for Put Block List.
pub(super) fn metadata_headers(metadata: &Metadata) -> Vec<(String, String)> {
    let fixed = [
        ("x-ms-blob-content-type", &metadata.content_type),
        ("x-ms-blob-content-encoding", &metadata.content_encoding),
        ("x-ms-blob-content-language", &metadata.content_language),
        ("x-ms-blob-content-disposition", &metadata.content_disposition),
        ("x-ms-blob-cache-control", &metadata.cache_control),
    ];
    let fixed = fixed.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    let user = metadata
        .user
        .iter()
        .map(|(name, value)| (format!("{USER}{}", names::encoded_name(name)), names::encoded_value(value)));
    fixed.chain(user).collect()
}
