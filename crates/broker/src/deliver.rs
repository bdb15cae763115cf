//! Outputs with a `uri` are put there after their commit, besides the store they stay in.
//!
//! Idempotent: a tree appears in one rename, and a second delivery finds it there. What the run did not
//! put there stays: an output whose place is taken goes beside it, under a name that tells the run, and the task
//! fails with both names. Moving the user's things aside was rejected: a program may be writing to them.

use crate::error::{StoreError, SubmitError};
use crate::live::{Fact, Live};
use crate::record::Record;
use crate::stage::{Roots, Shelf, patiently};
use crate::task::TaskEnd;
use std::path::{Component, Path, PathBuf};
use welkin_job::Job;
use welkin_transfer::{TransferError, deliver_tree, silent};

/// Delivery puts a file in the place of a file, as `cp` would, but nothing in that of a folder of the user's, and
/// no output in that of another.
pub(crate) fn refused_deliveries(job: &Job, roots: &Roots) -> Vec<SubmitError> {
    let mut all = Vec::new();
    let mut taken: Vec<(PathBuf, String)> = Vec::new();
    for task in &job.tasks {
        let refused = |what| SubmitError::Path { task: task.name.clone(), what };
        for (name, output) in &task.outputs {
            let Some(uri) = &output.uri else { continue };
            let path = roots.path(uri);
            if has_content(&path) {
                all.push(refused(format!("the output to {uri} would replace a folder with content")));
            }
            let path = lexical(&path);
            if let Some((_, other)) =
                taken.iter().find(|(other, _)| other.starts_with(&path) || path.starts_with(other))
            {
                all.push(refused(format!("the output to {uri} would be at, in or around that of {other}")));
            }
            taken.push((path, format!("{}.{name}", task.name)));
        }
    }
    all
}

/// Without `.`, and with `..` taken away together with what is before it.
fn lexical(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// Whether a folder with something in it is at this path; one that cannot be read counts.
fn has_content(path: &Path) -> bool {
    path.is_dir() && std::fs::read_dir(path).map_or(true, |mut entries| entries.next().is_some())
}

/// Delivers what a committed task has not delivered yet; what fails keeps nothing else from arriving.
pub(crate) async fn deliver(live: &Live, task: usize) -> Result<TaskEnd, StoreError> {
    let view = live.view.borrow().tasks[task].clone();
    let due = live.job.tasks[task].outputs.iter().filter_map(|(name, output)| {
        let uri = output.uri.as_ref()?;
        (!view.delivered.contains(name)).then_some((name, uri))
    });
    let mut failed = Vec::new();
    for (name, uri) in due {
        if let Err(why) = one(live, task, name, uri).await {
            failed.push(format!("output {name} could not be delivered to {uri}: {why}"));
            continue;
        }
        let delivered = Record::OutputDelivered { task, output: name.clone() };
        live.record(vec![Fact::Record(delivered)]).await?;
    }
    Ok(if failed.is_empty() { TaskEnd::Done } else { TaskEnd::Failed(failed.join("; ")) })
}

async fn one(live: &Live, task: usize, name: &str, uri: &str) -> Result<(), String> {
    let path = live.roots.path(uri);
    let Some(taken) = put(live, task, name, &path).await? else { return Ok(()) };
    let words = format!("{} holds what this run did not put there, and is left as it is", taken.display());
    let beside = beside(&path, &live.id.0);
    match put(live, task, name, &beside).await {
        Ok(None) => Err(format!("{words}; the output is in {}", beside.display())),
        Ok(Some(_)) => Err(format!("{words}; so is {}", beside.display())),
        Err(why) => Err(format!("{words}; {}: {why}", beside.display())),
    }
}

/// The name for an output whose place is taken.
fn beside(path: &Path, run: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".from-{run}"));
    path.with_file_name(name)
}

/// What is in the way, if anything is.
async fn put(live: &Live, task: usize, name: &str, path: &Path) -> Result<Option<PathBuf>, String> {
    let (tree, place) = {
        let view = live.view.borrow();
        let task = &view.tasks[task];
        let place = task.committed().map(|attempt| attempt.place.location.clone());
        task.outputs.get(name).cloned().zip(place).ok_or("it was not committed")?
    };
    let shelf = Shelf::open(live, &place).await.map_err(|error| error.to_string())?;
    let delivery = format!("{}/{task}/{name}", live.id);
    patiently(live, || async {
        let put = deliver_tree(&*shelf.store, &tree.prefix, &tree.digest, path, &delivery, &silent).await;
        match put {
            Ok(_) => Ok(None),
            Err(TransferError::Occupied { path }) => Ok(Some(path)),
            Err(error) => Err(error),
        }
    })
    .await
}
