//! The key that seals secrets in the broker's records: made once, kept apart from them.

use crate::error::SkyError;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use welkin_broker::SealKey;

/// The key in a file, made when it is not there.
pub(super) fn seal(path: &Path) -> Result<SealKey, SkyError> {
    let bytes = read(path).and_then(|key| key.map_or_else(|| make(path), Ok));
    bytes
        .map(SealKey::new)
        .map_err(|source| SkyError::Key { path: path.to_owned(), source: Box::new(source) })
}

fn read(path: &Path) -> io::Result<Option<[u8; 32]>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if file.metadata()?.mode() & 0o077 != 0 {
        let why = format!("others may read it: `chmod 600 {}` closes it", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    let mut bytes = [0; 32];
    file.read_exact(&mut bytes).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => io::Error::other("it is too short for a key"),
        _ => error,
    })?;
    Ok(Some(bytes))
}

/// Makes the key. Of two processes that do so at once one wins, and both use its key.
fn make(path: &Path) -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    // A link is made only where nothing is; a rename would take the place of the other's key.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| io::Error::other("it is gone again"))
        }
        made => made.map(|()| bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_key_is_made_once_and_one_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/seal.key");
        assert_eq!(read(&path).unwrap(), None);
        let key = make(&path).unwrap();
        assert_eq!(read(&path).unwrap(), Some(key));
        assert_eq!(make(&path).unwrap(), key, "the second who makes it takes the first one's");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
