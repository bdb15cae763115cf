//! Data to the place: everything a task reads is put into the store of the place it runs at, before
//! its nodes fetch it from there.
//!
//! 1. Outputs of predecessors are fetched straight from where they were committed when that is the
//!    same store, and copied once otherwise, to a prefix of the run named by their digest. Runs
//!    share no prefix: the sweep for one can take nothing from another.
//! 2. Files of this machine are published once for each place of the run: workdir and file mounts as
//!    they were when the run was submitted, inputs as they are when they are first needed. What was
//!    published is kept, so that every attempt of a run sees the same bytes.
//!
//! *Guarantee:* repeating any of it after a crash moves only what is missing and changes nothing else.

use crate::egress::{self, Movement};
use crate::error::SubmitError;
use crate::limits::STAGE_WITHIN;
use crate::live::{Fact, Halt, Live};
use crate::observe::Progress;
use crate::patience::{Patience, trying};
use crate::shelf::Shelf;
use crate::target::below_home;
use crate::view::AttemptView;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, PoisonError};
use welkin_address::file_path;
use welkin_job::{FileMount, Input, Job, Task, Workdir};
use welkin_provider::{ErrorKind, Fetch, ProviderError};
use welkin_records::{AttemptEnd, AttemptId, Record, TreeRef};
use welkin_transfer::{Selection, copy_tree, find_tree, publish_selection};
use welkin_units::Bytes;

/// Folder on the node the scripts run in, as in SkyPilot.
pub(crate) const WORKDIR: &str = "sky_workdir";

/// One thing a task needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// Path on the node, relative to its home or absolute below it.
    pub(crate) path: String,
    pub(crate) source: Source,
    /// Whether it is read when the run is submitted: workdir and file mounts are.
    pub(crate) brought: bool,
    /// Whether it is laid over what is there: file mounts are.
    pub(crate) over: bool,
}

/// Where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// This machine.
    Local(PathBuf),
    /// An output of another task, by the task's index.
    Output { task: usize, output: String },
}

/// What a task needs, in a fixed order.
pub(crate) fn needs(job: &Job, task: usize, roots: &Roots) -> Result<Vec<Need>, SubmitError> {
    each_need(job, task, roots).into_iter().collect()
}

/// As [`needs`], with a word in place of each that cannot be.
pub(crate) fn each_need(job: &Job, task: usize, roots: &Roots) -> Vec<Result<Need, SubmitError>> {
    let task = &job.tasks[task];
    let mut needs = Vec::new();
    match &task.workdir {
        Some(Workdir::Local(path)) => {
            needs.push(Ok(Need {
                path: WORKDIR.to_owned(),
                source: local(path, roots),
                brought: true,
                over: false,
            }));
        }
        Some(Workdir::Git { url, .. }) => {
            needs.push(Err(unsupported(task, format!("the git workdir {url}"))))
        }
        None => {}
    }
    let mut mounts = BTreeMap::new();
    for (target, mount) in &task.file_mounts {
        let what = match mounted(task, target, mount, roots) {
            Ok((path, source)) => match mounts.insert(path, source) {
                None => continue,
                Some(_) => SubmitError::Path {
                    task: task.name.clone(),
                    what: format!("the file mount {target} is given twice, in other words"),
                },
            },
            Err(what) => what,
        };
        needs.push(Err(what));
    }
    // After the folder they may lie in, and each before what lies below it.
    needs.extend(
        mounts.into_iter().map(|(path, source)| Ok(Need { path, source, brought: true, over: true })),
    );
    needs.extend(task.inputs.iter().map(|(name, input)| brought_in(job, task, name, input, roots)));
    needs
}

