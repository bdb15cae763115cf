//! `welkin fetch`: put a committed output of a run onto this machine, also of a run that is long over.
//!
//! It only reads what the run left: it needs no broker, and works while one drives other runs.
//!
//! *Guarantee:* what arrives is what was committed, checked by its digest, and whole; nothing that is at
//! the destination is replaced, but for an empty folder.

use crate::app::App;
use crate::cli::FetchArgs;
use crate::engine::{self, find_run, reader, store_fault};
use crate::exit::Exit;
use crate::moving::stopped;
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use welkin_broker::{Reader, RunId, RunView, TreeRef};
use welkin_provider::Location;
use welkin_transfer::{fetch_tree, silent};
use welkin_units::Bytes;

#[derive(Serialize)]
struct Wire<'a> {
    run: &'a RunId,
    output: &'a str,
    path: &'a Path,
    digest: &'a str,
    bytes: Bytes,
}

pub(crate) fn run(args: &FetchArgs, app: &mut App) -> anyhow::Result<Exit> {
    refuse_url(&args.dest)?;
    let reader = reader(&app.sky)?;
    let run = find_run(reader.as_ref(), &args.run)?;
    // `find_run` finds nothing without a reader.
    let Some(reader) = reader else { return Ok(Exit::NotFound) };
    let view = reader.status(&run).map_err(store_fault)?;
    let (tree, place) = committed(&view, &args.what)?;
    if app.settings.login.is_some() && welkin_sky::is_emulated(&place.provider) {
        let words = format!("{} lies at {place}, which the broker's machine emulates", args.what);
        return Err(Fault::new(Code::LoggedIn, words).hint("`welkin fetch` gets it on that machine").into());
    }
    let path = std::path::absolute(&args.dest).context("finding the destination")?;
    refuse_content(&path)?;
    let parent = path.parent().filter(|_| path.file_name().is_some()).ok_or_else(|| {
        Fault::new(Code::Usage, format!("{} is not a name for what is fetched", path.display()))
    })?;
    let failed = |what: &str| Fault::new(Code::File, format!("{what} {}", parent.display()));
    fs::create_dir_all(parent).with_context(|| failed("cannot make"))?;
    // Beside its place, so that it gets there in one rename.
    let work = tempfile::Builder::new().prefix(".welkin-fetch-").tempdir_in(parent);
    let work = work.with_context(|| failed("cannot write to"))?;
    let there = work.path().join("tree");
    let arrived = get(&reader, &tree, &place, &there, app)
        .with_context(|| Fault::new(Code::Fetch, format!("{} of {run} was not fetched", args.what)))?;
    if !arrived {
        app.note("stopped; nothing was put at the destination");
        return Ok(Exit::Stopped);
    }
    settle(&there, &path)?;
    match app.settings.output {
        Format::Json => {
            let (digest, bytes) = (tree.digest.as_str(), tree.bytes);
            let wire = Wire { run: &run, output: &args.what, path: &path, digest, bytes };
            write_json(&mut app.out, "welkin.fetched/1", &wire)?;
        }
        Format::Table => {
            writeln!(app.out, "{} of {run}: {}, now at {}", args.what, tree.bytes, path.display())?;
        }
    }
    app.out.flush()?;
    Ok(Exit::Success)
}

/// The output called `TASK.OUTPUT`, and where its task ran.
fn committed(run: &RunView, name: &str) -> anyhow::Result<(TreeRef, Location)> {
    let mut known = Vec::new();
    for task in &run.tasks {
        let Some(attempt) = task.committed() else { continue };
        for (output, tree) in &task.outputs {
            let full = format!("{}.{output}", task.name);
            if full == name {
                return Ok((tree.clone(), attempt.place.location.clone()));
            }
            known.push(full);
        }
    }
    let fault = Fault::new(Code::NoSuchOutput, format!("{} has no committed output `{name}`", run.id));
    let hint =
        if known.is_empty() { "it has none".to_owned() } else { format!("it has {}", known.join(", ")) };
    Err(fault.hint(hint).into())
}

/// Whether the tree arrived, and was not stopped on its way: what is half there is cleared away then.
fn get(reader: &Reader, tree: &TreeRef, place: &Location, to: &Path, app: &App) -> anyhow::Result<bool> {
    let owner = reader.owner()?;
    let providers = engine::providers(app, reader)?;
    let provider = providers.iter().find(|provider| *provider.name() == place.provider);
    let provider = provider.with_context(|| format!("{} is not set up", place.provider))?;
    engine::runtime()?.block_on(async {
        let stopped = stopped()?;
        let fetched = async {
            let store = provider.store(place, &owner).await?;
            let store = engine::stores().open(&store).await.map_err(anyhow::Error::from)?;
            fetch_tree(&store, &tree.prefix, &tree.digest, to, &silent).await?;
            Ok(true)
        };
        tokio::select! {
            done = fetched => done,
            () = stopped => Ok(false),
        }
    })
}

/// Gives a fetched tree its name. What came there meanwhile stays.
fn settle(from: &Path, to: &Path) -> anyhow::Result<()> {
    let failed = || Fault::new(Code::File, format!("cannot put the output at {}", to.display()));
    for last in [false, true] {
        match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // An empty folder may go; one with content cannot be removed so.
            Err(Errno::EXIST) if !last && fs::remove_dir(to).is_ok() => {}
            Err(Errno::EXIST) => break,
            // A file system that cannot promise it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                refuse_content(to)?;
                return fs::rename(from, to).with_context(failed);
            }
            done => return done.map_err(io::Error::from).with_context(failed),
        }
    }
    Err(taken(to))
}

fn refuse_url(dest: &Path) -> anyhow::Result<()> {
    if !dest.to_string_lossy().contains("://") {
        return Ok(());
    }
    let fault = Fault::new(Code::Usage, format!("{} is not a path of this machine", dest.display()));
    Err(fault.hint("fetch it to a folder, and `welkin cp` that folder to the store").into())
}

fn refuse_content(path: &Path) -> anyhow::Result<()> {
    let Ok(there) = path.symlink_metadata() else { return Ok(()) };
    let is_empty = || fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if there.is_dir() && is_empty() { Ok(()) } else { Err(taken(path)) }
}

fn taken(path: &Path) -> anyhow::Error {
    let fault =
        Fault::new(Code::File, format!("{} is there already, and nothing is replaced", path.display()));
    fault.hint("name a destination that does not exist").into()
}
