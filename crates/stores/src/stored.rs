//! Any store that the `object_store` crate speaks to, as providers hand them out.
//!
//! Keys are paths as that crate parses them. Parts are written in order, one after the other, since
//! that is what its uploads promise; an upload lives in this process only and cannot be gone on with after it.
//! Listings come in whatever order the store has them, so this is for transfers that name their objects.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use object_store::path::Path;
use object_store::{GetOptions, GetResultPayload, MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use std::collections::HashMap;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Listed, Lister, Metadata, Part, Piece, Read,
    Upload,
};

/// A store of the `object_store` crate.
pub struct Stored {
    store: Arc<dyn ObjectStore>,
    uploads: Mutex<HashMap<String, Box<dyn MultipartUpload>>>,
    count: AtomicU64,
}

impl Stored {
    /// The store as an endpoint.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>) -> Arc<Self> {
        Arc::new(Self { store, uploads: Mutex::default(), count: AtomicU64::new(0) })
    }

    fn operation(&self, verb: &str, key: &str) -> String {
        format!("{verb} {key} of {}", self.store)
    }

    fn take(&self, upload: &Upload) -> Option<Box<dyn MultipartUpload>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(&upload.id)
    }

    fn keep(&self, upload: &Upload, parts: Box<dyn MultipartUpload>) {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).insert(upload.id.clone(), parts);
    }
}

fn path(key: &str, operation: &str) -> Result<Path, Failure> {
    Path::parse(key).map_err(|error| Failure::new(FailureKind::Unsupported, operation, error.to_string()))
}

fn failed(operation: &str, error: &object_store::Error) -> Failure {
    use object_store::Error as Store;
    let kind = match error {
        Store::NotFound { .. } => FailureKind::NotFound,
        Store::Precondition { .. } | Store::NotModified { .. } => FailureKind::Changed,
        Store::Unauthenticated { .. } => FailureKind::Credentials,
        Store::PermissionDenied { .. } => FailureKind::Forbidden,
        Store::InvalidPath { .. } | Store::NotSupported { .. } | Store::NotImplemented { .. } => {
            FailureKind::Unsupported
        }
        _ => FailureKind::Transient,
    };
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    Failure::new(kind, operation, message)
}

fn payload(block: &Block, operation: &str) -> Result<PutPayload, Failure> {
    let bytes = block
        .check()
        .map_err(|flipped| Failure::new(FailureKind::Corrupt, operation, flipped.to_string()))?;
    Ok(PutPayload::from(Bytes::copy_from_slice(bytes)))
}

#[async_trait]
impl Endpoint for Stored {
    fn name(&self) -> String {
        self.store.to_string()
    }

    fn identity(&self) -> String {
        format!("stored {}", self.store)
    }

    /// Those of S3, which are the narrowest of the stores behind that crate.
    fn limits(&self) -> Limits {
        Limits {
            object_bytes: 5 << 40,
            part_bytes_min: 5 << 20,
            part_bytes_max: 1 << 30,
            parts: 10_000,
            part_bytes_best: 8 << 20,
            parts_in_any_order: false,
            key_bytes: 1024,
        }
    }

    fn list(self: Arc<Self>, prefix: &str, _after: Option<&str>) -> Box<dyn Lister> {
        struct Unordered(String);

        #[async_trait]
        impl Lister for Unordered {
            async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
                let message = "this store is only read by the names of its objects";
                Err(Failure::new(FailureKind::Unsupported, std::mem::take(&mut self.0), message))
            }
        }

