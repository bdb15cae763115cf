//! A data set in its folder.

use super::refused;
use crate::app::App;
use crate::commands::seal::{keyring, policy, read};
use crate::report::{Code, Fault};
use std::path::{Path, PathBuf};
use welkin_seal::{DataKeys, Identity, Name, Policy, Receipt, Snapshot};

/// What a folder has.
pub(in crate::commands::seal) struct Folder {
    pub(in crate::commands::seal) path: PathBuf,
    pub(in crate::commands::seal) snapshot: Snapshot,
    pub(in crate::commands::seal) keys: DataKeys,
}

/// The engine that made a result.
fn engine(path: &Path, snapshot: &Snapshot, policy: &Policy, app: &App) -> anyhow::Result<Identity> {
    let fault = || Fault::new(Code::SealEvidence, format!("{} proves nothing", path.display()));
    let receipt = Receipt::read(&read(path)?).map_err(|error| anyhow::Error::new(error).context(fault()))?;
    let engine = receipt
        .verify(&keyring::parties(app)?, policy, snapshot.created)
        .map_err(|error| anyhow::Error::new(error).context(fault()))?;
    let kind = receipt.attested.evidence.kind;
    app.note(&format!(
        "A result under the contract {}, by an engine of {}.",
        receipt.contract.digest(),
        kind.title()
    ));
    Ok(engine.clone())
}

impl Folder {
    /// Reads a folder whose owner is known and signed both files. That of a result is an engine, which its receipt makes known to a
    /// recipient by the recipient's policy.
    pub(in crate::commands::seal) fn read(
        path: &Path,
        app: &App,
        recipient: Option<(&Name, Option<&Path>)>,
    ) -> anyhow::Result<Self> {
        let fault = || refused(path, "is not a sealed data set");
        let snapshot = Snapshot::read(&read(&path.join("snapshot.json"))?)
            .map_err(|error| anyhow::Error::new(error).context(fault()))?;
        let keys = DataKeys::read(&read(&path.join("keys.json"))?)
            .map_err(|error| anyhow::Error::new(error).context(fault()))?;
        let receipt = path.join("receipt.json");
        let owner = match recipient {
            Some((party, given)) if receipt.exists() => {
                engine(&receipt, &snapshot, &policy::of(party, given, app)?, app)?
            }
            _ => keyring::party(app, &snapshot.party)?,
        };
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
