//! What the headers of a response say about an object.

use crate::http::Response;
use crate::web::{Naming, Sum};
use base64_simd::STANDARD;
use welkin_store::Metadata;

/// Header of the CRC-64/NVME of a whole object.
pub(super) const CRC64: &str = "x-amz-checksum-crc64nvme";

/// `binary/octet-stream` is what S3 and others say of an object that has no type.
pub(super) const NAMING: Naming = Naming {
    fixed: "",
    user: "x-amz-meta-",
    no_type: "binary/octet-stream",
    encode: |name, value| (name.to_ascii_lowercase(), value.to_owned()),
    decode: |name, value| (name.to_owned(), value.to_owned()),
};

/// An ETag as a version. Servers that keep none send it empty.
pub(super) fn version(etag: &str) -> Option<String> {
    (!etag.trim_matches('"').is_empty()).then(|| etag.to_owned())
}

pub(super) fn metadata(response: &Response) -> Metadata {
    let mut metadata = NAMING.metadata(response);
    // It belongs to a transfer, not to the object.
    metadata.content_encoding = metadata.content_encoding.filter(|coding| coding != "aws-chunked");
    metadata
}

/// The strongest sum of the whole that the store tells. Those of parts (`…-3`) say nothing about the whole, and an
/// ETag is the MD5 only of what is not encrypted under a key of the user's.
pub(super) fn sum(response: &Response) -> Option<Sum> {
    let whole = response.header("x-amz-checksum-type").is_none_or(|kind| kind == "FULL_OBJECT");
    let told =
        |name: &str, read: fn(&str) -> Option<Sum>| response.header(name).filter(|_| whole).and_then(read);
    let keyed = response.header("x-amz-server-side-encryption").is_some_and(|how| how.starts_with("aws:"))
        || response.header("x-amz-server-side-encryption-customer-algorithm").is_some();
    told(CRC64, Sum::crc64)
        .or_else(|| told("x-amz-checksum-crc32c", Sum::crc32c))
        .or_else(|| told("x-amz-checksum-crc32", Sum::crc32))
        .or_else(|| response.header("etag").filter(|_| !keyed).and_then(Sum::md5_of_tag))
}

/// A CRC-64/NVME as S3 has it: base64 of its bytes, big endian.
pub(super) fn encoded(crc64: u64) -> String {
    STANDARD.encode_to_string(crc64.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_in_base64() {
        // From the documentation of CRC-64/NVME: the check value of "123456789".
        assert_eq!(encoded(0xae8b_1486_0a79_9888), "rosUhgp5mIg=");
        assert_eq!(Sum::crc64("rosUhgp5mIg="), Some(Sum::Crc64(0xae8b_1486_0a79_9888)));
    }
}
