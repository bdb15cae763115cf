//! Writing blobs: at once, and in blocks.

use crate::azure::Azure;
use crate::azure::answer::{NAMING, version};
use crate::azure::request::Request;
use crate::http::{Body, Response};
use crate::web::{Sum, content_md5, text};
use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use welkin_store::block::Block;
use welkin_store::{Endpoint as _, Failure, FailureKind, Metadata, Part, Upload};

/// Most blocks of a blob.
pub(super) const MAX_BLOCKS: u32 = 50_000;

/// Header of the CRC-64 of a body.
const CRC64: &str = "x-ms-content-crc64";

/// The id of a write in parts: `NONCE`, or `NONCE.METADATA` with the metadata as JSON in base64url.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    nonce: String,
    metadata: Metadata,
}

impl Id {
    /// An id that no other write has: the nonce is a hash of everything the write is, the time, and how
    /// many there were before it. A late block of a write that was given up can then not get among
    /// those of the next one.
    pub(super) fn fresh(key: &str, metadata: &Metadata, size: u64, part_bytes: u64) -> Self {
        static BEGUN: AtomicU64 = AtomicU64::new(0);
        let begun = BEGUN.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let what = format!("{key}\0{size}\0{part_bytes}\0{now}\0{}\0{begun}", std::process::id());
        let nonce = blake3::hash(what.as_bytes()).to_hex()[..NONCE_LENGTH].to_owned();
        Self { nonce, metadata: metadata.clone() }
    }

    fn parse(text: &str) -> Option<Self> {
        let (nonce, metadata) = text.split_once('.').unwrap_or((text, ""));
        let hex = nonce.len() == NONCE_LENGTH && nonce.bytes().all(|byte| byte.is_ascii_hexdigit());
        let metadata = match metadata {
            "" => Metadata::default(),
            encoded => serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(encoded).ok()?).ok()?,
        };
        hex.then(|| Self { nonce: nonce.to_owned(), metadata })
    }

    /// The id of a block: all of a blob must be equally long, at most 64 bytes before base64.
    fn block(&self, number: u32) -> String {
        STANDARD.encode_to_string(format!("{}{number:07}", self.nonce))
    }
}

/// Characters of a nonce: 128 bits in hex.
const NONCE_LENGTH: usize = 32;

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.nonce)?;
        if self.metadata == Metadata::default() {
            return Ok(());
        }
        let json = serde_json::to_vec(&self.metadata).map_err(|_| fmt::Error)?;
        write!(f, ".{}", URL_SAFE_NO_PAD.encode_to_string(json))
    }
}

impl Azure {
    pub(super) async fn put_blob(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Block,
    ) -> Result<Option<String>, Failure> {
        let operation = self.operation("PUT", key);
        let request = with_metadata(Request::new("PUT", key), metadata, &operation)?
            .header("x-ms-blob-type", "BlockBlob");
        let response = self.send(&self.with_sum(request, block), Body::Block(block), &operation).await?;
        let response = self.accept(response, &operation, &[201]).await?;
        let (version, good) = (version(&response), check_sum(&response, block, &operation));
        done(response, &operation).await?;
        if let Err(mut failure) = good {
            failure.message.push_str(match self.delete_blob(key, version.as_deref()).await {
                Ok(()) => "; it was removed",
                Err(_) => "; it is still there",
            });
            return Err(failure);
        }
        Ok(version)
    }

    pub(super) async fn put_block(
        &self,
        upload: &Upload,
        number: u32,
        block: &Block,
    ) -> Result<Part, Failure> {
        let operation = self.operation(&format!("PUT block {number} of"), &upload.key);
        let tag = self.id(upload, &operation)?.block(number);
        let request = Request::new("PUT", &upload.key).query("comp", "block").query("blockid", &tag);
        let response = self.send(&self.with_sum(request, block), Body::Block(block), &operation).await?;
        let response = self.accept(response, &operation, &[201]).await?;
        check_sum(&response, block, &operation)?;
        done(response, &operation).await?;
        Ok(Part { number, tag })
    }

