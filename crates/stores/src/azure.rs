//! Containers of Azure Blob Storage.
//!
//! An object is a block blob: written at once by Put Blob, or in blocks by Put Block that Put Block List
//! makes the blob of. With each body goes its CRC-64, which the service compares. It is the one that
//! blocks carry anyway: Azure's polynomial is that of CRC-64/NVME, with its bytes in the other order.
//!
//! * The id of a write in parts is made here, for Azure has none: a nonce that the ids of its blocks begin
//!   with, and the metadata, which Azure takes only with the list of blocks at the end.
//! * A write in parts cannot be given up. What nobody commits is dropped by Azure a week after the last
//!   block of that blob came (*Put Block*, remarks).
//! * What is read whole is compared with the MD5 that the service keeps of it, if it keeps one.
//! * Listings come in the order of the names, which for Azurite are UTF-16. An account with a hierarchical
//!   namespace sorts `/` before all else, which is reported where it shows.
//!
//! Sources: *Blob service REST API* with the pages of the operations named here; *Authorize with Shared
//! Key*; *Naming and referencing containers, blobs, and metadata*; *Scalability and performance targets for
//! Blob storage*; all read November 2026.
//!
//! *Fewer requests:* none but the read and the write for an object of one part, and none to begin.

mod answer;
mod connection;
mod errors;
mod list;
mod names;
mod request;
mod sign;
mod write;

pub use request::{AzureOptions, account_of_url};
pub use sign::AzureAccess;
#[cfg(any(test, feature = "fuzzing"))]
pub(super) use {
    list::page,
    names::{decoded_name, decoded_value, encoded_name, encoded_value},
};

pub use connection::Connection;

use crate::http::{Body, Client};
use crate::web::{self, Pages, Sum, broken, check_range, range};
use async_trait::async_trait;
use request::Request;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Lister, Metadata, Part, Piece, Read, Upload,
    Whereabouts,
};

/// Longest name in characters.
const NAME_CHARACTERS: usize = 1024;

/// A container.
pub struct Azure {
    options: AzureOptions,
    client: Arc<Client>,
    signer: sign::Signer,
    base: request::Base,
    /// Whether the service may know how to begin a listing at a name.
    starts_from: AtomicBool,
}

impl Azure {
    /// A container with its options. No request is made.
    ///
    /// # Errors
    /// [`FailureKind::Invalid`] when the endpoint's URL or the key cannot be used.
    pub fn new(options: AzureOptions, tls: Arc<rustls::ClientConfig>) -> Result<Arc<Self>, Failure> {
        let signer = sign::Signer::new(&options.account, &options.access).map_err(|why| {
            let operation = format!("use the credentials of az://{}", options.account);
            Failure::new(FailureKind::Invalid, operation, why)
        })?;
        let base = request::Base::new(&options, &signer)?;
        let starts_from = AtomicBool::new(true);
        Ok(Arc::new(Self { options, client: Client::new(tls), signer, base, starts_from }))
    }

    fn operation(&self, verb: &str, key: &str) -> String {
        format!("{verb} {}/{key}", self.name())
    }
}

#[async_trait]
impl Endpoint for Azure {
    fn name(&self) -> String {
        format!("az://{}/{}", self.options.account, self.options.container)
    }

    fn identity(&self) -> String {
        let AzureOptions { endpoint, account, container, .. } = &self.options;
        format!("azure {endpoint:?} {account:?} {container:?}")
    }

    async fn whereabouts(&self, prefix: &str) -> Vec<Whereabouts> {
        let AzureOptions { account, container, .. } = &self.options;
        vec![request::service(&self.options).below(&format!("{account}/{container}/{prefix}"))]
    }

    /// *Scalability and performance targets for Blob storage*: 50,000 blocks of 4000 MiB (about 190.7 TiB).
    /// *Naming and referencing containers, blobs, and metadata*: names of 1,024 characters, which are at
    /// most four bytes each. Read November 2026.
    fn limits(&self) -> Limits {
        Limits {
            object_bytes: 50_000 * (4000 << 20),
            part_bytes_min: 1,
            part_bytes_max: 4000 << 20,
            parts: write::MAX_BLOCKS,
            part_bytes_best: 8 << 20,
            parts_in_any_order: true,
            key_bytes: 4 * NAME_CHARACTERS,
        }
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Box::new(Pages::new(self, prefix, after))
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let operation = self.operation("HEAD", key);
        let response = self.send(&Request::new("HEAD", key), Body::Empty, &operation).await?;
        // A container that is not there is no answer to the question.
        if response.status == 404 && response.header(errors::CODE) != Some("ContainerNotFound") {
            return Ok(None);
        }
        let response = self.accept(response, &operation, &[200]).await?;
        let listed = web::listed(key, &response, answer::version(&response), &operation)?;
        Ok(Some(Found { listed, metadata: answer::NAMING.metadata(&response), crc64: None }))
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let operation = self.operation("GET", what.key);
        let mut request = Request::new("GET", what.key);
        if let Some(version) = what.version {
            request = request.header("if-match", format!("\"{version}\""));
        }
        // A range of an empty object cannot be satisfied, so what is whole is asked for whole.
        if !what.whole {
            request = request.header("x-ms-range", range(what.offset, what.length, &operation)?);
        }
        let response = self.send(&request, Body::Empty, &operation).await?;
        let response = self.accept(response, &operation, if what.whole { &[200] } else { &[206] }).await?;
        let version = answer::version(&response);
        if let (Some(asked), Some(came)) = (what.version, &version)
            && asked != came
        {
            let message = format!("it is version {came} now, not {asked}");
            return Err(Failure::new(FailureKind::Changed, operation, message));
        }
        if !what.whole {
            check_range(&response, what.offset, what.length, &operation)?;
        }
        let metadata = answer::NAMING.metadata(&response);
        let kept = response.header("content-md5").filter(|_| what.whole).and_then(Sum::md5);
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
        self.put_blob(key, metadata, block).await
    }

    /// Makes no request.
    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let operation = self.operation("begin the upload of", key);
        self.check_key(key, &operation)?;
        // What the service would refuse at the end, it refuses now.
        answer::NAMING.headers(metadata, &operation)?;
        Ok(Upload { key: key.to_owned(), id: write::Id::fresh(key, metadata, size, part_bytes).to_string() })
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        self.put_block(upload, number, block).await
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        _root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        self.put_block_list(upload, parts).await
    }

    /// Does nothing: Azure has no call that drops blocks and leaves the blob as it is. They are dropped
    /// when the blob is written otherwise, or a week after the last of them came.
    async fn abort(&self, _upload: &Upload) -> Result<(), Failure> {
        Ok(())
    }

    /// Blobs that are nothing but blocks nobody committed. Their ids are empty, for there is nothing to
    /// give up. Not shown: such blocks beside a blob that exists.
    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        list::uncommitted(self, prefix).await
    }

    /// Blobs with snapshots are not removed.
    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        Ok(web::delete(keys, |key| async move { self.delete_blob(&key, None).await }).await)
    }
}
