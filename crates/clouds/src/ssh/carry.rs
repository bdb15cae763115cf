//! Data between the stores of this machine and a node's own data on a host.
//!
//! 1. Of a tree that a step reads, the files that are not there yet are sent, the manifest last. The node checks them by
//!    their digest.
//! 2. Of a tree that a step published, the files that are not here yet are fetched, the manifest last.
//!
//! What is fetched has to have [room](super::room) here before it comes, and is as long as was said.
//!
//! *Guarantee.* Doing any of it again after a crash copies what is missing and changes nothing else. Where an
//! output goes is [noted](super::notes) on this machine, and a host names no path outside of it.

use super::node::SshNode;
use super::notes::Destination;
use super::room;
use crate::remote::{Answer, Ask, PIECE_BYTES};
use futures::stream::{self, StreamExt};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use welkin_address::Service;
use welkin_provider::{Access, ErrorKind, ProviderError, Publish, StepId, StoreAccess};

/// Goes last, so that no tree is seen half copied.
const MANIFEST: &str = "manifest.json";

impl SshNode {
    /// Copies a tree there, unless it is there.
    pub(super) async fn bring(&self, store: &StoreAccess, prefix: &str) -> Result<(), ProviderError> {
        let root = self.local(store)?;
        let there: BTreeMap<String, u64> = self.files(prefix).await?.into_iter().collect();
        if there.contains_key(&format!("{prefix}/{MANIFEST}")) {
            return Ok(());
        }
        let below = PathBuf::from(prefix);
        let files = {
            let root = root.clone();
            apart(move || files_below(&root, &below))
                .await
                .map_err(|error| self.disk("bring data", &error))?
        };
        for (path, size) in files {
            if there.get(&path) != Some(&size) {
                self.send(&root, &path, size).await?;
            }
        }
        Ok(())
    }

    /// Sends a file: the first piece makes it, the last makes it appear, those between are on the line together.
    async fn send(&self, root: &Path, path: &str, size: u64) -> Result<(), ProviderError> {
        let operation = format!("send {path}");
        let whole = root.join(path);
        let file = apart(move || File::open(whole)).await.map_err(|error| self.disk(&operation, &error))?;
        let file = Arc::new(file);
        let send = |piece: Piece| self.send_piece(&operation, path, Arc::clone(&file), piece);
        for first in pieces(size).take(1) {
            send(first).await?;
        }
        let between = pieces(size).skip(1).filter(|piece| !piece.last);
        let mut sent = stream::iter(between.map(send)).buffer_unordered(PIECES_AT_ONCE);
        while let Some(done) = sent.next().await {
            done?;
        }
        for last in pieces(size).skip(1).filter(|piece| piece.last) {
            send(last).await?;
        }
        Ok(())
    }

    async fn send_piece(
        &self,
        operation: &str,
        path: &str,
        file: Arc<File>,
        piece: Piece,
    ) -> Result<(), ProviderError> {
        let read = apart(move || {
            let mut bytes = vec![0; piece.length];
            file.read_exact_at(&mut bytes, piece.offset).map(|()| bytes)
        });
        let bytes = read.await.map_err(|error| self.disk(operation, &error))?;
        self.put(operation, path, piece.offset, piece.last, &bytes).await
    }

    async fn put(
        &self,
        operation: &str,
        path: &str,
        offset: u64,
        last: bool,
        piece: &[u8],
    ) -> Result<(), ProviderError> {
        let (lease, rank) = (self.lease.clone(), self.rank);
        self.done(operation, &Ask::Put { lease, rank, path: path.to_owned(), offset, last }, piece).await
    }

    /// Writes down where the outputs of a step go.
    pub(super) async fn note(&self, step: &StepId, publishes: &[Publish]) -> Result<(), ProviderError> {
        let (notes, step, publishes) = (self.notes.clone(), step.clone(), publishes.to_vec());
        let kept = apart(move || notes.keep(&step, &publishes)).await;
        kept.map_err(|error| self.disk("note outputs", &error))
    }

    pub(super) async fn fetch_back(&self, step: &StepId, name: &str) -> Result<(), ProviderError> {
        let key = (step.clone(), name.to_owned());
        if self.brought().contains(&key) {
            return Ok(());
        }
        let operation = format!("fetch output {name}");
        let (notes, noted) = (self.notes.clone(), step.clone());
        let notes = apart(move || notes.read(&noted)).await.map_err(|error| self.disk(&operation, &error))?;
        let Some(Destination { store, prefix }) = notes.get(name) else {
            let message = format!("the step has no output {name}");
            return Err(self.reach.error(&operation, ErrorKind::Invalid, message));
        };
        let root = self.local(store)?;
        let mut files = self.files(prefix).await?;
        files.retain(|(path, size)| !fs::metadata(root.join(path)).is_ok_and(|about| about.len() == *size));
        room::check(&root.join(prefix), files.iter().map(|(_, size)| *size))
            .map_err(|error| self.disk(&operation, &error))?;
        // The manifest last.
        files.sort_by_key(|(path, _)| path.ends_with(MANIFEST));
        for (path, size) in files {
            self.receive(&operation, &path, size, &root.join(&path)).await?;
        }
        self.brought().insert(key);
        Ok(())
    }

    /// Fetches a file of so many bytes: a host that goes on sending does not fill this disk.
    async fn receive(
        &self,
        operation: &str,
        path: &str,
        size: u64,
        whole: &Path,
    ) -> Result<(), ProviderError> {
        let fault = |error: io::Error| self.disk(operation, &error);
        let folder = whole.parent().unwrap_or(Path::new("/")).to_owned();
        let draft = apart(move || {
            fs::create_dir_all(&folder)?;
            Draft::new(&folder)
        });
        let draft = Arc::new(draft.await.map_err(fault)?);
        let fetches =
            pieces(size).map(|piece| self.receive_piece(operation, path, Arc::clone(&draft), piece));
        let mut fetched = stream::iter(fetches).buffer_unordered(PIECES_AT_ONCE);
        while let Some(done) = fetched.next().await {
            done?;
        }
        drop(fetched);
        let whole = whole.to_owned();
        apart(move || draft.keep(&whole)).await.map_err(fault)
    }

