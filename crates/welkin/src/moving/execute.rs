//! A transfer from its command line to its end.

use crate::app::App;
use crate::cli::{Manner, Resumes, Selection};
use crate::exit::Exit;
use crate::moving::meter::{self, Teller};
use crate::moving::{bytes_words, cost, dry, filter, stdio};
use crate::output::{Format, counted, write_json};
use crate::report::{Code, Fault, store};
use anyhow::Context as _;
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Instant;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use welkin_gateway::farewells;
use welkin_sky::{Aimed, PlaceOptions, Root, Site, SkyError, TransferRecord, Transfers};
use welkin_store::{Failure, FailureKind};
use welkin_stores::Links;
use welkin_transfer::engine::{
    Compare, Ended, EngineError, Guard, Limiter, Options, Outcome, Scope, Stats, Transfer, run,
};
use welkin_transfer::journal::write_manifest;

/// What a command line asks for.
pub(crate) struct Wanted<'a> {
    /// `cp` or `sync`.
    pub(crate) verb: &'static str,
    pub(crate) source: &'a str,
    pub(crate) target: &'a str,
    pub(crate) compare: Compare,
    pub(crate) delete: Option<Guard>,
    pub(crate) selection: &'a Selection,
    pub(crate) manner: &'a Manner,
}

#[derive(Serialize)]
struct Wire<'a> {
    transfer: Option<&'a str>,
    state: &'static str,
    objects: u64,
    bytes: u64,
    resumed_bytes: u64,
    skipped_objects: u64,
    failed_objects: u64,
    deleted_objects: u64,
    retries: u64,
    seconds: f64,
    failures: &'a [(String, String)],
    manifest: Option<String>,
}

/// Runs it.
pub(crate) fn execute(wanted: &Wanted<'_>, app: &mut App) -> anyhow::Result<Exit> {
    let runtime = super::runtime()?;
    let result = runtime.block_on(async {
        if stdio::is_stream(wanted) {
            return stdio::execute(wanted, app).await;
        }
        let aimed = aim(wanted, app).await?;
        if wanted.delete.is_some() && aimed.transfer.scope != Scope::Tree {
            let source = wanted.source;
            app.warn(&format!("--delete removes nothing here: {source} is a single object, not a folder"));
        }
        let records = app.sky.transfers();
        if wanted.manner.dry_run {
            return dry::look(wanted, &aimed, app).await;
        }
        if let (Some(from), Some(to)) = sites(wanted, app)?
            && let Some(warning) = cost::warning(&from, &to)
        {
            app.remark(&warning);
        }
        go(wanted, aimed, &records, app).await
    });
    // Gateways are told that nothing more comes, so that they keep nothing for it.
    runtime.block_on(farewells());
    // A read of standard input that nobody waits for any more must not hold the process back.
    runtime.shutdown_background();
    result
}

/// Where both ends are, for prices.
pub(super) fn sites(wanted: &Wanted<'_>, app: &App) -> anyhow::Result<(Option<Site>, Option<Site>)> {
    let site = |text| Site::of(&app.sky.place(text)?, &app.sky);
    Ok((site(wanted.source)?, site(wanted.target)?))
}

/// Finds out what source and target are: folders or single objects.
async fn aim(wanted: &Wanted<'_>, app: &App) -> anyhow::Result<Aimed> {
    let (source, target) = (app.sky.place(wanted.source)?, app.sky.place(wanted.target)?);
    let manner = wanted.manner;
    let options = Options {
        compare: wanted.compare,
        filter: filter(wanted.selection)?,
        delete: wanted.delete,
        part_bytes: manner.part_size.map(|size| size.get().next_power_of_two()),
        memory_bytes: usize::try_from(manner.memory.get()).unwrap_or(usize::MAX),
        lanes: manner.lanes,
        rate: manner.bwlimit.map(welkin_units::Bytes::get),
        ..Options::default()
    };
    let places = places(manner, links(wanted.selection));
    Ok(app.sky.aim(wanted.verb, &source, &target, &places, options).await?)
}

/// How places are opened for a command.
pub(super) fn places(manner: &Manner, links: Links) -> PlaceOptions {
    PlaceOptions {
        fsync: manner.fsync,
        links,
        via: manner.via.clone(),
        no_direct: manner.no_direct,
        congestion: manner.congestion.clone(),
        hearer: super::hearer(),
    }
}

/// What becomes of links in folders of this machine.
fn links(selection: &Selection) -> Links {
    match (selection.links, selection.copy_links) {
        (true, _) => Links::Keep,
        (false, true) => Links::Follow,
        (false, false) => Links::Skip,
    }
}

