//! An object: bytes, checksums, and what was said about it when it was put.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::checksum::Sums;
use super::content::Content;

/// What a client may say about an object; it gets it back when it reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without `aws-chunked`, which is about the request.
    pub content_encoding: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Content-Type`; `binary/octet-stream` is given out where there is none.
    pub content_type: Option<String>,
    /// `x-amz-storage-class`.
    pub storage_class: Option<String>,
    /// `x-amz-meta-*`, names in lower case without the prefix.
    pub metadata: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) content: Content,
    pub(super) sums: Sums,
    /// Without quotes.
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    pub(super) attributes: Attributes,
    /// The request that brought the key into the bucket; an overwritten key keeps it.
    pub(super) born: u64,
}

impl Object {
    pub(super) fn len(&self) -> u64 {
        self.content.len()
    }
}

/// What a test may know about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSnapshot {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Of the bytes as they are stored now; `None` where they were thrown away.
    pub blake3: Option<blake3::Hash>,
    /// CRC-64/NVME of the bytes as they came.
    pub crc64nvme: u64,
    /// Without quotes.
    pub etag: String,
    /// As the client gave them.
    pub attributes: Attributes,
}

impl ObjectSnapshot {
    pub(super) fn of(key: &str, object: &Object) -> Self {
        let hashed = object.content.pieces(0..object.len()).map(|pieces| {
            let mut hasher = blake3::Hasher::new();
            pieces.for_each(|piece| {
                hasher.update(&piece);
            });
            hasher.finalize()
        });
        Self {
            key: key.to_owned(),
            size: object.len(),
            blake3: hashed,
            crc64nvme: object.sums.crc64(&object.content),
            etag: object.etag.clone(),
            attributes: object.attributes.clone(),
        }
    }
}

/// A multipart upload that was neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenUpload {
    /// Where it is to go.
    pub bucket: String,
    /// Likewise.
    pub key: String,
    /// Its id.
    pub id: String,
    /// Parts held.
    pub parts: usize,
    /// Their bytes.
    pub bytes: u64,
}
