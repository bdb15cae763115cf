//! What transfers have in common that do the same between the same places: which was the last, and that one at a time
//! does it.
//!
//! *Rejected:* finding the last by the time in its name: clocks are set back.

use crate::moving::private;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use rustix::fs::{FlockOperation, flock};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of its own, named by the hash of what they do.
pub(crate) struct Same {
    folder: Option<PathBuf>,
}

impl Same {
    /// Of transfers of an older version, which have no such hash, there is none.
    pub(super) fn new(root: &Path, what: &str) -> Self {
        let hash = blake3::Hash::from_hex(what).ok();
        Self { folder: hash.map(|hash| root.join("same").join(hash.to_hex().as_str())) }
    }

    fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        self.folder
            .as_ref()
            .map(|folder| folder.join(name))
            .context("a transfer without the hash of what it does")
    }

    /// Keeps others from doing the same at the same time: each would take the other's unfinished uploads for its own.
    pub(super) fn lock(&self) -> anyhow::Result<fs::File> {
        let path = self.path("lock")?;
        for folder in path.ancestors().skip(1).take(2).collect::<Vec<_>>().into_iter().rev() {
            private::folder(folder)?;
        }
        let file = private::open(&path).with_context(|| format!("opening {}", path.display()))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Ok(file);
        }
        let running = self.last().map_or_else(String::new, |id| format!(" as {id}"));
        let message = format!("the same transfer is under way in another process{running}");
        Err(Fault::new(Code::Transfer, message).hint("`welkin transfers` shows how far it is").into())
    }

    /// Name of the last of them.
    pub(crate) fn last(&self) -> Option<String> {
        let text = fs::read_to_string(self.path("last").ok()?).ok()?;
        let id = text.trim();
        (!id.is_empty() && !id.contains('/')).then(|| id.to_owned())
    }

    pub(super) fn set_last(&self, id: &str) -> anyhow::Result<()> {
        private::write(&self.path("last")?, id.as_bytes())
    }

    /// Where it is kept which versions of both sides belong together.
    pub(super) fn pairs(&self) -> Option<PathBuf> {
        self.path("pairs").ok()
    }

    pub(super) fn forget(&self) -> anyhow::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))
    }
}