/// Where a file mount goes, and where it comes from.
fn mounted(
    task: &Task,
    target: &str,
    mount: &FileMount,
    roots: &Roots,
) -> Result<(String, Source), SubmitError> {
    let mistake = |what| SubmitError::Path { task: task.name.clone(), what };
    let path = below_home(target).map_err(|what| mistake(format!("the file mount {what}")))?;
    match mount {
        FileMount::Local(source) => Ok((path, local(source, roots))),
        FileMount::Bucket { source: Some(uri), .. } if file_path(uri).is_some() => {
            Ok((path, local(uri, roots)))
        }
        FileMount::Bucket { source, name, .. } => {
            let what = source.as_ref().or(name.as_ref()).map_or("a new bucket", String::as_str);
            Err(unsupported(task, format!("the file mount {target} ({what})")))
        }
    }
}

fn brought_in(job: &Job, task: &Task, name: &str, input: &Input, roots: &Roots) -> Result<Need, SubmitError> {
    let source = match input {
        Input::Uri { uri, .. } if is_here(uri) => local(uri, roots),
        Input::Uri { uri, .. } => return Err(unsupported(task, format!("the input {uri}"))),
        Input::Task { task: producer, output } => Source::Output {
            task: job.tasks.iter().position(|task| task.name == *producer).unwrap_or(usize::MAX),
            output: output.clone(),
        },
    };
    Ok(Need { path: input_path(name), source, brought: false, over: false })
}

impl Need {
    /// Whether this can be staged as far as can be told before anything is leased: the source is there,
    /// and the path stays in the node's home.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.stays_in_home()?;
        match &self.source {
            Source::Local(path) => std::fs::metadata(path)
                .map(drop)
                .map_err(|error| format!("{} cannot be read: {error}", path.display())),
            Source::Output { .. } => Ok(()),
        }
    }
}

impl Need {
    /// Whether it stays in the node's home.
    pub(crate) fn stays_in_home(&self) -> Result<(), String> {
        let climbs = |part| matches!(part, Component::ParentDir | Component::RootDir);
        match Path::new(&self.path).components().any(climbs) {
            true => Err(format!("{} leads out of the node's home", self.path)),
            false => Ok(()),
        }
    }
}

/// Path on the node of an input.
pub(crate) fn input_path(name: &str) -> String {
    format!("inputs/{name}")
}

/// Path on the node of an output.
pub(crate) fn output_path(name: &str) -> String {
    format!("outputs/{name}")
}

/// What paths in a job file are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roots {
    /// Folder of the job file.
    pub(crate) base_dir: PathBuf,
    /// What `~` stands for.
    pub(crate) home: Option<PathBuf>,
}

impl Roots {
    /// The path on this machine that a path or `file://` URI means.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        let path = file_path(text).unwrap_or(text);
        match (&self.home, path.strip_prefix('~')) {
            (Some(home), Some("")) => home.clone(),
            (Some(home), Some(rest)) if rest.starts_with('/') => home.join(&rest[1..]),
            _ => self.base_dir.join(path),
        }
    }
}

/// Whether a URI, or a path, is of this machine, so that it can be read, and outputs delivered there.
pub(crate) fn is_here(uri: &str) -> bool {
    file_path(uri).is_some() || !uri.contains("://")
}

fn local(path: &str, roots: &Roots) -> Source {
    Source::Local(roots.path(path))
}

fn unsupported(task: &Task, what: String) -> SubmitError {
    SubmitError::Unsupported { task: task.name.clone(), what }
}

/// Whether an attempt needs any data at all.
pub(crate) fn needed(live: &Live, id: AttemptId) -> Result<bool, Halt> {
    needs_of(live, id).map(|needs| !needs.is_empty())
}

fn needs_of(live: &Live, id: AttemptId) -> Result<Vec<Need>, Halt> {
    needs(&live.job, id.task, &live.roots)
        .map_err(|error| Halt::end(AttemptEnd::Unstaged { message: error.to_string() }))
}

