//! A file that is sealed as a whole: what is no table, such as a model. No engine is needed to open it.

use super::{Folder, refused};
use crate::commands::seal::{keyring, sha256};
use crate::report::{Code, Fault};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use welkin_seal::{FOOTER, Kek, SnapshotFile, open_whole};

/// Opens the one file of a data set that is no table.
pub(super) fn open(folder: &Folder, kek: &Kek) -> anyhow::Result<Vec<u8>> {
    let Folder { path, snapshot, keys } = folder;
    let [file] = &snapshot.files[..] else {
        return Err(refused(path, "has neither columns nor one file").into());
    };
    let key = keys.column(kek, &file.name, FOOTER).map_err(|error| {
        anyhow::Error::new(error).context(refused(path, "has no key that opens its file"))
    })?;
    let sealed = read(&path.join(&file.name), file)?;
    let place = (&snapshot.party, &snapshot.name, snapshot.version, file.name.as_str());
    let opened = open_whole(&key, place, &sealed);
    opened.map(|bytes| bytes.to_vec()).ok_or_else(|| changed(&path.join(&file.name)).into())
}

/// The file that was signed: neither longer nor another.
fn read(path: &Path, of: &SnapshotFile) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file =
        File::open(path).and_then(|file| file.take(of.bytes.saturating_add(1)).read_to_end(&mut bytes));
    file.map_err(|error| keyring::unwritten(error, path))?;
    let same = bytes.len() as u64 == of.bytes && sha256(&bytes) == of.sha256;
    if same { Ok(bytes) } else { Err(changed(path).into()) }
}

fn changed(path: &Path) -> Fault {
    let what =
        format!("{} is not the file that the snapshot names: it was changed, or is another", path.display());
    Fault::new(Code::SealData, what)
}
