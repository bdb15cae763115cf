//! What a run brings along, as it was when the run was submitted.
//!
//! Workdir and file mounts are published once into the state directory before the run is recorded, and
//! every attempt at every place is served from there: whoever edits a file while the first task runs does
//! not change what the second one gets. The copy goes when the run is over.
//!
//! *Not copied:* inputs, which are data and may be huge. They are published when a task first needs them.

use crate::error::{StoreError, SubmitError};
use crate::ignore::ignored;
use crate::stage::{Need, Roots, Source, needs, upload_name};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_job::Job;
use welkin_records::RunId;
use welkin_store::Endpoint;
use welkin_stores::Local;
use welkin_transfer::{Published, Selection, find_tree, publish_selection};

/// Folder of all snapshots in the state directory.
const FOLDER: &str = "uploads";

/// Beginning of the names of those whose run is not on record yet.
const DRAFT: &str = ".draft-";

/// Where snapshots lie.
#[derive(Debug, Clone)]
pub(crate) struct Snapshots {
    folder: PathBuf,
}

/// A snapshot whose run is not on record yet.
#[derive(Debug)]
pub(crate) struct Draft {
    folder: PathBuf,
    /// What could not be brought along, and why.
    pub(crate) left_out: Vec<String>,
}

impl Snapshots {
    pub(crate) fn new(state: &Path) -> Self {
        Self { folder: state.join(FOLDER) }
    }

    /// Removes what no run in `wanted` needs: the caller holds the state directory, so no draft is at work.
    pub(crate) fn sweep(&self, wanted: &BTreeSet<String>) -> io::Result<()> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_str().is_none_or(|name| !wanted.contains(name)) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }

    /// Reads everything that the tasks of `job` bring along.
    pub(crate) async fn take(
        &self,
        job: &Job,
        roots: &Roots,
        nonce: u64,
    ) -> Result<Option<Draft>, SubmitError> {
        let folder = self.folder.join(format!("{DRAFT}{nonce:016x}"));
        let mut draft = Draft { folder, left_out: Vec::new() };
        let mut taken = BTreeSet::new();
        for (index, task) in job.tasks.iter().enumerate() {
            for need in needs(job, index, roots)? {
                let Need { brought: true, source: Source::Local(path), .. } = need else { continue };
                let name = upload_name(&path, roots);
                if taken.insert(name.clone()) {
                    draft.add(&path, &name).await.map_err(|what| SubmitError::Path {
                        task: task.name.clone(),
                        what: format!("{}: {what}", need.path),
                    })?;
                }
            }
        }
        Ok((!taken.is_empty()).then_some(draft))
    }

    /// A snapshot that was taken elsewhere, if everything that the job brings along is in it.
    pub(crate) async fn adopt(
        &self,
        folder: PathBuf,
        job: &Job,
        roots: &Roots,
    ) -> Result<Draft, SubmitError> {
        let draft = Draft { folder, left_out: Vec::new() };
        let store = store(&draft.folder);
        for (index, task) in job.tasks.iter().enumerate() {
            for need in needs(job, index, roots)? {
                let Need { brought: true, source: Source::Local(path), .. } = need else { continue };
                let found = find_tree(&store, &upload_name(&path, roots)).await;
                if !matches!(found, Ok(Some(_))) {
                    let what = format!("{}: it was not brought along", need.path);
                    return Err(SubmitError::Path { task: task.name.clone(), what });
                }
            }
        }
        Ok(draft)
    }

    /// Names of all that lie here.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Whether a run of this name has one.
    pub(crate) fn has(&self, run: &RunId) -> bool {
        self.folder.join(&run.0).exists()
    }

    /// Makes a draft again of what was given to a run that is not on record.
    pub(crate) fn take_back(&self, draft: &Draft, run: &RunId) -> Result<(), StoreError> {
        let from = self.folder.join(&run.0);
        fs::rename(&from, &draft.folder).map_err(|source| StoreError::Io {
            what: "moving",
            path: from,
            source,
        })
    }

    /// Gives a draft to its run.
    pub(crate) fn keep(&self, draft: &Draft, run: &RunId) -> Result<(), StoreError> {
        let to = self.folder.join(&run.0);
        let made = fs::create_dir_all(&self.folder).and_then(|()| draft.leave(&to));
        made.map_err(|source| StoreError::Io { what: "making", path: to, source })
    }

    /// The tree called `name` that `run` brought along, with the store it lies in.
    pub(crate) async fn find(&self, run: &RunId, name: &str) -> Option<(Arc<dyn Endpoint>, Published)> {
        let folder = self.folder.join(&run.0);
        // Runs of earlier versions have none.
        folder.join(name).is_dir().then_some(())?;
        let store = store(&folder);
        let found = find_tree(&store, name).await.ok()??;
        Some((store, found))
    }

    /// Removes the snapshot of a run that is over. What cannot be removed now goes with the next sweep.
    pub(crate) fn drop_of(&self, run: &RunId) {
        let _ = fs::remove_dir_all(self.folder.join(&run.0));
    }
}

impl Draft {
    /// Leaves it where it is not swept with this.
    pub(crate) fn leave(&self, to: &Path) -> io::Result<()> {
        match fs::rename(&self.folder, to) {
            // Replicas share this folder, and not the one in which uploads arrive.
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                copy(&self.folder, to).and_then(|()| fs::remove_dir_all(&self.folder))
            }
            done => done,
        }
    }

    async fn add(&mut self, path: &Path, name: &str) -> Result<(), String> {
        let words = |error: io::Error| error.to_string();
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(words)?;
        let ignored = ignored(path).map_err(words)?;
        let store = store(&self.folder);
        let selection = Selection::brought(ignored);
        let taken = publish_selection(path, selection, &store, name, &welkin_transfer::silent).await;
        let (_, left_out) = taken.map_err(|error| error.chain())?;
        self.left_out.extend(left_out.into_iter().map(|what| format!("{}: {what}", path.display())));
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Kept ones are elsewhere by now; the others are of no use, and swept when this fails.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Plain files and folders, which is all that a snapshot has.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), &to)?;
        }
    }
    Ok(())
}

fn store(folder: &Path) -> Arc<dyn Endpoint> {
    Local::new(folder, false)
}