async fn go(wanted: &Wanted<'_>, aimed: Aimed, records: &Transfers, app: &mut App) -> anyhow::Result<Exit> {
    let mut about = TransferRecord::of(&aimed, records);
    if let Some(resumed) = &wanted.manner.resumes
        && resumed.what != about.what
    {
        return Err(elsewhere(resumed));
    }
    about.args = std::env::args().skip(1).collect();
    about.cwd = std::env::current_dir()?;
    let mut transfer = aimed.transfer;
    transfer.options.empties = wanted.manner.yes;
    let scope = transfer.scope.clone();
    let mut result = once(wanted, transfer.clone(), records, &mut about, app).await?;
    if let (Err(EngineError::NothingFound { there }), _) = result {
        match may_empty(wanted, there).await? {
            Some(true) => {
                transfer.options.empties = true;
                result = once(wanted, transfer, records, &mut about, app).await?;
            }
            Some(false) => {}
            None => {
                app.note("stopped; nothing was removed");
                return Ok(Exit::Stopped);
            }
        }
    }
    let (result, seconds) = result;
    let outcome = result.map_err(|error| engine_fault(error, &about.id))?;
    let manifest = match outcome.ended {
        Ended::Stopped => None,
        Ended::Whole | Ended::Partly => {
            let path = records.manifest(&about.id);
            write_manifest(&records.journal(&about.id), &path, &about.id, &about.source, &about.keys_at)?;
            if let Some(copy) = &wanted.manner.manifest {
                std::fs::copy(&path, copy)
                    .with_context(|| Fault::new(Code::File, format!("cannot write {}", copy.display())))?;
            }
            Some(path.display().to_string())
        }
    };
    if scope == Scope::Tree && outcome.ended == Ended::Whole && outcome.counts.source_objects == 0 {
        nothing_found(wanted, app)?;
    }
    report(&outcome, &about, manifest, seconds, app)
}

/// Runs it, or goes on with it; how it ended and how long it took.
async fn once(
    wanted: &Wanted<'_>,
    transfer: Transfer,
    records: &Transfers,
    about: &mut TransferRecord,
    app: &mut App,
) -> anyhow::Result<(Result<Outcome, EngineError>, f64)> {
    let begun = records.open(about, wanted.manner.restart)?;
    if let Some(told) = &begun.told {
        app.warn(told);
    }
    if begun.resumed.id.is_some() {
        let bytes = bytes_words(begun.resumed.bytes);
        app.note(&format!("continuing {}: {bytes} arrived before; what is unchanged is kept", about.id));
    }
    let journal = (begun.journal, begun.resumed);
    let stats = Arc::new(Stats::default());
    let limiter = Arc::new(Limiter::new(transfer.options.rate));
    let events = wanted.manner.events;
    let began = Instant::now();
    let mut watching = tokio::spawn(meter::watch(Arc::clone(&stats), events, app.err));
    let result =
        run(transfer, Some(journal), limiter, Arc::clone(&stats), Teller::new(app, events), stopped()?).await;
    watching.abort();
    // Its block is gone from the terminal when this returns.
    let _ = (&mut watching).await;
    Ok((result, began.elapsed().as_secs_f64()))
}

/// A source without any object: a name that was mistyped, more often than not.
fn nothing_found(wanted: &Wanted<'_>, app: &App) -> anyhow::Result<()> {
    let place = app.sky.place(wanted.source)?;
    let message = format!("nothing was found at {}", wanted.source);
    match place.root {
        // A folder that was looked at before is there, and empty.
        Root::Local(_) => Ok(()),
        // A copy that names something copies something.
        _ if wanted.verb == "cp" && (!place.key.is_empty() || matches!(place.root, Root::Ssh { .. })) => {
            Err(Fault::new(Code::File, message).into())
        }
        _ => {
            app.warn(&message);
            Ok(())
        }
    }
}

/// Asks whether the target may be emptied; `None` where a signal is the answer. Where nobody can be asked, it may not.
async fn may_empty(wanted: &Wanted<'_>, there: u64) -> anyhow::Result<Option<bool>> {
    if !io::stdin().is_terminal() {
        return Ok(Some(false));
    }
    let (source, target) = (wanted.source, wanted.target);
    let question = format!("nothing was found at {source}: remove all {there} objects of {target}?");
    let stopped = stopped()?;
    let answer = tokio::task::spawn_blocking(move || ask(&question));
    tokio::select! {
        answer = answer => Ok(Some(answer??)),
        () = stopped => {
            // The question has no answer: what is said next does not belong behind it.
            writeln!(io::stderr())?;
            Ok(None)
        }
    }
}

fn ask(question: &str) -> anyhow::Result<bool> {
    let mut err = io::stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str()))
}

