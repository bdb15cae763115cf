//! Files and folders that are nobody else's business, whatever the umask.

use crate::error::SkyError;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Makes the folders that are missing, for the user alone.
///
/// # Errors
/// Those of the operating system.
pub fn make_private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Makes a folder, or takes one that is there, for its owner alone.
pub(crate) fn own_folder(path: &Path) -> Result<(), SkyError> {
    let made = make_private(path);
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(0o700)))
        .map_err(SkyError::writing(path))
}

/// Opens a file to write, making it if need be, for its owner alone.
pub(crate) fn own_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Puts a file into place, whole or not at all, making its folder if need be, for the user alone.
///
/// # Errors
/// Those of the operating system.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    make_private(folder)?;
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(bytes)?;
    draft.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn folders_and_files_are_the_users_alone() {
        let root = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        let made = root.path().join("a/b");
        make_private(&made).unwrap();
        assert_eq!((mode(&made), mode(&root.path().join("a"))), (0o700, 0o700));
        let file = made.join("c/f");
        replace(&file, b"1").unwrap();
        replace(&file, b"2").unwrap();
        assert_eq!((fs::read(&file).unwrap(), mode(&file)), (b"2".to_vec(), 0o600));
    }
}