/// Puts everything an attempt needs into the store of its place and says what its nodes fetch.
pub(crate) async fn all(live: &Live, id: AttemptId) -> Result<Vec<Fetch>, Halt> {
    let needs = needs_of(live, id)?;
    let attempt = live.attempt(id)?;
    let shelf = Shelf::of(live, &attempt.place.location).await?;
    let mut fetches = Vec::with_capacity(needs.len());
    for need in needs {
        let tree = match attempt.staged.get(&need.path) {
            Some(tree) => tree.clone(),
            None => one(live, &attempt, &shelf, &need).await?,
        };
        let shared = live.shares_home();
        fetches.push(Fetch {
            store: shelf.access.clone(),
            prefix: tree.prefix,
            digest: tree.digest,
            path: if need.brought { need.path } else { live.beside(id, need.path) },
            // What others work with, or what a run before has left, stays.
            over: need.over || need.brought && shared,
        });
    }
    Ok(fetches)
}

async fn one(live: &Live, attempt: &AttemptView, shelf: &Shelf, need: &Need) -> Result<TreeRef, Halt> {
    let (tree, moved) = match &need.source {
        Source::Local(path) => (upload(live, attempt, shelf, need, path).await?, None),
        Source::Output { task, output } => carry(live, attempt, shelf, need, *task, output).await?,
    };
    let from = moved.as_ref().map(|moved| moved.from.clone());
    let staged =
        Record::DataStaged { attempt: attempt.id, path: need.path.clone(), tree: tree.clone(), from };
    egress::record(live, vec![Fact::Record(staged)], moved).await?;
    Ok(tree)
}

/// The name of an upload: by what it is for, not by where the job file lies.
pub(crate) fn upload_name(path: &Path, roots: &Roots) -> String {
    let named = path.strip_prefix(&roots.base_dir).unwrap_or(path);
    blake3::hash(named.as_os_str().as_encoded_bytes()).to_hex()[..32].to_owned()
}

/// From this machine. Published under the run, by what it is for, so that a repeated attempt at the
/// same place finds it.
async fn upload(
    live: &Live,
    attempt: &AttemptView,
    shelf: &Shelf,
    need: &Need,
    path: &Path,
) -> Result<TreeRef, Halt> {
    let name = upload_name(path, &live.roots);
    let prefix = format!("{}/{name}", live.id.shared());
    let snapshot = live.world.snapshots.find(&live.id, &name).await;
    let _writing = write_lock(live, shelf, &prefix).await;
    let progress = progress(live, attempt.id, &need.path);
    let published = patiently(live, || async {
        match find_tree(&shelf.store, &prefix).await? {
            Some(there) => Ok(there),
            None => match &snapshot {
                Some((store, tree)) => {
                    copy_tree(store, &name, &shelf.store, &prefix, &tree.digest, &progress).await?;
                    Ok(tree.clone())
                }
                None => {
                    let selection = Selection::brought(Default::default());
                    let taken = publish_selection(path, selection, &shelf.store, &prefix, &progress);
                    taken.await.map(|(published, _)| published)
                }
            },
        }
    })
    .await
    .map_err(|error| unstaged(need, &error))?;
    Ok(TreeRef { prefix, digest: published.digest, bytes: Bytes::new(published.bytes) })
}

