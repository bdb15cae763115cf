//! Buckets of Google Cloud Storage, through its JSON API.
//!
//! * An object's version is its generation. A call that names one carries `ifGenerationMatch`.
//! * An object of one part is written with its metadata and its CRC-32C in one request; the store refuses
//!   what does not have that sum. A whole read is compared with the sum that the store keeps.
//! * A write in parts is a resumable upload, which takes its parts in order. Its last part makes the object;
//!   with it goes the CRC-32C of the whole, joined from those of the parts.
//! * Parts at the same time exist only in the XML API, which speaks S3's protocol with HMAC keys: a store of
//!   type `s3` at `https://storage.googleapis.com`. That is the way for few, very long objects.
//! * A resumable upload that nobody ends is dropped after a week; they cannot be listed.
//!
//! Sources: *Cloud Storage JSON API*; *Resumable uploads* and *Perform resumable uploads*; *Data validation
//! and change detection with checksums*; *Request preconditions*; *Quotas and limits*; *Transcoding of
//! gzip-compressed files*; all read November 2026.
//!
//! *Rejected:* the XML API with bearer tokens. It would answer content and metadata in one request, but it
//! folds metadata into headers, and the emulators that tests run against do not speak it.

mod answer;
mod errors;
mod list;
mod request;
mod sign;
mod token;
mod write;

pub use request::GcsOptions;
pub use sign::GcsAccess;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use {answer::Resource as Object, errors::said, list::page, sign::Account};

use crate::http::{Body, Client};
use crate::web::{self, Pages, broken, check_range, range, text};
use answer::Resource;
use async_trait::async_trait;
use request::Request;
use std::sync::Arc;
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Lister, Metadata, Part, Piece, Read, Upload,
    Whereabouts,
};

/// What the parts of a resumable upload, but the last, are multiples of.
const QUANTUM: u64 = 256 << 10;

/// A bucket.
pub struct Gcs {
    options: GcsOptions,
    client: Arc<Client>,
    tokens: token::Tokens,
    base: request::Base,
    running: write::Running,
}

impl Gcs {
    /// A bucket with its options. No request is made.
    ///
    /// # Errors
    /// [`FailureKind::Invalid`] when the endpoint's URL or the credentials cannot be used.
    pub fn new(options: GcsOptions, tls: Arc<rustls::ClientConfig>) -> Result<Arc<Self>, Failure> {
        let base = request::Base::new(&options)?;
        let client = Client::new(tls);
        let wrong = |why| {
            let operation = format!("use the credentials of gs://{}", options.bucket);
            Failure::new(FailureKind::Invalid, operation, why)
        };
        let tokens = token::Tokens::new(&options, Arc::clone(&client)).map_err(wrong)?;
        if options.access != GcsAccess::Anonymous {
            base.keeps_secrets(options.allow_http).map_err(wrong)?;
        }
        Ok(Arc::new(Self { options, client, tokens, base, running: write::Running::default() }))
    }

    fn operation(&self, verb: &str, key: &str) -> String {
        format!("{verb} gs://{}/{key}", self.options.bucket)
    }

    /// What the store knows of an object.
    async fn resource(
        &self,
        key: &str,
        version: Option<&str>,
        operation: &str,
    ) -> Result<Option<Resource>, Failure> {
        let request = Request::object("GET", key).only(version);
        let response = self.send(&request, Body::Empty, operation).await?;
        if response.status == 404 {
            text(response, operation).await?;
            return Ok(None);
        }
        let response = self.accept(response, operation, &[200]).await?;
        let resource = Resource::read(&text(response, operation).await?, operation)?;
        match version {
            Some(asked) if resource.generation.as_deref().is_some_and(|came| came != asked) => {
                Err(changed(asked, resource.generation.as_deref(), operation))
            }
            _ => Ok(Some(resource)),
        }
    }