        Box::new(Unordered(self.operation("list", prefix)))
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let operation = self.operation("look at", key);
        match self.store.head(&path(key, &operation)?).await {
            Ok(meta) => {
                let version = meta.e_tag.or_else(|| Some(meta.last_modified.timestamp_micros().to_string()));
                let listed = Listed {
                    key: key.to_owned(),
                    size: meta.size,
                    modified_ms: Some(meta.last_modified.timestamp_millis()),
                    version,
                };
                Ok(Some(Found { listed, metadata: Metadata::default(), crc64: None }))
            }
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(failed(&operation, &error)),
        }
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let operation = self.operation("read", what.key);
        let end = what.offset + what.length as u64;
        let range = (!what.whole).then_some(object_store::GetRange::Bounded(what.offset..end));
        let options = GetOptions { range, ..GetOptions::default() };
        let got = self.store.get_opts(&path(what.key, &operation)?, options).await;
        let got = got.map_err(|error| failed(&operation, &error))?;
        let changed = |why: String| Failure::new(FailureKind::Changed, operation.clone(), why);
        if got.range.end - got.range.start != what.length as u64 {
            return Err(changed(format!("it has {} bytes", got.meta.size)));
        }
        let version = got.meta.e_tag.clone();
        let mut writer = BlockWriter::new(buffer, what.offset, what.length, what.whole);
        let block = match got.payload {
            // A store on this disk hands out the file itself; its own stream would come in 8 KiB hops.
            GetResultPayload::File(file, _) => {
                let (operation, start) = (operation.clone(), what.offset);
                let reading = tokio::task::spawn_blocking(move || {
                    let mut at = start;
                    while writer.missing() > 0 {
                        match file.read_at(writer.spare(), at) {
                            Ok(0) => break,
                            Ok(count) => {
                                at += count as u64;
                                writer.advance(count);
                            }
                            Err(error) => return Err(Failure::io(operation, &error)),
                        }
                    }
                    Ok(writer)
                });
                let done = reading.await.map_err(|error| {
                    Failure::new(FailureKind::Transient, "read from the disk", error.to_string())
                })??;
                done.finish()
            }
            GetResultPayload::Stream(mut stream) => {
                while let Some(bytes) = stream.next().await {
                    let bytes = bytes.map_err(|error| failed(&operation, &error))?;
                    if writer.extend(&bytes) < bytes.len() {
                        return Err(changed("it is longer than it was".to_owned()));
                    }
                }
                writer.finish()
            }
        };
        let block = block.map_err(|_| changed("it is shorter than it was".to_owned()))?;
        Ok(Piece { block, metadata: Metadata::default(), version })
    }

    async fn put(
        &self,
        key: &str,
        _metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        let operation = self.operation("write", key);
        let put = self.store.put(&path(key, &operation)?, payload(block, &operation)?).await;
        Ok(put.map_err(|error| failed(&operation, &error))?.e_tag)
    }

    async fn begin(
        &self,
        key: &str,
        _metadata: &Metadata,
        _size: u64,
        _part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let operation = self.operation("begin", key);
        let parts = self.store.put_multipart(&path(key, &operation)?).await;
        let id = self.count.fetch_add(1, Ordering::Relaxed).to_string();
        let upload = Upload { key: key.to_owned(), id };
        self.keep(&upload, parts.map_err(|error| failed(&operation, &error))?);
        Ok(upload)
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        let operation = self.operation(&format!("write part {number} of"), &upload.key);
        let gone =
            || Failure::new(FailureKind::NotFound, operation.clone(), "the upload is not known any more");
        let mut parts = self.take(upload).ok_or_else(gone)?;
        let put = parts.put_part(payload(block, &operation)?).await;
        if let Err(error) = put {
            // A part cannot be sent twice, so this upload is over; the engine begins another.
            let _ = parts.abort().await;
            let message = failed(&operation, &error).message;
            return Err(Failure::new(FailureKind::NotFound, operation, message));
        }
        self.keep(upload, parts);
        Ok(Part { number, tag: String::new() })
    }

    async fn finish(
        &self,
        upload: &Upload,
        _parts: &[Part],
        _root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        let operation = self.operation("complete", &upload.key);
        let gone =
            || Failure::new(FailureKind::NotFound, operation.clone(), "the upload is not known any more");
        let mut parts = self.take(upload).ok_or_else(gone)?;
        Ok(parts.complete().await.map_err(|error| failed(&operation, &error))?.e_tag)
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        match self.take(upload) {
            Some(mut parts) => {
                let operation = self.operation("give up", &upload.key);
                parts.abort().await.map_err(|error| failed(&operation, &error))
            }
            None => Ok(()),
        }
    }

    async fn dangling(&self, _prefix: &str) -> Result<Vec<Dangling>, Failure> {
        Ok(Vec::new())
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let mut kept = Vec::new();
        for key in keys {
            let operation = self.operation("remove", key);
            let gone = match path(key, &operation) {
                Ok(path) => self.store.delete(&path).await.map_err(|error| failed(&operation, &error)),
                Err(failure) => Err(failure),
            };
            match gone {
                Err(failure) if failure.kind != FailureKind::NotFound => kept.push((key.clone(), failure)),
                _ => {}
            }
        }
        Ok(kept)
    }
}