    async fn receive_piece(
        &self,
        operation: &str,
        path: &str,
        draft: Arc<Draft>,
        piece: Piece,
    ) -> Result<(), ProviderError> {
        let (bytes, last) = self.read(operation, path, piece.offset).await?;
        if bytes.len() != piece.length || last != piece.last {
            let message = format!("{path} is not as long as the host said");
            return Err(self.reach.error(operation, ErrorKind::Transient, message));
        }
        let written = apart(move || {
            // Others write here too.
            room::check(&draft.path, [bytes.len() as u64])?;
            draft.file.write_all_at(&bytes, piece.offset)
        });
        written.await.map_err(|error| self.disk(operation, &error))
    }

    /// A piece of a file there, and whether it is the last.
    async fn read(&self, operation: &str, path: &str, offset: u64) -> Result<(Vec<u8>, bool), ProviderError> {
        let (lease, rank) = (self.lease.clone(), self.rank);
        let ask = Ask::Get { lease, rank, path: path.to_owned(), offset };
        match self.reach.call(operation, &ask, &[], Duration::ZERO).await? {
            (Answer::Piece { last }, piece) if last || !piece.is_empty() => Ok((piece, last)),
            _ => Err(self.odd(operation)),
        }
    }

    async fn files(&self, below: &str) -> Result<Vec<(String, u64)>, ProviderError> {
        let (lease, rank) = (self.lease.clone(), self.rank);
        let ask = Ask::Files { lease, rank, below: below.to_owned() };
        match self.reach.call("list data", &ask, &[], Duration::ZERO).await? {
            // What a host names becomes a path of this machine.
            (Answer::Files(files), _) if files.iter().all(|(path, _)| is_below(path, below)) => Ok(files),
            _ => Err(self.odd("list data")),
        }
    }

    /// The folder of a store of this machine.
    fn local(&self, store: &StoreAccess) -> Result<PathBuf, ProviderError> {
        match (store.address.service, &store.access) {
            (Service::File, Access::Open) => Ok(PathBuf::from(&store.address.key)),
            _ => {
                let message = format!("{store} is not a store of this machine");
                Err(self.reach.error("open a store", ErrorKind::NotSupported, message))
            }
        }
    }
}

/// Pieces of one file on the line at once: at 100 Mbit/s and 80 ms a mebibyte is on its way as long as the answer to
/// the one before.
const PIECES_AT_ONCE: usize = 8;

/// A piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    offset: u64,
    length: usize,
    last: bool,
}

/// The pieces of a file of so many bytes; an empty one has one. The size may be a claim, so none is made before it is
/// asked for.
fn pieces(size: u64) -> impl Iterator<Item = Piece> {
    let length = PIECE_BYTES as u64;
    let count = size.div_ceil(length).max(1);
    (0..count).map(move |number| {
        let offset = number * length;
        let length = usize::try_from(size - offset).unwrap_or(usize::MAX).min(PIECE_BYTES);
        Piece { offset, length, last: number + 1 == count }
    })
}

fn is_below(path: &str, below: &str) -> bool {
    let plain = |part| matches!(part, std::path::Component::Normal(_));
    Path::new(path).starts_with(below) && Path::new(path).components().all(plain)
}

/// A file on its way.
#[derive(Debug)]
struct Draft {
    file: File,
    path: PathBuf,
}

impl Draft {
    fn new(folder: &Path) -> io::Result<Self> {
        static COUNTER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let count = COUNTER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        // As the stores of this machine mark what is not whole, so that no list shows it.
        let mark = crate::machine::short_hash(format!("{} {count}", std::process::id()).as_bytes());
        let path = folder.join(format!(".welkin-{mark}-whole"));
        let file = File::create_new(&path)?;
        Ok(Self { file, path })
    }

    fn keep(&self, whole: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, whole)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Renamed already, as a rule.
        let _ = fs::remove_file(&self.path);
    }
}

/// Every file below a folder of a store, with its size; the manifest last.
fn files_below(root: &Path, below: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut found = Vec::new();
    let mut folders = vec![root.join(below)];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            // The node says that the input is missing.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let (path, about) = (entry.path(), entry.metadata()?);
            if about.is_dir() {
                folders.push(path);
            } else if about.is_file() {
                let name = path.strip_prefix(root).map_err(io::Error::other)?;
                found.push((name.to_string_lossy().into_owned(), about.len()));
            }
        }
    }
    found.sort_by_key(|(path, _)| (path.ends_with(MANIFEST), path.clone()));
    Ok(found)
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|stopped| Err(io::Error::other(stopped)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_a_file_once() {
        let piece = PIECE_BYTES as u64;
        for size in [0, 1, piece - 1, piece, piece + 1, 5 * piece, 5 * piece + 7] {
            let mut next = 0;
            let mut ended = false;
            for piece in pieces(size) {
                assert!(piece.offset == next && !ended, "{size}");
                (next, ended) = (next + piece.length as u64, piece.last);
            }
            assert_eq!((next, ended), (size, true));
        }
        assert_eq!((pieces(0).count(), pieces(piece).count(), pieces(piece + 1).count()), (1, 1, 2));
        assert_eq!(pieces(u64::MAX).next().map(|piece| piece.length), Some(PIECE_BYTES));
    }
}