fn report(
    outcome: &Outcome,
    about: &TransferRecord,
    manifest: Option<String>,
    seconds: f64,
    app: &mut App,
) -> anyhow::Result<Exit> {
    let counts = &outcome.counts;
    let (state, exit) = match outcome.ended {
        Ended::Whole => ("done", Exit::Success),
        Ended::Partly => ("incomplete", Exit::Incomplete),
        Ended::Stopped => ("stopped", Exit::Stopped),
    };
    if app.settings.output == Format::Json {
        let wire = Wire {
            transfer: Some(&about.id),
            state,
            objects: counts.copied_objects,
            bytes: counts.copied_bytes,
            resumed_bytes: counts.resumed_bytes,
            skipped_objects: counts.skipped_objects,
            failed_objects: counts.failed_objects,
            deleted_objects: counts.deleted_objects,
            retries: counts.retries,
            seconds,
            failures: &outcome.failures,
            manifest,
        };
        write_json(&mut app.out, "welkin.transfer/1", &wire)?;
        return Ok(exit);
    }
    let count = |count: u64| counted(usize::try_from(count).unwrap_or(usize::MAX), "object");
    let mut line = format!(
        "{}: {} copied, {} in {seconds:.1} s ({})",
        about.id,
        count(counts.copied_objects),
        bytes_words(counts.copied_bytes),
        super::rate_words(counts.copied_bytes as f64 / seconds.max(0.001)),
    );
    for (number, words) in [
        (
            counts.skipped_objects,
            if counts.skipped_objects == 1 { "left as it is" } else { "left as they are" },
        ),
        (counts.deleted_objects, "removed"),
        (counts.failed_objects, "FAILED"),
    ] {
        if number > 0 {
            line.push_str(&format!(", {number} {words}"));
        }
    }
    writeln!(app.out, "{line}")?;
    app.out.flush()?;
    match outcome.ended {
        Ended::Whole => {}
        Ended::Partly => app.note("the same command looks at everything again, and tries what failed"),
        Ended::Stopped => app.note("stopped; the same command continues where it stopped"),
    }
    Ok(exit)
}

/// A transfer that its own command line, given again, would move between other stores or in another way.
fn elsewhere(resumed: &Resumes) -> anyhow::Error {
    let message = format!("{} did not move data between these stores, or not in this way", resumed.id);
    let hint = "variables, profiles, stores or files of filters changed since, or an older version began it; \
         give its command again to start over";
    Fault::new(Code::Transfer, message).hint(hint).into()
}

/// Completes at the first SIGINT or SIGTERM. Another ends the process, whatever it waits for: what is on record goes on.
pub(crate) fn stopped() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let (mut tell, told) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            () = either(&mut interrupt, &mut terminate) => {}
            // Nobody waits for it any more.
            () = tell.closed() => return,
        }
        let _ = tell.send(());
        either(&mut interrupt, &mut terminate).await;
        std::process::exit(i32::from(Exit::Stopped as u8));
    });
    Ok(async move {
        if told.await.is_err() {
            std::future::pending().await
        }
    })
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

/// A failure of an endpoint as one of the command line.
pub(crate) fn fault(failure: Failure) -> anyhow::Error {
    let code = store(&failure);
    anyhow::Error::new(Fault::new(code, failure.to_string()))
}

/// Why a transfer ended, and what to do now. That it continues is only said where a repetition can change anything.
pub(super) fn engine_fault(error: EngineError, id: &str) -> anyhow::Error {
    let on = match id {
        "" => "the same command continues where it stopped".to_owned(),
        id => format!("`welkin transfers resume {id}`, or the same command, continues where it stopped"),
    };
    match error {
        EngineError::Listing(failure) | EngineError::Fatal(failure) => {
            let (code, hint) = match failure.kind {
                FailureKind::Credentials => (Code::Credentials, Some(format!("with valid credentials, {on}"))),
                FailureKind::Full => (Code::Full, Some(format!("when there is room, {on}"))),
                FailureKind::Changed => (Code::Transfer, Some(on)),
                FailureKind::Throttled | FailureKind::Transient => (store(&failure), Some(on)),
                _ => (Code::Transfer, failure.passes().then_some(on)),
            };
            let fault = Fault::new(code, failure.to_string());
            match hint {
                Some(hint) => fault.hint(hint).into(),
                None => fault.into(),
            }
        }
        error @ EngineError::Overlapping { .. } => SkyError::Overlap(error).into(),
        EngineError::NothingFound { .. } => Fault::new(Code::NeedsConsent, error.to_string())
            .hint("check that the source is spelled correctly and mounted; --yes empties the target within --max-delete")
            .into(),
        EngineError::Guarded { .. } => Fault::new(Code::Guarded, error.to_string())
            .hint("raise --max-delete if that is what you want")
            .into(),
        error => {
            anyhow::Error::new(error).context(Fault::new(Code::Transfer, "the transfer ended").hint(on))
        }
    }
}
