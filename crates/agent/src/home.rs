//! Where things are in a node's home.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use welkin_provider::StepId;

/// Longest name of a step's folder: a file name has at most 255 bytes.
const MAX_FOLDER_BYTES: usize = 200;

/// The folder in a node's home that holds the agent's own records.
pub(crate) const OWN: &str = ".welkin";

/// The layout of one node's home, and the lock that makes this agent its only one.
#[derive(Debug)]
pub(crate) struct Home {
    root: PathBuf,
    _lock: File,
}

impl Home {
    /// Makes what is missing and takes the lock; `None` when another agent has it.
    pub(crate) fn open(root: &Path) -> io::Result<Option<Self>> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        let root = root.canonicalize()?;
        let own = root.join(OWN);
        for folder in [&own, &own.join("steps"), &own.join("tmp")] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // Also when an earlier, more generous hand has made it: step folders hold scripts.
        std::fs::set_permissions(&own, Permissions::from_mode(0o700))?;
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(own.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { root, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn steps(&self) -> PathBuf {
        self.root.join(".welkin/steps")
    }

    pub(crate) fn tmp(&self) -> PathBuf {
        self.root.join(".welkin/tmp")
    }

    /// What logins are made of.
    pub(crate) fn logins(&self) -> PathBuf {
        self.root.join(".welkin/ssh")
    }

    /// The file that appears when the node is about to be taken away; holds the time in milliseconds.
    pub(crate) fn preemption(&self) -> PathBuf {
        self.root.join(".welkin/preemption")
    }

    /// The folder of a step; `None` when its id cannot name one.
    pub(crate) fn step(&self, id: &StepId) -> Option<PathBuf> {
        folder_name(&id.0).map(|name| self.steps().join(name))
    }
}

/// Ids may hold any character; a folder's name holds letters, digits, `-`, `_` and inner dots.
fn folder_name(id: &str) -> Option<String> {
    let mut name = String::with_capacity(id.len());
    for byte in id.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            b'.' if !name.is_empty() => name.push('.'),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    (!name.is_empty() && name.len() <= MAX_FOLDER_BYTES).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_the_folder_of_steps() {
        assert_eq!(folder_name("run-1.train_0"), Some("run-1.train_0".into()));
        assert_eq!(folder_name("../x"), Some("%2E.%2Fx".into()));
        assert_eq!(folder_name("."), Some("%2E".into()));
        assert_eq!(folder_name("a/b"), Some("a%2Fb".into()));
        assert_eq!(folder_name(""), None);
        assert_eq!(folder_name(&"x".repeat(300)), None);
    }

    #[test]
    fn a_home_has_one_agent() {
        let folder = tempfile::tempdir().unwrap();
        let first = Home::open(folder.path()).unwrap();
        assert!(first.is_some());
        assert!(Home::open(folder.path()).unwrap().is_none());
        drop(first);
        assert!(Home::open(folder.path()).unwrap().is_some());
    }
}
