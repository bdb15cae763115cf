//! From one store to another, by the engine.
//!
//! The manifest says which objects there are and which hash each has. The engine skips those that the
//! destination already has with that hash, moves the others by as many lanes as pay, and compares the
//! hash of what it read. Then what does not belong to the tree is dropped, and the manifest written
//! last. Repeating a copy that was killed therefore moves only what is missing.

use crate::engine::{Expected, Limiter, Notice, Observer, Options, Scope, Side, Stats, Transfer, run};
use crate::journal::Done;
use crate::tree::error::TransferError;
use crate::tree::manifest::{self, Entry, Links, Manifest};
use crate::tree::names::Prefix;
use crate::tree::progress::Progress;
use crate::tree::publish::commit;
use crate::tree::remove::{delete_others, uncommit};
use crate::tree::shelf::{Shelf, TRIES};
use blake3::Hash;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use welkin_store::Endpoint;

/// Pause until progress is told again: while there is some, and at most while a call is waited for.
const TELL_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What a copy did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Bytes that were moved.
    pub bytes: u64,
    /// Files that were moved.
    pub files: u64,
    /// Bytes that were there already.
    pub reused_bytes: u64,
    /// Files that were there already.
    pub reused_files: u64,
}

/// Copies the tree `digest` from one store to another. Idempotent, and goes on where an earlier call
/// was killed. `progress` counts bytes that are at the destination.
///
/// # Errors
/// [`TransferError::NotPublished`] or [`TransferError::WrongTree`] for the source's manifest,
/// [`TransferError::Missing`], [`TransferError::WrongSize`] or [`TransferError::Corrupt`] for one of
/// its files, and failures of either store. Nothing is committed then.
pub async fn copy_tree(
    source: &Arc<dyn Endpoint>,
    source_prefix: &str,
    target: &Arc<dyn Endpoint>,
    target_prefix: &str,
    digest: &str,
    progress: Progress<'_>,
) -> Result<Copied, TransferError> {
    let (shelf, target_prefix) = (Shelf::new(target), Prefix::parse(target_prefix)?);
    // A committed copy answers for itself, even when the source is gone.
    match manifest::read(&shelf, &target_prefix).await {
        Ok(Some((found, found_digest))) if found_digest == digest => {
            progress(found.bytes());
            return Ok(Copied {
                reused_bytes: found.bytes(),
                reused_files: found.files(),
                ..Copied::default()
            });
        }
        Ok(None) => {}
        // Another tree, or a manifest nobody can read: it makes room for this one.
        Ok(Some(_)) | Err(TransferError::BadManifest { .. }) => uncommit(&shelf, &target_prefix).await?,
        Err(error) => return Err(error),
    }
    let from = Shelf::new(source);
    let (source_prefix, manifest) = manifest::expect(&from, source_prefix, digest, Links::Anywhere).await?;
    let mut keep = HashSet::from([target_prefix.manifest()]);
    let mut objects = Vec::new();
    for entry in &manifest.entries {
        if let Entry::File { path, size, blake3, .. } = entry {
            let to = target_prefix.data(path);
            let expected = Hash::from_hex(blake3).expect("manifests are checked when they are read");
            objects.push(Expected {
                source: source_prefix.data(path),
                target: to.clone(),
                size: *size,
                blake3: expected,
            });
            keep.insert(to);
        }
    }
    let copied = move_all(source, &from, target, objects, progress).await?;
    delete_others(&shelf, &target_prefix, &keep).await?;
    finish(&manifest, digest, &shelf, &target_prefix).await?;
    Ok(copied)
}

