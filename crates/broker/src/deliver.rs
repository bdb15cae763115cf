//! Outputs with a `uri` are put there after their commit, besides the store they stay in.
//!
//! Idempotent: a tree appears in one rename, and a second delivery finds it there. What the run did not
//! put there stays: an output whose place is taken goes beside it, under a name that tells the run, and the task
//! fails with both names. Moving the user's things aside was rejected: a program may be writing to them.
//! What leaves the place of the task for that is on its bill, once, wherever it ended up, and as far as it came.

use crate::egress::{self, Movement};
use crate::error::{StoreError, SubmitError};
use crate::limits::STAGE_WITHIN;
use crate::live::{Fact, Live};
use crate::shelf::Shelf;
use crate::stage::{Roots, patiently};
use crate::task::TaskEnd;
use std::path::{Component, Path, PathBuf};
use tokio::time::timeout;
use welkin_job::Job;
use welkin_provider::{Location, ProviderId};
use welkin_records::{Record, TaskState};
use welkin_transfer::{Progress, TransferError, deliver_tree};
use welkin_units::Bytes;

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
        let moved = moved(live, task, name);
        match one(live, task, name, uri, moved.as_ref()).await {
            Ok(()) => {
                let delivered = Record::OutputDelivered { task, output: name.clone() };
                egress::record(live, vec![Fact::Record(delivered)], moved).await?;
            }
            Err(Undelivered { why, is_beside }) => {
                failed.push(format!("output {name} could not be delivered to {uri}: {why}"));
                if is_beside {
                    egress::record(live, Vec::new(), moved).await?;
                }
            }
        }
    }
    Ok(if failed.is_empty() { TaskEnd::Done } else { TaskEnd::Failed(failed.join("; ")) })
}

/// Delivers what the tasks of a run that fails have made and not delivered yet. What could not be delivered stays in
/// its store, which is told and changes nothing: the run has its reason already.
pub(crate) async fn deliver_rest(live: &Live) -> Result<(), StoreError> {
    let made: Vec<usize> = {
        let view = live.view.borrow();
        (0..view.tasks.len()).filter(|task| view.tasks[*task].state == TaskState::Succeeded).collect()
    };
    let rest = async {
        for task in made {
            if let TaskEnd::Failed(why) = deliver(live, task).await? {
                live.noted(format!("task {}: {why}", live.task_name(task)));
            }
        }
        Ok(())
    };
    timeout(STAGE_WITHIN.duration(), rest).await.unwrap_or_else(|_| {
        live.noted(format!("outputs that could not be delivered within {STAGE_WITHIN} stay in their stores"));
        Ok(())
    })
}

/// What a delivery takes out of the place that the output was committed at; nothing when that is this machine.
fn moved(live: &Live, task: usize, name: &str) -> Option<Movement> {
    let view = live.view.borrow();
    let bytes = view.tasks[task].outputs.get(name)?.bytes;
    let attempt = view.tasks[task].committed()?;
    let (from, to) = (attempt.place.location.clone(), this_machine());
    let subject = format!("{}:deliver:{name}", live.token(attempt.id));
    // The end of the attempt is the same moment however often a delivery is repeated.
    let at = attempt.ended.unwrap_or(attempt.began);
    (from.provider != to.provider).then_some(Movement { task, subject, from, to, bytes, at })
}

/// The name that this machine has as a place.
fn this_machine() -> Location {
    Location { provider: ProviderId::from_static("local"), region: "localhost".to_owned(), zone: None }
}

/// Why an output is not where it should be.
struct Undelivered {
    why: String,
    /// Whether it was put beside that.
    is_beside: bool,
}

async fn one(
    live: &Live,
    task: usize,
    name: &str,
    uri: &str,
    moved: Option<&Movement>,
) -> Result<(), Undelivered> {
    let path = live.roots.path(uri);
    let progress = |there| {
        if let Some(moved) = moved {
            live.under_way.note(moved, Bytes::new(there));
        }
    };
    let nowhere = |why| Undelivered { why, is_beside: false };
    let Some(taken) = put(live, task, name, &path, &progress).await.map_err(nowhere)? else { return Ok(()) };
    let words = format!("{} holds what this run did not put there, and is left as it is", taken.display());
    let beside = beside(&path, &live.id.0);
    Err(match put(live, task, name, &beside, &progress).await {
        Ok(None) => {
            Undelivered { why: format!("{words}; the output is in {}", beside.display()), is_beside: true }
        }
        Ok(Some(_)) => nowhere(format!("{words}; so is {}", beside.display())),
        Err(why) => nowhere(format!("{words}; {}: {why}", beside.display())),
    })
}

/// The name for an output whose place is taken.
fn beside(path: &Path, run: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".from-{run}"));
    path.with_file_name(name)
}

/// What is in the way, if anything is.
async fn put(
    live: &Live,
    task: usize,
    name: &str,
    path: &Path,
    progress: Progress<'_>,
) -> Result<Option<PathBuf>, String> {
    let (tree, place) = {
        let view = live.view.borrow();
        let task = &view.tasks[task];
        let place = task.committed().map(|attempt| attempt.place.location.clone());
        task.outputs.get(name).cloned().zip(place).ok_or("it was not committed")?
    };
    let shelf = Shelf::open(live, &place).await.map_err(|error| error.to_string())?;
    let delivery = format!("{}/{task}/{name}", live.id);
    patiently(live, || async {
        let put = deliver_tree(&shelf.store, &tree.prefix, &tree.digest, path, &delivery, progress).await;
        match put {
            Ok(_) => Ok(None),
            Err(TransferError::Occupied { path }) => Ok(Some(path)),
            Err(error) => Err(error),
        }
    })
    .await
}
