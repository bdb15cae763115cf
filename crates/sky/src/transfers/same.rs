//! What transfers have in common that do the same between the same places: which was the last, and that one at a time
//! does it.
//!
//! *Rejected:* finding the last by the time in its name: clocks are set back.

use crate::error::SkyError;
use crate::private::{own_file, own_folder, replace};
use rustix::fs::{FlockOperation, flock};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of its own, named by the hash of what they do.
#[derive(Debug)]
pub struct Same {
    folder: Option<PathBuf>,
}

impl Same {
    /// Of transfers of an older version, which have no such hash, there is none.
    pub(super) fn new(root: &Path, what: &str) -> Self {
        let hash = blake3::Hash::from_hex(what).ok();
        Self { folder: hash.map(|hash| root.join("same").join(hash.to_hex().as_str())) }
    }

    fn path(&self, name: &str) -> Result<PathBuf, SkyError> {
        self.folder.as_ref().map(|folder| folder.join(name)).ok_or(SkyError::OldTransfer)
    }

    /// Keeps others from doing the same at the same time: each would take the other's unfinished uploads for its own.
    pub(super) fn lock(&self) -> Result<fs::File, SkyError> {
        let path = self.path("lock")?;
        for folder in path.ancestors().skip(1).take(2).collect::<Vec<_>>().into_iter().rev() {
            own_folder(folder)?;
        }
        let file = own_file(&path).map_err(SkyError::writing(&path))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(file);
        }
        Err(SkyError::SameTransfer {
            running: self.last().unwrap_or_else(|| "one without a name".to_owned()),
        })
    }

    /// Name of the last of them.
    #[must_use]
    pub fn last(&self) -> Option<String> {
        let text = fs::read_to_string(self.path("last").ok()?).ok()?;
        let id = text.trim();
        (!id.is_empty() && !id.contains('/')).then(|| id.to_owned())
    }

    pub(super) fn set_last(&self, id: &str) -> Result<(), SkyError> {
        let path = self.path("last")?;
        replace(&path, id.as_bytes()).map_err(SkyError::writing(&path))
    }

    /// Where it is kept which versions of both sides belong together.
    #[must_use]
    pub fn pairs(&self) -> Option<PathBuf> {
        self.path("pairs").ok()
    }

    pub(super) fn forget(&self) -> Result<(), SkyError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        fs::remove_dir_all(folder).map_err(SkyError::writing(folder))
    }
}