async fn move_all(
    source: &Arc<dyn Endpoint>,
    from: &Shelf,
    target: &Arc<dyn Endpoint>,
    objects: Vec<Expected>,
    progress: Progress<'_>,
) -> Result<Copied, TransferError> {
    let side = |store: &Arc<dyn Endpoint>| Side::new(Arc::clone(store), "");
    let objects: Arc<[Expected]> = objects.into();
    let transfer = Transfer {
        source: side(source),
        target: side(target),
        scope: Scope::Listed(Arc::clone(&objects)),
        options: Options { attempts: TRIES, ..Options::default() },
    };
    let (stats, tally) = (Arc::new(Stats::default()), Arc::new(Tally::default()));
    let hears = Arc::clone(&tally) as Arc<dyn Observer>;
    let limiter = Arc::new(Limiter::new(None));
    let moving = run(transfer, None, limiter, Arc::clone(&stats), hears, std::future::pending());
    let telling = async {
        let (mut told, mut pause) = (None, TELL_EVERY.0);
        loop {
            let counts = stats.snapshot();
            let there = counts.copied_bytes + counts.skipped_bytes;
            pause = if told == Some(there) { (2 * pause).min(TELL_EVERY.1) } else { TELL_EVERY.0 };
            told = Some(there);
            progress(there);
            tokio::time::sleep(pause).await;
        }
    };
    let outcome = tokio::select! {
        outcome = moving => outcome,
        never = telling => never,
    };
    let outcome = outcome.map_err(|error| TransferError::Engine { reason: error.to_string() })?;
    progress(outcome.counts.copied_bytes + outcome.counts.skipped_bytes);
    if let Some((object, cause)) = tally.first_failed(&objects) {
        return Err(why(from, object, &cause).await);
    }
    let moved: u64 = tally.bytes.lock().unwrap_or_else(PoisonError::into_inner).iter().sum();
    Ok(Copied {
        bytes: moved,
        files: outcome.counts.copied_objects,
        reused_bytes: outcome.counts.skipped_bytes,
        reused_files: outcome.counts.skipped_objects,
    })
}

/// What became of the files.
#[derive(Default)]
struct Tally {
    bytes: Mutex<Vec<u64>>,
    failed: Mutex<BTreeMap<String, Cause>>,
}

#[derive(Debug, Clone)]
struct Cause {
    words: String,
    found: Option<String>,
}

impl Tally {
    fn first_failed<'a>(&self, objects: &'a [Expected]) -> Option<(&'a Expected, Cause)> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        objects.iter().find_map(|object| Some((object, failed.get(&object.source)?.clone())))
    }
}

impl Observer for Tally {
    fn notice(&self, notice: &Notice<'_>) {
        match notice {
            Notice::Copied(Done { size, .. }) => {
                self.bytes.lock().unwrap_or_else(PoisonError::into_inner).push(*size);
            }
            Notice::Failed { key, why } => {
                let cause = Cause { words: (*why).to_owned(), found: None };
                self.failed
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .entry((*key).to_owned())
                    .or_insert(cause);
            }
            Notice::Unexpected { key, blake3 } => {
                let cause = Cause { words: String::new(), found: Some((*blake3).to_owned()) };
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert((*key).to_owned(), cause);
            }
            _ => {}
        }
    }
}

/// A file that did not arrive, by what the source has of it now.
async fn why(source: &Shelf, object: &Expected, cause: &Cause) -> TransferError {
    if let Some(found) = &cause.found {
        let (object, expected) = (object.source.clone(), object.blake3.to_hex().to_string());
        return TransferError::Corrupt { object, expected, found: found.clone() };
    }
    match source.find(&object.source).await {
        Ok(None) => TransferError::Missing { object: object.source.clone() },
        Ok(Some(found)) if found.listed.size != object.size => TransferError::WrongSize {
            object: object.source.clone(),
            expected: object.size,
            found: found.listed.size,
        },
        _ => TransferError::Engine { reason: cause.words.clone() },
    }
}

/// Commits the copy. Its bytes are made anew rather than carried over, so they are compared once more.
async fn finish(
    manifest: &Manifest,
    digest: &str,
    target: &Shelf,
    prefix: &Prefix,
) -> Result<(), TransferError> {
    let (_, encoded) = manifest.encode();
    if encoded != digest {
        let reason = "it is not in canonical form".to_owned();
        return Err(TransferError::BadManifest { prefix: prefix.to_string(), reason });
    }
    commit(manifest, target, prefix).await.map(drop)
}