    /// `Latest` takes a block where it is, committed or not: a call whose answer was lost can be repeated.
    pub(super) async fn put_block_list(
        &self,
        upload: &Upload,
        parts: &[Part],
    ) -> Result<Option<String>, Failure> {
        let operation = self.operation("complete the upload of", &upload.key);
        let id = self.id(upload, &operation)?;
        let mut body = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
        for part in parts {
            body.push_str(&format!("<Latest>{}</Latest>", id.block(part.number)));
        }
        body.push_str("</BlockList>");
        let request = with_metadata(Request::new("PUT", &upload.key), &id.metadata, &operation)?
            .query("comp", "blocklist")
            .header("content-type", "application/xml");
        let response = self.send(&request, Body::Text(body.as_bytes()), &operation).await?;
        done(self.accept(response, &operation, &[201]).await?, &operation).await
    }

    /// Removes a blob; only of this version, if one is given.
    pub(super) async fn delete_blob(&self, key: &str, version: Option<&str>) -> Result<(), Failure> {
        let operation = self.operation("DELETE", key);
        let mut request = Request::new("DELETE", key);
        if let Some(version) = version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        let response = self.send(&request, Body::Empty, &operation).await?;
        done(self.accept(response, &operation, &[202, 404]).await?, &operation).await.map(drop)
    }

    pub(super) async fn exists(&self, key: &str) -> Result<bool, Failure> {
        Ok(self.find(key).await?.is_some())
    }

    /// The service compares the sum. Where bodies are to be signed it is MD5, whose header Shared Key covers, and
    /// which cannot be made to fit another body; the two cannot go together.
    fn with_sum<'a>(&self, request: Request<'a>, block: &Block) -> Request<'a> {
        if self.base.signs_bodies {
            request.header("content-md5", content_md5(block))
        } else {
            request.header(CRC64, crc64(block))
        }
    }

    fn id(&self, upload: &Upload, operation: &str) -> Result<Id, Failure> {
        Id::parse(&upload.id)
            .ok_or_else(|| Failure::new(FailureKind::Invalid, operation, "its id is not one of ours"))
    }
}

fn with_metadata<'a>(
    request: Request<'a>,
    metadata: &Metadata,
    operation: &str,
) -> Result<Request<'a>, Failure> {
    let headers = NAMING.headers(metadata, operation)?;
    Ok(headers.into_iter().fold(request, |request, (name, value)| request.header(name, value)))
}

/// Fails when the store says that it got something else: the sum it was sent comes back; one that does not know it
/// may tell an MD5.
fn check_sum(response: &Response, block: &Block, operation: &str) -> Result<(), Failure> {
    let good = match response.header(CRC64) {
        Some(told) => told == crc64(block),
        None => {
            let told = response.header("content-md5").and_then(Sum::md5);
            told.is_none_or(|told| told.is_of(block))
        }
    };
    let message = "what the store has is not what was sent, by its checksum";
    if good { Ok(()) } else { Err(Failure::new(FailureKind::Corrupt, operation, message)) }
}

/// Azure has the bytes of a CRC-64 in little-endian order, S3 in big-endian.
fn crc64(block: &Block) -> String {
    STANDARD.encode_to_string(block.crc64().to_le_bytes())
}

/// Reads the answer to its end, so that the connection can be used again.
async fn done(response: Response, operation: &str) -> Result<Option<String>, Failure> {
    let version = version(&response);
    text(response, operation).await.map(|_| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_the_metadata() {
        let mut metadata = Metadata { content_type: Some("text/plain".to_owned()), ..Metadata::default() };
        for _ in 0..2 {
            let id = Id::fresh("key", &metadata, 1 << 30, 8 << 20);
            assert_eq!(Id::parse(&id.to_string()), Some(id.clone()));
            assert_ne!(Id::fresh("key", &metadata, 1 << 30, 8 << 20), id);
            metadata = Metadata::default();
        }
        for broken in ["", "abc", &"g".repeat(32), &format!("{}.!", "a".repeat(32))] {
            assert_eq!(Id::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn ids_of_blocks_are_equally_long() {
        let id = Id::fresh("key", &Metadata::default(), 1, 1);
        let (first, last) = (id.block(0), id.block(MAX_BLOCKS - 1));
        assert_eq!(first.len(), last.len());
        assert!(STANDARD.decode_to_vec(&first).unwrap().len() <= 64);
        assert!(!first.contains('='));
    }
}
