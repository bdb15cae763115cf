//! Where the outputs of steps go, written down beside the lease's record on this machine: events are read on by
//! processes that never saw the step.
//!
//! *Guarantee.* Nobody on a host has a say in which folder of this machine something is written to. *Rejected:* a
//! file among the node's data, which is gone with them: whatever runs there can write it.

use crate::machine::{make_private, replace, short_hash};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use welkin_provider::{Publish, StepId, StoreAccess};

/// Folder of the notes, beside the record.
const FOLDER: &str = "outputs";

/// Where an output of a step goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Destination {
    pub(super) store: StoreAccess,
    pub(super) prefix: String,
}

/// What is known of the outputs of one node.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    outputs: PathBuf,
    node: PathBuf,
}

impl Notes {
    /// Those of a node, by the folder of its lease and its rank in the gang.
    pub(super) fn of(lease: &Path, rank: u32) -> Self {
        let outputs = lease.join(FOLDER);
        Self { node: outputs.join(rank.to_string()), outputs }
    }

    /// Writes down where the outputs of a step go.
    pub(super) fn keep(&self, step: &StepId, publishes: &[Publish]) -> io::Result<()> {
        let destination = |publish: &Publish| {
            let Publish { name, store, prefix, .. } = publish;
            (name.clone(), Destination { store: store.clone(), prefix: prefix.clone() })
        };
        let notes: BTreeMap<String, Destination> = publishes.iter().map(destination).collect();
        // Not the lease's own folder: one that is over meanwhile must not come back.
        match DirBuilder::new().mode(0o700).create(&self.outputs) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => make_private(&self.node)?,
        }
        replace(&self.file(step), &serde_json::to_vec(&notes)?)
    }

    /// Where they go.
    pub(super) fn read(&self, step: &StepId) -> io::Result<BTreeMap<String, Destination>> {
        Ok(serde_json::from_slice(&fs::read(self.file(step))?)?)
    }

    fn file(&self, step: &StepId) -> PathBuf {
        self.node.join(format!("{}.json", short_hash(step.0.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_nodes_and_steps_are_apart_and_bring_no_lease_back() {
        let folder = tempfile::tempdir().unwrap();
        let lease = folder.path().join("ssh-1");
        let publish = |prefix: &str| Publish {
            name: "out".to_owned(),
            path: "out".to_owned(),
            store: StoreAccess::folder("/srv/sky"),
            prefix: prefix.to_owned(),
        };
        let (one, other) = (StepId("one".to_owned()), StepId("other".to_owned()));
        let [first, second] = [0, 1].map(|rank| Notes::of(&lease, rank));
        assert_eq!(first.keep(&one, &[publish("a")]).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!lease.exists());

        fs::create_dir(&lease).unwrap();
        first.keep(&one, &[publish("a")]).unwrap();
        first.keep(&other, &[publish("b")]).unwrap();
        second.keep(&one, &[publish("c")]).unwrap();
        let prefix = |notes: &Notes, step: &StepId| notes.read(step).unwrap()["out"].prefix.clone();
        assert_eq!([prefix(&first, &one), prefix(&first, &other), prefix(&second, &one)], ["a", "b", "c"]);
        assert_eq!(second.read(&other).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
