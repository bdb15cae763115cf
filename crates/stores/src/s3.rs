//! Buckets of S3 and of the many stores that speak its protocol.
//!
//! Requests are signed with Signature Version 4. Bodies are part of the signature only on their way over plain HTTP
//! to another machine; else they are not (`UNSIGNED-PAYLOAD`), because TLS protects them.
//!
//! *Checksums:* a CRC-64/NVME made at the first read goes with each body for the store to compare. What the store
//! says that it has is compared here: that sum, or the MD5 that the ETag of an object of one part is. An object that
//! is read whole is compared with the strongest sum the store tells. Sources: *Amazon S3 API Reference*; *Authenticating
//! Requests (AWS Signature Version 4)*; *Checking object integrity*; *Common response headers* (`ETag`).
//!
//! *Fewer requests:* none but the read and the write for an object of one part; metadata comes with
//! the first read.

mod answer;
mod errors;
mod list;
mod request;
mod sign;
mod write;

#[cfg(any(test, feature = "fuzzing"))]
pub(super) use list::{Uploads, page};
pub use request::{Addressing, Checksums, S3Options};
pub use sign::Credentials;

use crate::http::{Body, Client};
use crate::web::{self, MOST_TEXT, Pages, Sum, broken, check_range, range};
use async_trait::async_trait;
use request::Request;
use std::sync::Arc;
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Lister, Metadata, Part, Piece, Read, Upload,
    Whereabouts,
};

/// A bucket.
pub struct S3 {
    options: S3Options,
    client: Arc<Client>,
    signer: sign::Signer,
    base: request::Base,
}

impl S3 {
    /// A bucket with its options. No request is made.
    ///
    /// # Errors
    /// [`FailureKind::Invalid`] when the endpoint's URL cannot be used.
    pub fn new(options: S3Options, tls: Arc<rustls::ClientConfig>) -> Result<Arc<Self>, Failure> {
        let base = request::Base::new(&options)?;
        let signer = sign::Signer::new(&options.region, options.credentials.clone());
        Ok(Arc::new(Self { options, client: Client::new(tls), signer, base }))
    }

    fn operation(&self, verb: &str, key: &str) -> String {
        format!("{verb} s3://{}/{key}", self.options.bucket)
    }
}

#[async_trait]
impl Endpoint for S3 {
    fn name(&self) -> String {
        format!("s3://{}", self.options.bucket)
    }

    /// Some services give each account buckets of its own, so a lasting key belongs to it. A temporary one does not: it
    /// is another each hour.
    fn identity(&self) -> String {
        let S3Options { endpoint, region, bucket, credentials, .. } = &self.options;
        let lasting = credentials.as_ref().filter(|credentials| credentials.session_token.is_none());
        let account = lasting.map(|credentials| &credentials.access_key_id);
        format!("s3 {endpoint:?} {region:?} {bucket:?} {account:?}")
    }

    /// Without the account: most services give a name of a bucket to one account alone.
    async fn whereabouts(&self, prefix: &str) -> Vec<Whereabouts> {
        let bucket = format!("{}/{prefix}", self.options.bucket);
        vec![request::service(&self.options).below(&bucket)]
    }

    /// *Amazon S3 multipart upload limits* and *Creating object key names*, read November 2026.
    fn limits(&self) -> Limits {
        Limits {
            object_bytes: 5 << 40,
            part_bytes_min: 5 << 20,
            part_bytes_max: 5 << 30,
            parts: 10_000,
            part_bytes_best: 8 << 20,
            parts_in_any_order: true,
            key_bytes: 1024,
        }
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Box::new(Pages::new(self, prefix, after))
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let operation = self.operation("HEAD", key);
        let mut request = Request::new("HEAD", key);
        if self.options.checksums == Checksums::Crc64Nvme {
            request = request.header("x-amz-checksum-mode", "ENABLED");
        }
        let response = self.send(&request, Body::Empty, &operation).await?;
        if response.status == 404 {
            return Ok(None);
        }
        let response = self.accept(response, &operation, &[200]).await?;
        let version = response.header("etag").and_then(answer::version);
        let listed = web::listed(key, &response, version, &operation)?;
        let crc64 = match answer::sum(&response) {
            Some(Sum::Crc64(crc64)) => Some(crc64),
            _ => None,
        };
        Ok(Some(Found { listed, metadata: answer::metadata(&response), crc64 }))
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let operation = self.operation("GET", what.key);
        let mut request = Request::new("GET", what.key);
        if let Some(version) = what.version {
            request = request.header("if-match", version);
        }
        // A range of an empty object cannot be satisfied, so what is whole is asked for whole.
        if !what.whole {
            request = request.header("range", range(what.offset, what.length, &operation)?);
        } else if self.options.checksums == Checksums::Crc64Nvme {
            request = request.header("x-amz-checksum-mode", "ENABLED");
        }
        let response = self.send(&request, Body::Empty, &operation).await?;
        // Some servers (rclone's among them) call a range 200 and name it all the same.
        let named = response.header("content-range").is_some();
        let good: &[u16] = if what.whole || named { &[200, 206] } else { &[206] };
        let response = self.accept(response, &operation, good).await?;
        let version = response.header("etag").and_then(answer::version);
        if let (Some(asked), Some(came)) = (what.version, &version)
            && asked != came
        {
            let message = format!("it is version {came} now, not {asked}");
            return Err(Failure::new(FailureKind::Changed, operation, message));
        }
        if !what.whole {
            check_range(&response, what.offset, what.length, &operation)?;
        }
        let metadata = answer::metadata(&response);
        let compared = what.whole && self.options.checksums == Checksums::Crc64Nvme;
        let kept = answer::sum(&response).filter(|_| compared);
        let writer = BlockWriter::new(buffer, what.offset, what.length, what.whole);
        let block = response.block(writer).await.map_err(|error| broken(&operation, &error))?;
        if kept.is_some_and(|kept| !kept.is_of(&block)) {
            let message = "what arrived does not have the checksum that the store keeps for it";
            return Err(Failure::new(FailureKind::Corrupt, operation, message));
        }
        Ok(Piece { block, metadata, version })
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        self.put_object(key, metadata, block).await.map(Some)
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        _size: u64,
        _part_bytes: u64,
    ) -> Result<Upload, Failure> {
        self.create_upload(key, metadata).await
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        self.upload_part(upload, number, block).await
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        _root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        match self.complete_upload(upload, parts).await {
            Err(failure) if failure.kind == FailureKind::NotFound => {
                // An earlier call may have made the object, and its answer been lost.
                self.became(upload, parts).await?.map(Some).ok_or(failure)
            }
            result => result,
        }
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        let operation = self.operation("abort the upload of", &upload.key);
        let request = Request::new("DELETE", &upload.key).query("uploadId", &upload.id);
        let response = self.send(&request, Body::Empty, &operation).await?;
        self.accept(response, &operation, &[200, 204, 404]).await?.text(MOST_TEXT).await.map(drop).or(Ok(()))
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        list::uploads(self, prefix).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        // One request each: they are free, and unlike the call for many they need no MD5.
        Ok(web::delete(keys, |key| async move { self.delete_object(&key, None).await }).await)
    }
}