/// From the store a predecessor committed it to. The second value is the copy, if there had to be one: the same of every
/// repetition, since how much a call moved says nothing of it: another one, killed before it put anything on record, may have
/// moved the rest.
async fn carry(
    live: &Live,
    attempt: &AttemptView,
    shelf: &Shelf,
    need: &Need,
    task: usize,
    output: &str,
) -> Result<(TreeRef, Option<Movement>), Halt> {
    let (tree, (from, at)) = {
        let view = live.view.borrow();
        let producer = view.tasks.get(task);
        let tree = producer.and_then(|task| task.outputs.get(output)).cloned();
        let from = producer
            .and_then(|task| task.committed())
            .map(|attempt| (attempt.place.location.clone(), attempt.ended.unwrap_or(attempt.began)));
        match tree.zip(from) {
            Some(both) => both,
            None => {
                let message = format!("{}: {output} was not committed", need.path);
                return Err(Halt::end(AttemptEnd::Unstaged { message }));
            }
        }
    };
    let source = Shelf::of(live, &from).await?;
    if source.access == shelf.access {
        return Ok((tree, None));
    }
    let prefix = format!("{}/{}", live.id.shared(), tree.digest);
    let to = attempt.place.location.clone();
    // A place has one store in a region, and the tree is copied there once, whoever needs it.
    let subject = format!("{prefix}:{}/{}", to.provider, to.region);
    let moved = Movement { task: attempt.id.task, subject, from, to, bytes: tree.bytes, at };
    let _writing = write_lock(live, shelf, &prefix).await;
    let tell = progress(live, attempt.id, &need.path);
    let progress = |there| {
        live.under_way.note(&moved, Bytes::new(there));
        tell(there);
    };
    patiently(live, || {
        copy_tree(&source.store, &tree.prefix, &shelf.store, &prefix, &tree.digest, &progress)
    })
    .await
    .map_err(|error| unstaged(need, &error))?;
    Ok((TreeRef { prefix, ..tree }, Some(moved)))
}

async fn write_lock(live: &Live, shelf: &Shelf, prefix: &str) -> tokio::sync::OwnedMutexGuard<()> {
    let lock = {
        let mut shelves = live.world.shelves.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shelves.entry((shelf.access.to_string(), prefix.to_owned())).or_default())
    };
    lock.lock_owned().await
}

fn progress(live: &Live, attempt: AttemptId, path: &str) -> impl Fn(u64) + Send + Sync {
    let (run, path, observer) = (live.id.clone(), path.to_owned(), Arc::clone(&live.world.options.observer));
    move |bytes| {
        let (run, path, bytes) = (run.clone(), path.clone(), Bytes::new(bytes));
        observer.notice(&Progress::Moving { run, attempt, path, bytes });
    }
}

/// Tries a transfer again as long as it is a store that fails, not the data.
pub(crate) async fn patiently<T, F>(live: &Live, mut transfer: impl FnMut() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, welkin_transfer::TransferError>>,
{
    use welkin_transfer::TransferError::{Engine, Missing, NotPublished, Store};
    let patience = Patience { within: STAGE_WITHIN, passes: |error| error.kind == ErrorKind::Transient };
    let notice = |error: &ProviderError| live.retrying(error);
    let mut call = || {
        let moving = transfer();
        async {
            moving.await.map_err(|error| {
                // A store that is only eventually consistent shows a tree a little later.
                let passes =
                    matches!(error, Store { .. } | Engine { .. } | Missing { .. } | NotPublished { .. });
                let kind = if passes { ErrorKind::Transient } else { ErrorKind::Invalid };
                ProviderError::new("store", "moving data", kind, error.chain())
            })
        }
    };
    trying(patience, &live.world.rng, notice, &mut call).await.map_err(|error| error.message)
}

fn unstaged(need: &Need, why: &str) -> Halt {
    Halt::end(AttemptEnd::Unstaged { message: format!("{}: {why}", need.path) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table that whoever reads URIs is held to.
    const ODD: &str = include_str!("../../address/odd.tsv");

    #[test]
    fn a_run_reads_uris_as_everybody_does() {
        let roots = Roots { base_dir: PathBuf::from("/base"), home: Some(PathBuf::from("/home")) };
        for line in ODD.lines().filter(|line| !line.starts_with('#')) {
            let [uri, service, .., key] = *line.split('\t').collect::<Vec<_>>() else { panic!("{line}") };
            let has_scheme = uri.contains("://");
            assert_eq!(is_here(uri), service == "File" || !has_scheme, "{uri}");
            if service == "File" {
                assert_eq!(roots.path(uri), roots.path(key), "{uri}");
            }
        }
    }
}
