//! Reading in bounded pieces, hashing each byte once on the way.
//!
//! Files are read on the blocking pool, where the hashing happens too, so that a large tree does not
//! hold up whatever else runs on the same thread.

use crate::tree::error::TransferError;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectStore, ObjectStoreExt};
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Bytes read at a time: large enough that the hop to the blocking pool does not show.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;

/// A file or object being read.
pub(crate) struct Chunks {
    origin: Origin,
    /// Empty only while a read is on its way.
    state: Option<State>,
    seen: u64,
    limit: u64,
}

struct State {
    input: Input,
    hasher: blake3::Hasher,
}

enum Input {
    File(File),
    Stream(BoxStream<'static, object_store::Result<Bytes>>),
}

#[derive(Clone)]
enum Origin {
    Local(PathBuf),
    Object(Path),
}

impl Chunks {
    /// Reads a local file that must not be longer than `limit`.
    pub(crate) fn file(file: File, path: PathBuf, limit: u64) -> Self {
        Self::new(Origin::Local(path), Input::File(file), limit)
    }

    /// Reads an object that must not be longer than `limit`.
    pub(crate) async fn object(
        store: &dyn ObjectStore,
        object: &Path,
        limit: u64,
    ) -> Result<Self, TransferError> {
        let result =
            store.get(object).await.map_err(|source| TransferError::store("read", object, source))?;
        let input = match result.payload {
            // A store on this disk hands out the file itself; its own stream would come in 8 KiB hops.
            GetResultPayload::File(file, _) => Input::File(file),
            GetResultPayload::Stream(stream) => Input::Stream(stream),
        };
        Ok(Self::new(Origin::Object(object.clone()), input, limit))
    }

    fn new(origin: Origin, input: Input, limit: u64) -> Self {
        let state = State { input, hasher: blake3::Hasher::new() };
        Self { origin, state: Some(state), seen: 0, limit }
    }

    /// The next piece; `None` at the end. Fails once more than the limit has come.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, TransferError> {
        let Some(state) = self.state.take() else { return Err(self.broken()) };
        // One byte more than is expected, to notice what is too long; little for small files.
        let want = (self.limit - self.seen).saturating_add(1).min(CHUNK_BYTES as u64) as usize;
        let (state, chunk) = state.advance(&self.origin, want).await?;
        self.state = Some(state);
        self.seen += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if self.seen > self.limit { Err(self.wrong_size()) } else { Ok(chunk) }
    }

    /// The hex hash of everything read; fails unless exactly `limit` bytes came.
    pub(crate) fn finish(self) -> Result<String, TransferError> {
        if self.seen != self.limit {
            return Err(self.wrong_size());
        }
        let state = self.state.as_ref().ok_or_else(|| self.broken())?;
        Ok(state.hasher.finalize().to_hex().to_string())
    }

    fn wrong_size(&self) -> TransferError {
        match &self.origin {
            Origin::Local(path) => TransferError::SourceChanged { path: path.clone() },
            Origin::Object(object) => TransferError::WrongSize {
                object: object.to_string(),
                expected: self.limit,
                found: self.seen,
            },
        }
    }

    /// A read that failed or was dropped half-way left nothing to go on with.
    fn broken(&self) -> TransferError {
        self.origin.failed(std::io::Error::other("an earlier read did not end"))
    }
}

impl State {
    async fn advance(mut self, origin: &Origin, want: usize) -> Result<(Self, Option<Bytes>), TransferError> {
        match &mut self.input {
            Input::Stream(stream) => {
                let chunk = stream.next().await.transpose().map_err(|source| origin.lost(source))?;
                if let Some(chunk) = &chunk {
                    self.hasher.update(chunk);
                }
                Ok((self, chunk))
            }
            Input::File(_) => {
                let read = move || self.read_file(want);
                let (state, chunk) =
                    tokio::task::spawn_blocking(read).await.map_err(|error| origin.failed(error.into()))?;
                let chunk = chunk.map_err(|error| origin.failed(error))?;
                Ok((state, (!chunk.is_empty()).then_some(chunk)))
            }
        }
    }

    fn read_file(mut self, want: usize) -> (Self, std::io::Result<Bytes>) {
        let Input::File(file) = &mut self.input else { return (self, Ok(Bytes::new())) };
        let mut chunk = BytesMut::zeroed(want);
        let mut filled = 0;
        while filled < chunk.len() {
            match file.read(&mut chunk[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return (self, Err(error)),
            }
        }
        chunk.truncate(filled);
        self.hasher.update(&chunk);
        (self, Ok(chunk.freeze()))
    }
}

impl Origin {
    fn failed(&self, source: std::io::Error) -> TransferError {
        match self {
            Self::Local(path) => TransferError::local("read", path, source),
            Self::Object(object) => self.lost(object_store::Error::Generic {
                store: "file",
                source: format!("{object}: {source}").into(),
            }),
        }
    }

    fn lost(&self, source: object_store::Error) -> TransferError {
        match self {
            Self::Local(path) => TransferError::local("read", path, std::io::Error::other(source)),
            Self::Object(object) => TransferError::store("read", object, source),
        }
    }
}

/// Compares the hash of an object with the one it must have.
pub(crate) fn expect_hash(object: &Path, expected: &str, found: String) -> Result<(), TransferError> {
    if found == expected {
        return Ok(());
    }
    Err(TransferError::Corrupt { object: object.to_string(), expected: expected.to_owned(), found })
}
