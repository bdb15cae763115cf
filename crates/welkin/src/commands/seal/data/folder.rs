//! A data set in its folder.

use super::refused;
use crate::app::App;
use crate::commands::seal::{keyring, read};
use std::path::{Path, PathBuf};
use welkin_seal::{DataKeys, Snapshot};

/// What a folder has.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) snapshot: Snapshot,
    pub(super) keys: DataKeys,
}

impl Folder {
    /// Reads a folder whose owner is known and signed both files.
    pub(super) fn read(path: &Path, app: &App) -> anyhow::Result<Self> {
        let fault = || refused(path, "is no sealed data set");
        let snapshot = Snapshot::read(&read(&path.join("snapshot.json"))?)
            .map_err(|error| anyhow::Error::new(error).context(fault()))?;
        let keys = DataKeys::read(&read(&path.join("keys.json"))?)
            .map_err(|error| anyhow::Error::new(error).context(fault()))?;
        let owner = keyring::party(app, &snapshot.party)?;
        snapshot.is_of(&owner).map_err(|error| anyhow::Error::new(error).context(fault()))?;
        keys.is_of(&owner).map_err(|error| anyhow::Error::new(error).context(fault()))?;
        if (&keys.name, keys.version) != (&snapshot.name, snapshot.version) {
            return Err(refused(path, "has the keys of another data set").into());
        }
        Ok(Self { path: path.to_owned(), snapshot, keys })
    }

    /// Writes snapshot and keys into the folder.
    pub(super) fn write(&self) -> anyhow::Result<()> {
        for (name, bytes) in [("snapshot.json", self.snapshot.write()), ("keys.json", self.keys.write())] {
            let path = self.path.join(name);
            keyring::write_new(&path, &bytes).map_err(|error| keyring::unwritten(error, &path))?;
        }
        Ok(())
    }
}