    async fn media(&self, what: &Read<'_>, buffer: Buffer, operation: &str) -> Result<Piece, Failure> {
        // Who does not take gzip gets objects that are kept compressed in another length than their own. Other
        // requests do not say it: their answers would come compressed.
        let mut request = Request::object("GET", what.key)
            .query("alt", "media")
            .only(what.version)
            .header("accept-encoding", "gzip");
        if !what.whole {
            request = request.header("range", range(what.offset, what.length, operation)?);
        }
        let response = self.send(&request, Body::Empty, operation).await?;
        let response = self.accept(response, operation, if what.whole { &[200] } else { &[206] }).await?;
        let version = response.header("x-goog-generation").map(str::to_owned);
        if let (Some(asked), Some(came)) = (what.version, &version)
            && asked != came
        {
            return Err(changed(asked, Some(came), operation));
        }
        if !what.whole {
            check_range(&response, what.offset, what.length, operation)?;
        }
        let writer = BlockWriter::new(buffer, what.offset, what.length, what.whole);
        let block = response.block(writer).await.map_err(|error| broken(operation, &error))?;
        let version = version.or_else(|| what.version.map(str::to_owned));
        Ok(Piece { block, metadata: Metadata::default(), version })
    }

    /// Content and what is kept beside it, which the JSON API answers apart: asked for at the same time,
    /// both of the same generation, and joined only when the sum is right.
    async fn read_whole(&self, what: &Read<'_>, buffer: Buffer, operation: &str) -> Result<Piece, Failure> {
        let missing = || Failure::new(FailureKind::NotFound, operation, "it is not there");
        let resource = async { self.resource(what.key, what.version, operation).await?.ok_or_else(missing) };
        let (piece, resource) = futures::try_join!(self.media(what, buffer, operation), resource)?;
        if let (Some(content), Some(described)) = (&piece.version, &resource.generation)
            && content != described
        {
            return Err(changed(content, Some(described), operation));
        }
        if resource.sum().is_some_and(|kept| !kept.is_of(&piece.block)) {
            let message = "what arrived does not have the checksum that the store keeps for it";
            return Err(Failure::new(FailureKind::Corrupt, operation, message));
        }
        Ok(Piece { block: piece.block, metadata: resource.metadata, version: resource.generation })
    }
}

fn changed(asked: &str, came: Option<&str>, operation: &str) -> Failure {
    let message = format!("it is generation {} now, not {asked}", came.unwrap_or("?"));
    Failure::new(FailureKind::Changed, operation, message)
}

#[async_trait]
impl Endpoint for Gcs {
    fn name(&self) -> String {
        format!("gs://{}", self.options.bucket)
    }

    /// Names of buckets are Google's, not an account's.
    fn identity(&self) -> String {
        format!("gcs {:?} {:?}", self.options.endpoint, self.options.bucket)
    }

    /// As its S3 interface has it, which is another way to the same buckets.
    async fn whereabouts(&self, prefix: &str) -> Vec<Whereabouts> {
        let bucket = format!("{}/{prefix}", self.options.bucket);
        vec![request::service(&self.options).below(&bucket)]
    }

    /// *Quotas and limits*, read November 2026: objects of 5 TiB, names of 1,024 bytes. Parts have no limit
    /// of their own; each costs a round trip, because they come in order, so they are longer than elsewhere.
    fn limits(&self) -> Limits {
        Limits {
            object_bytes: 5 << 40,
            part_bytes_min: QUANTUM,
            part_bytes_max: 4 << 30,
            // As many as the longest object has of the shortest.
            parts: 20 << 20,
            part_bytes_best: 16 << 20,
            parts_in_any_order: false,
            key_bytes: 1024,
        }
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Box::new(Pages::new(self, prefix, after))
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let operation = self.operation("HEAD", key);
        Ok(self.resource(key, None, &operation).await?.map(|resource| resource.found(key)))
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let operation = self.operation("GET", what.key);
        if what.whole {
            self.read_whole(&what, buffer, &operation).await
        } else {
            self.media(&what, buffer, &operation).await
        }
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        self.insert(key, metadata, block).await
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        self.create_session(key, metadata, size, part_bytes).await
    }

    /// The last part makes the object appear.
    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        self.upload_chunk(upload, number, block).await
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        _root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        self.confirm(upload, parts).await
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        self.cancel_session(upload).await
    }

    /// None are shown: the store does not list resumable uploads, and drops them after a week.
    async fn dangling(&self, _prefix: &str) -> Result<Vec<Dangling>, Failure> {
        Ok(Vec::new())
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        Ok(web::delete(keys, |key| async move { self.delete_object(&key, None).await }).await)
    }
}
