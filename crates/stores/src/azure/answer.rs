//! What the headers of a response say about a blob, and how those are called that say it of one to be.

use crate::azure::names;
use crate::http::Response;
use crate::web::Naming;

/// The ETag without the quotes, which headers have and listings have not.
pub(super) fn version(response: &Response) -> Option<String> {
    response.header("etag").map(|tag| tag.trim_matches('"').to_owned())
}

/// For Put Blob and for Put Block List. `application/octet-stream` is what Azure says of a blob that was given no type.
pub(super) const NAMING: Naming = Naming {
    fixed: "x-ms-blob-",
    user: "x-ms-meta-",
    no_type: "application/octet-stream",
    encode: |name, value| (names::encoded_name(name), names::encoded_value(value)),
    decode: |name, value| (names::decoded_name(name), names::decoded_value(value)),
};
