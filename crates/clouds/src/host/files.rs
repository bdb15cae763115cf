//! The data of one node: files that come before a step and go after it.
//!
//! A file is written piece by piece under a name that nobody reads and appears whole. Paths come from outside
//! and are taken only where each part is a plain name; the folder is the node's own and goes with its lease.

use super::drafts::{Drafts, UNFINISHED};
use super::server::PROVIDER;
use crate::remote::PIECE_BYTES;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use welkin_provider::{ErrorKind, ProviderError};

/// Most files that one question tells of; a tree has a manifest and some thousand packs at the most.
const MOST_FILES: usize = 100_000;

/// The data of a node.
#[derive(Debug)]
pub(super) struct Data {
    root: PathBuf,
    drafts: Arc<Drafts>,
}

impl Data {
    /// That of the node with this folder; `drafts` outlive it.
    pub(super) fn below(node: &Path, drafts: Arc<Drafts>) -> Self {
        Self { root: node.join("data"), drafts }
    }

    /// Its absolute path, made.
    pub(super) fn path(&self) -> Result<String, ProviderError> {
        make_below(&self.root, &self.root).map_err(|error| fault(&self.root, &error))?;
        Ok(self.root.to_string_lossy().into_owned())
    }

    /// Writes a piece; the last one makes the file appear.
    pub(super) async fn write(
        &self,
        path: String,
        offset: u64,
        last: bool,
        piece: Vec<u8>,
    ) -> Result<(), ProviderError> {
        let (root, drafts, target) = (self.root.clone(), Arc::clone(&self.drafts), self.place(&path)?);
        apart(move || {
            if let Some(folder) = target.parent() {
                make_below(&root, folder).map_err(|error| fault(folder, &error))?;
            }
            drafts.write(&target, offset, last, &piece).map_err(|error| fault(&target, &error))
        })
        .await
    }

    /// Reads a piece, and says whether it is the last.
    pub(super) async fn read(&self, path: String, offset: u64) -> Result<(Vec<u8>, bool), ProviderError> {
        let target = self.place(&path)?;
        apart(move || {
            let file = File::open(&target).map_err(|error| fault(&target, &error))?;
            let length = file.metadata().map_err(|error| fault(&target, &error))?.len();
            let left = usize::try_from(length.saturating_sub(offset)).unwrap_or(usize::MAX);
            let mut piece = vec![0; left.min(PIECE_BYTES)];
            file.read_exact_at(&mut piece, offset).map_err(|error| fault(&target, &error))?;
            Ok((piece, left <= PIECE_BYTES))
        })
        .await
    }

    /// Every whole file below a folder, with its size.
    pub(super) async fn files(&self, below: String) -> Result<Vec<(String, u64)>, ProviderError> {
        let (root, start) = (self.root.clone(), self.place(&below)?);
        apart(move || {
            let mut found = Vec::new();
            let mut folders = vec![start];
            while let Some(folder) = folders.pop() {
                list(&root, &folder, &mut folders, &mut found).map_err(|error| fault(&folder, &error))?;
            }
            found.sort();
            Ok(found)
        })
        .await
    }

    fn place(&self, path: &str) -> Result<PathBuf, ProviderError> {
        let plain = |part| matches!(part, Component::Normal(_));
        let given = Path::new(path);
        if path.is_empty() || path.contains('\0') || !given.components().all(plain) {
            let message = format!("{path:?} is not a path of a node's data");
            return Err(ProviderError::new(PROVIDER, "data", ErrorKind::Invalid, message));
        }
        Ok(self.root.join(given))
    }
}

fn list(
    root: &Path,
    folder: &Path,
    folders: &mut Vec<PathBuf>,
    found: &mut Vec<(String, u64)>,
) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            folders.push(path);
        } else if kind.is_file() && !path.to_string_lossy().ends_with(UNFINISHED) {
            if found.len() == MOST_FILES {
                return Err(io::Error::other(format!("there are more than {MOST_FILES} files")));
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            found.push((name, entry.metadata()?.len()));
        }
    }
    Ok(())
}

/// Makes the folders from `root` down to `folder` that are missing, and none above: the node's own folder
/// goes with its lease, and whoever comes too late must not bring it back.
fn make_below(root: &Path, folder: &Path) -> io::Result<()> {
    let below = folder.strip_prefix(root).unwrap_or(Path::new(""));
    let mut path = root.to_owned();
    for part in std::iter::once(None).chain(below.components().map(Some)) {
        path.extend(part);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Does work that waits for a disk away from the threads of the runtime.
async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProviderError> + Send + 'static,
) -> Result<T, ProviderError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) => {
            let message = format!("the call did not finish: {stopped}");
            Err(ProviderError::new(PROVIDER, "data", ErrorKind::Transient, message))
        }
    }
}

fn fault(path: &Path, error: &io::Error) -> ProviderError {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoCapacity,
        _ => ErrorKind::Transient,
    };
    ProviderError::new(PROVIDER, "data", kind, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::below(folder.path(), Arc::default());
        let path = || "runs/x/pack".to_owned();
        data.write(path(), 0, false, b"one".to_vec()).await.unwrap();
        assert!(data.files("runs".to_owned()).await.unwrap().is_empty());
        assert_eq!(data.read(path(), 0).await.unwrap_err().kind, ErrorKind::NotFound);
        // A sender that began again after a cut leaves nothing of the first try.
        data.write(path(), 0, false, b"o".to_vec()).await.unwrap();
        data.write(path(), 1, true, b"ne".to_vec()).await.unwrap();
        assert_eq!(data.files("runs".to_owned()).await.unwrap(), [("runs/x/pack".to_owned(), 3)]);
        assert_eq!(data.read(path(), 1).await.unwrap(), (b"ne".to_vec(), true));
    }

    /// A piece of a file whose beginning went to another process, before the connection broke.
    #[tokio::test]
    async fn a_piece_without_what_comes_before_it_is_to_be_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = || "runs/x/pack".to_owned();
        let server = || Data::below(folder.path(), Arc::default());
        let data = server();
        data.write(path(), 0, false, b"one".to_vec()).await.unwrap();
        data.write(path(), 3, false, b"two".to_vec()).await.unwrap();
        let next = server();
        for last in [false, true] {
            let refused = next.write(path(), 6, last, b"three".to_vec()).await.unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Transient, "{refused}");
        }
        assert!(next.files("runs".to_owned()).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn large_files_are_read_in_pieces() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::below(folder.path(), Arc::default());
        let whole: Vec<u8> = (0..PIECE_BYTES + 5).map(|at| (at % 251) as u8).collect();
        data.write("f".to_owned(), 0, true, whole.clone()).await.unwrap();
        let (first, last) = data.read("f".to_owned(), 0).await.unwrap();
        assert!(!last && first.len() == PIECE_BYTES);
        let (rest, last) = data.read("f".to_owned(), PIECE_BYTES as u64).await.unwrap();
        assert!(last);
        assert_eq!([first, rest].concat(), whole);
    }

    #[tokio::test]
    async fn paths_stay_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let data = Data::below(folder.path(), Arc::default());
        for path in ["", "/etc/passwd", "../x", "a/../../x", "./a", "a\0b"] {
            let refused = data.write(path.to_owned(), 0, true, Vec::new()).await.unwrap_err();
            assert_eq!(refused.kind, ErrorKind::Invalid, "{path:?}");
            assert_eq!(data.read(path.to_owned(), 0).await.unwrap_err().kind, ErrorKind::Invalid, "{path:?}");
        }
    }
}
