//! Leases that were given back, so that nobody asks for them any more.
//!
//! A broker that lost a connection gives back what it had asked for over it, on another. The question may still be on
//! its way: in a packet that is sent again, in a pipe, in a process that stood still. So whatever is given back is
//! barred, before it is looked for.
//!
//! *Guarantee.* Once it was answered that a lease is given back, or that there is none, no question that arrives within
//! [`BARRED_FOR`] makes it.

use crate::machine::{is_component, make_private, private_file};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use welkin_provider::LeaseId;

/// A server that hears nothing for a minute ends, and what is not delivered until then is not delivered to it. Ten
/// times that.
const BARRED_FOR: Duration = Duration::from_secs(600);

/// Those of one host, in a folder: empty files with the names of leases.
#[derive(Debug, Clone)]
pub(super) struct Barred {
    folder: PathBuf,
}

impl Barred {
    /// Opens it, and lets go of what was barred long ago.
    pub(super) fn open(cloud: &Path) -> io::Result<Self> {
        let folder = cloud.join("barred");
        make_private(&folder)?;
        for entry in fs::read_dir(&folder)?.flatten() {
            let age =
                entry.metadata().and_then(|about| about.modified()).ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > BARRED_FOR) {
                // Another login may have done so.
                let _ = fs::remove_file(entry.path());
            }
        }
        Ok(Self { folder })
    }

    /// Lets nobody ask for a lease any more. Killed processes leave the file, and a power cut ends whatever was on its
    /// way. What cannot be the id of a lease needs no bar.
    pub(super) fn bar(&self, lease: &LeaseId) -> io::Result<()> {
        if !is_component(&lease.0) {
            return Ok(());
        }
        private_file().open(self.folder.join(&lease.0)).map(drop)
    }

    pub(super) fn is_barred(&self, lease: &LeaseId) -> bool {
        self.folder.join(&lease.0).exists()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn what_was_barred_long_ago_is_let_go() {
        let root = tempfile::tempdir().unwrap();
        let [old, new] = ["ssh-1", "ssh-2"].map(|id| LeaseId(id.to_owned()));
        let barred = Barred::open(root.path()).unwrap();
        barred.bar(&old).unwrap();
        barred.bar(&new).unwrap();
        let file = fs::File::open(barred.folder().join(&old.0)).unwrap();
        file.set_modified(SystemTime::now() - 2 * BARRED_FOR).unwrap();
        let barred = Barred::open(root.path()).unwrap();
        assert_eq!([&old, &new].map(|lease| barred.is_barred(lease)), [false, true]);
    }
}
