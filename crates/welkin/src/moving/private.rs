//! Files and folders that are nobody else's business, whatever the umask: names of objects, command lines, hashes.

use anyhow::Context as _;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes a folder, or takes one that is there, for its owner alone.
pub(super) fn folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .with_context(|| format!("making {}", path.display()))
}

/// Opens a file to write, making it if need be, for its owner alone.
pub(super) fn open(path: &Path) -> io::Result<fs::File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Writes a file whole or not at all, by way of one beside it.
pub(super) fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let beside = path.with_extension("part");
    let written = open(&beside).and_then(|mut file| {
        file.set_len(0)?;
        file.write_all(content)?;
        fs::rename(&beside, path)
    });
    written.with_context(|| format!("writing {}", path.display()))
}
