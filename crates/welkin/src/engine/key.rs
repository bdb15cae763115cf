//! The key that seals secrets in the broker's records: made once, kept apart from them.

use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use welkin_broker::SealKey;

/// The user's key, made when it is not there; `None` where the user has no folder of their own.
pub(super) fn seal() -> anyhow::Result<Option<SealKey>> {
    let Some(path) = path(|name| std::env::var_os(name)) else { return Ok(None) };
    let failed = || Fault::new(Code::Store, format!("cannot use the key of secrets in {}", path.display()));
    let bytes = match read(&path).with_context(failed)? {
        Some(bytes) => bytes,
        None => make(&path).with_context(failed)?,
    };
    Ok(Some(SealKey::new(bytes)))
}

fn path(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let folder = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join("welkin/seal.key"))
}

fn read(path: &Path) -> anyhow::Result<Option<[u8; 32]>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if file.metadata()?.mode() & 0o077 != 0 {
        anyhow::bail!("others may read it: `chmod 600 {}` closes it", path.display());
    }
    let mut bytes = [0; 32];
    file.read_exact(&mut bytes).context("it is too short for a key")?;
    Ok(Some(bytes))
}

/// Makes the key. Of two processes that do so at once one wins, and both use its key.
fn make(path: &Path) -> anyhow::Result<[u8; 32]> {
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
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => read(path)?.context("it is gone again"),
        made => Ok(made.map(|()| bytes)?),
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
