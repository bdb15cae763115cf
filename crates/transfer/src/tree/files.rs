//! Files as what is written to a store and read from it, and the progress of both.
//!
//! Files are read and written on the blocking pool, where the hashing happens too, so that a large tree does not
//! hold up whatever else runs on the same thread.

use crate::tree::error::TransferError;
use crate::tree::progress::Progress;
use crate::tree::publish::blocking;
use crate::tree::shelf::{Source, Target};
use bytes::Bytes;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_store::block::{Block, BlockWriter};
use welkin_store::{Failure, FailureKind};

/// Bytes that are done, and who is told.
pub(crate) struct Counter<'a> {
    done: AtomicU64,
    progress: Progress<'a>,
}

impl<'a> Counter<'a> {
    pub(crate) fn new(progress: Progress<'a>) -> Self {
        Self { done: AtomicU64::new(0), progress }
    }

    fn add(&self, bytes: usize) {
        let before = self.done.fetch_add(bytes as u64, Ordering::Relaxed);
        (self.progress)(before + bytes as u64);
    }
}

/// A file of a disk that is published.
pub(crate) struct Published<'a> {
    pub(crate) file: Arc<File>,
    pub(crate) path: &'a Path,
    pub(crate) counter: &'a Counter<'a>,
}

impl Source for Published<'_> {
    async fn read(&self, mut writer: BlockWriter) -> Result<Block, TransferError> {
        let (file, path) = (Arc::clone(&self.file), self.path.to_owned());
        let offset = writer.offset();
        blocking(self.path, move || {
            while writer.missing() > 0 {
                let at = offset + writer.len() as u64;
                match file.read_at(writer.spare(), at) {
                    Ok(0) => break,
                    Ok(count) => writer.advance(count),
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(TransferError::local("read", &path, error)),
                }
            }
            writer.finish().map_err(|_| TransferError::SourceChanged { path })
        })
        .await
    }

    fn written(&self, bytes: usize) {
        self.counter.add(bytes);
    }
}

/// Bytes of memory that are published.
pub(crate) struct InMemory(pub(crate) Bytes);

impl Source for InMemory {
    async fn read(&self, mut writer: BlockWriter) -> Result<Block, TransferError> {
        let start = usize::try_from(writer.offset()).unwrap_or(usize::MAX).min(self.0.len());
        writer.extend(&self.0[start..]);
        Ok(writer.finish().expect("parts are within what is written"))
    }

    fn written(&self, _bytes: usize) {}
}

/// A file of a disk that is fetched.
pub(crate) struct Fetched<'a> {
    pub(crate) file: Arc<File>,
    pub(crate) path: PathBuf,
    pub(crate) counter: &'a Counter<'a>,
}

impl Target for Fetched<'_> {
    async fn take(&self, block: &Arc<Block>) -> Result<(), TransferError> {
        let (file, path, block) = (Arc::clone(&self.file), self.path.clone(), Arc::clone(block));
        let length = block.len();
        blocking(&self.path, move || {
            let bytes = block.check().map_err(|flipped| {
                let operation = format!("write {}", path.display());
                TransferError::from(Failure::new(FailureKind::Corrupt, operation, flipped.to_string()))
            })?;
            file.write_all_at(bytes, block.offset())
                .map_err(|error| TransferError::local("write", &path, error))
        })
        .await?;
        self.counter.add(length);
        Ok(())
    }
}

/// What is read and kept nowhere.
pub(crate) struct Looked<'a>(pub(crate) &'a Counter<'a>);

impl Target for Looked<'_> {
    async fn take(&self, block: &Arc<Block>) -> Result<(), TransferError> {
        self.0.add(block.len());
        Ok(())
    }
}

/// Compares the hash of an object with the one it must have.
pub(crate) fn expect_hash(object: &str, expected: &str, found: blake3::Hash) -> Result<(), TransferError> {
    let found = found.to_hex();
    if found.as_str() == expected {
        return Ok(());
    }
    let (object, expected) = (object.to_owned(), expected.to_owned());
    Err(TransferError::Corrupt { object, expected, found: found.to_string() })
}
