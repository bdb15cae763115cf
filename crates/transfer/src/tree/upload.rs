//! Writing one object in bounded pieces.
//!
//! A file that fits one part is put at once; a longer one goes up in parts and appears when the last
//! of them is there. In both cases the object comes into being whole or not at all.

use crate::tree::error::TransferError;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};

/// Size of a part: above the 5 MiB that S3 asks for, small enough to hold in memory.
pub const PART_BYTES: u64 = 8 << 20;

/// Most parts of one object: S3 takes 10,000, and the last one may be short.
const MAX_PARTS: u64 = 9_000;

/// An object being written.
pub(crate) struct Upload<'a> {
    store: &'a dyn ObjectStore,
    object: &'a Path,
    part_bytes: u64,
    pending: Vec<Bytes>,
    pending_bytes: u64,
    parts: Option<Box<dyn MultipartUpload>>,
}

impl<'a> Upload<'a> {
    /// Begins an object of `size` bytes.
    pub(crate) fn new(store: &'a dyn ObjectStore, object: &'a Path, size: u64) -> Self {
        let part_bytes = PART_BYTES.max(size.div_ceil(MAX_PARTS));
        Self { store, object, part_bytes, pending: Vec::new(), pending_bytes: 0, parts: None }
    }

    /// Adds a piece.
    pub(crate) async fn write(&mut self, mut chunk: Bytes) -> Result<(), TransferError> {
        // Parts of equal length, since some stores insist on it; only the last may be shorter.
        while self.pending_bytes + chunk.len() as u64 > self.part_bytes {
            let room = usize::try_from(self.part_bytes - self.pending_bytes).unwrap_or(usize::MAX);
            let head = chunk.split_to(room.min(chunk.len()));
            self.hold(head);
            self.send_part().await?;
        }
        self.hold(chunk);
        Ok(())
    }

    /// Makes the object appear.
    pub(crate) async fn finish(mut self) -> Result<(), TransferError> {
        if self.parts.is_none() {
            let payload = self.take_pending();
            return self.store.put(self.object, payload).await.map(drop).map_err(|e| self.failed(e));
        }
        if self.pending_bytes > 0 {
            self.send_part().await?;
        }
        let Some(mut parts) = self.parts.take() else { return Ok(()) };
        match parts.complete().await {
            Ok(_) => Ok(()),
            Err(source) => {
                let error = self.failed(source);
                self.parts = Some(parts);
                self.abort().await;
                Err(error)
            }
        }
    }

    /// Gives up; what was sent is dropped by the store.
    pub(crate) async fn abort(mut self) {
        if let Some(mut parts) = self.parts.take() {
            // The upload has failed already; a store that keeps the parts expires them.
            let _ = parts.abort().await;
        }
    }

    fn hold(&mut self, chunk: Bytes) {
        self.pending_bytes += chunk.len() as u64;
        self.pending.push(chunk);
    }

    fn take_pending(&mut self) -> PutPayload {
        self.pending_bytes = 0;
        self.pending.drain(..).collect()
    }

    async fn send_part(&mut self) -> Result<(), TransferError> {
        let payload = self.take_pending();
        let mut parts = match self.parts.take() {
            Some(parts) => parts,
            None => self.store.put_multipart(self.object).await.map_err(|e| self.failed(e))?,
        };
        let sent = parts.put_part(payload).await;
        self.parts = Some(parts);
        sent.map_err(|e| self.failed(e))
    }

    fn failed(&self, source: object_store::Error) -> TransferError {
        TransferError::store("write", self.object, source)
    }
}
