//! Reading objects again and comparing them with a manifest.

use crate::engine::limiter::Limiter;
use crate::engine::observe::Quiet;
use crate::engine::retry::Patience;
use crate::engine::retrying::Retrying;
use crate::engine::stats::Stats;
use crate::journal::{Manifest, ManifestEntry, ManifestError};
use futures::StreamExt;
use std::sync::Arc;
use thiserror::Error;
use welkin_store::block::BlockPool;
use welkin_store::hash;
use welkin_store::{Endpoint, Failure, Read};

/// Bytes read at a time.
const READ_BYTES: u64 = 8 << 20;

/// Objects at once.
const AT_ONCE: usize = 16;

/// Tries of a call, with pauses that double from 100 ms: some 6 s.
const ATTEMPTS: u32 = 7;

/// Why an object is not what its manifest says.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is not there.
    #[error("it is missing")]
    Missing,
    /// It has another length.
    #[error("it has {found} bytes, expected {expected}")]
    Size {
        /// Length by the manifest.
        expected: u64,
        /// Length found.
        found: u64,
    },
    /// It has other content.
    #[error("its hash is {found}, expected {expected}")]
    Content {
        /// Hash by the manifest.
        expected: String,
        /// Hash found.
        found: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(Failure),
}

/// What a verification found.
#[derive(Debug, Default)]
pub struct Verified {
    /// Objects that are as the manifest says.
    pub good_objects: u64,
    /// Their bytes.
    pub good_bytes: u64,
    /// Objects that are not, and why.
    pub faults: Vec<(String, Fault)>,
}

/// Reads every object of a manifest and compares its hash.
///
/// # Errors
/// [`ManifestError`] of the manifest itself. Faults of objects are in the result.
pub async fn verify(
    manifest: Manifest,
    endpoint: Arc<dyn Endpoint>,
    memory_bytes: usize,
    limiter: &Limiter,
    stats: &Stats,
) -> Result<Verified, ManifestError> {
    let (endpoint, pool) = (Retrying::new(endpoint), BlockPool::new(memory_bytes));
    let mut broken = None;
    let mut verified = Verified::default();
    {
        let mut manifest = manifest;
        let entries = std::iter::from_fn(|| match manifest.next_entry() {
            Ok(entry) => entry,
            Err(error) => {
                broken = Some(error);
                None
            }
        });
        let checks = entries.map(|entry| {
            let (endpoint, pool) = (endpoint.clone(), pool.clone());
            async move {
                let result = check(&endpoint, &pool, limiter, stats, &entry).await;
                (entry, result)
            }
        });
        let mut checks = futures::stream::iter(checks).buffer_unordered(AT_ONCE);
        while let Some((entry, result)) = checks.next().await {
            match result {
                Ok(()) => {
                    verified.good_objects += 1;
                    verified.good_bytes += entry.size;
                    Stats::add(&stats.copied_objects, 1);
                }
                Err(fault) => verified.faults.push((entry.key, fault)),
            }
        }
    }
    match broken {
        Some(error) => Err(error),
        None => Ok(verified),
    }
}

async fn check(
    endpoint: &Retrying,
    pool: &BlockPool,
    limiter: &Limiter,
    stats: &Stats,
    entry: &ManifestEntry,
) -> Result<(), Fault> {
    let patience = Patience::new(ATTEMPTS, stats, &Quiet);
    let found = endpoint.find(&patience, &entry.key).await.map_err(Fault::Unreadable)?;
    let found = found.ok_or(Fault::Missing)?;
    let (size, version) = (found.listed.size, found.listed.version);
    if size != entry.size {
        return Err(Fault::Size { expected: entry.size, found: size });
    }
    let whole = size <= READ_BYTES;
    let mut parts = Vec::new();
    let mut offset = 0;
    loop {
        let length = usize::try_from((size - offset).min(READ_BYTES)).unwrap_or(usize::MAX);
        limiter.take(length as u64).await;
        let what = Read { key: &entry.key, offset, length, whole, version: version.as_deref() };
        let piece = endpoint.read(&patience, what, pool).await.map_err(Fault::Unreadable)?;
        Stats::add(&stats.copied_bytes, length as u64);
        parts.push(piece.block.chaining());
        offset += length as u64;
        if offset >= size {
            break;
        }
    }
    let hash = hash::merge(&parts, READ_BYTES).to_hex().to_string();
    if hash == entry.blake3 {
        return Ok(());
    }
    Err(Fault::Content { expected: entry.blake3.clone(), found: hash })
}
