//! Folders of rounds.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// The folder of one round; gone with it unless it is kept.
#[derive(Debug)]
pub(super) struct Scratch(tempfile::TempDir);

impl Scratch {
    /// A short path: sockets lie below it, and what names one has at most 107 bytes.
    pub(super) fn new(seed: u64) -> Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix(&format!("wo{seed}-")).tempdir()?))
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Leaves it where it is.
    pub(super) fn keep(self) -> PathBuf {
        self.0.keep()
    }
}
