//! `-` as a place: an object from standard input, or to standard output.
//!
//! Standard output is the object's then, so what is told about it goes to standard error.

use crate::app::App;
use crate::exit::Exit;
use crate::moving::execute::{Wanted, fault, places, sites, stopped};
use crate::moving::meter::{self, Teller};
use crate::moving::{bytes_words, cost, rate_words};
use crate::output::{Format, write_json};
use crate::report::{Code, Fault};
use anyhow::Context as _;
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;
use welkin_sky::{Place, Root, TransferRecord, Transfers, split_file};
use welkin_store::Metadata;
use welkin_stores::Links;
use welkin_transfer::engine::{
    Calls, Compare, End, Flow, Limiter, Options, Patience, Preview, Quiet, Retrying, Stats, StreamError,
    Streamed, receive, send,
};
use welkin_transfer::journal::Journal;

/// Whether a command line moves a stream.
pub(super) fn is_stream(wanted: &Wanted<'_>) -> bool {
    wanted.source == "-" || wanted.target == "-"
}

#[derive(Serialize)]
struct Wire<'a> {
    source: &'a str,
    target: &'a str,
    state: &'static str,
    bytes: u64,
    blake3: Option<String>,
    retries: u64,
    seconds: f64,
}

/// Moves it.
pub(super) async fn execute(wanted: &Wanted<'_>, app: &mut App) -> anyhow::Result<Exit> {
    let comes = wanted.source == "-";
    let usage = |why: &str| anyhow::Error::from(Fault::new(Code::Usage, why.to_owned()));
    if comes && wanted.target == "-" {
        return Err(usage("standard input and standard output are both no place that keeps an object"));
    }
    if wanted.manner.manifest.is_some() {
        return Err(usage("a stream has no manifest; its hash is printed at the end"));
    }
    let place = app.sky.place(if comes { wanted.target } else { wanted.source })?;
    let (endpoint, key, keys_at) = object(&place, wanted, app).await?;
    let looks = Stats::default();
    let patience = Patience::new(Options::default().attempts, &looks, &Quiet);
    if wanted.manner.dry_run {
        if comes {
            app.note(&format!("would copy standard input to {}; nothing was done", place.text));
            return Ok(Exit::Success);
        }
        let found = endpoint.find(&patience, &key).await.map_err(fault)?;
        let missing = || Fault::new(Code::File, format!("there is no object {}", place.text));
        let size = found.ok_or_else(missing)?.listed.size;
        let words = bytes_words(size);
        app.note(&format!("would copy {} ({words}) to standard output; nothing was done", place.text));
        let parts = size.div_ceil(endpoint.limits().part_bytes_best).max(1);
        let source_calls = Calls { reads: parts + 1, ..Calls::default() };
        let seen = Preview { copy_bytes: size, source_calls, ..Preview::default() };
        app.note(&match sites(wanted, app)? {
            (Some(from), Some(to)) => cost::Cost::of(&from, &to, &seen).words(),
            _ => cost::unpriced(wanted.source),
        });
        return Ok(Exit::Success);
    }
    if comes
        && wanted.compare == Compare::Missing
        && endpoint.find(&patience, &key).await.map_err(fault)?.is_some()
    {
        app.note(&format!("{} is there, and was left as it is", place.text));
        return Ok(Exit::Success);
    }
    if let (Some(from), Some(to)) = sites(wanted, app)?
        && let Some(warning) = cost::warning(&from, &to)
    {
        app.remark(&warning);
    }
    let records = app.sky.transfers();
    let recorded = if comes { Some(record(&records, (keys_at, endpoint.identity()))?) } else { None };
    let stats = Arc::new(Stats::default());
    let limiter = Limiter::new(wanted.manner.bwlimit.map(welkin_units::Bytes::get));
    let teller = Teller::new(app, wanted.manner.events);
    let flow = Flow {
        endpoint: &endpoint,
        key: &key,
        part_bytes: wanted.manner.part_size.map(|size| size.get().next_power_of_two()),
        memory_bytes: usize::try_from(wanted.manner.memory.get()).unwrap_or(usize::MAX),
        attempts: Options::default().attempts,
        journal: recorded.as_ref().map(|(_, journal)| journal),
        limiter: &limiter,
        stats: &stats,
        observer: &*teller,
    };
    let began = Instant::now();
    let mut watching = tokio::spawn(meter::watch(Arc::clone(&stats), wanted.manner.events, app.err));
    let result = if comes {
        receive(&flow, &Metadata::default(), tokio::io::stdin(), stopped()?).await
    } else {
        send(&flow, tokio::io::stdout(), stopped()?).await
    };
    watching.abort();
    // Its block is gone from the terminal when this returns.
    let _ = (&mut watching).await;
    if let Some((about, journal)) = recorded {
        drop(journal);
        // What is over needs no record; what could not be dropped at the place is left for gc to find.
        let (_, left) = records.state(&about);
        if result.is_ok() || left.uploads.is_empty() && left.intents.is_empty() {
            records.forget(&about)?;
        } else {
            app.warn(&format!(
                "an unfinished upload may be left; `welkin transfers gc {}` drops it",
                about.id
            ));
        }
    }
    match result {
        Ok(streamed) => report(wanted, streamed, &stats, began.elapsed().as_secs_f64(), app),
        Err(StreamError::Stopped) => {
            app.note(if comes { "stopped; nothing was left at the target" } else { "stopped" });
            Ok(Exit::Stopped)
        }
        Err(StreamError::Place(failure)) => Err(fault(failure)),
        Err(error) => {
            Err(anyhow::Error::new(error).context(Fault::new(Code::Transfer, "the transfer ended")))
        }
    }
}

/// The endpoint and the key of the one object that a place names.
async fn object(place: &Place, wanted: &Wanted<'_>, app: &App) -> anyhow::Result<(Retrying, String, String)> {
    // What is named on the command line is meant, link or not.
    let places = places(wanted.manner, Links::Follow);
    let folder = || {
        let message = format!("{} names a folder, and a stream is one object", place.text);
        Fault::new(Code::DataPlace, message).hint("end it with the name of the object")
    };
    if place.says_folder() {
        return Err(folder().into());
    }
    let (place, key) = match &place.root {
        Root::Local(path) if path.is_dir() => return Err(folder().into()),
        Root::Local(path) => {
            let (above, name) = split_file(path)?;
            (Place { root: Root::Local(above), ..place.clone() }, name)
        }
        Root::Ssh { host, folder: path } => {
            let (above, name) = path.rsplit_once('/').with_context(folder)?;
            let above = if above.is_empty() { "/" } else { above };
            let root = Root::Ssh { host: host.clone(), folder: above.to_owned() };
            (Place { root, ..place.clone() }, name.to_owned())
        }
        _ => (place.clone(), place.key.clone()),
    };
    let keys_at = Place { key: String::new(), ..place.clone() }.canonical();
    Ok((Retrying::new(place.open(&app.sky, &places).await?.apart().0), key, keys_at))
}

/// Puts on record that a stream comes: its journal will tell of an upload before there is one.
fn record(records: &Transfers, keys: (String, String)) -> anyhow::Result<(TransferRecord, Journal)> {
    let mut about = TransferRecord::of_stream("cp", keys, records);
    about.args = std::env::args().skip(1).collect();
    about.cwd = std::env::current_dir()?;
    let journal = records.alone(&mut about)?;
    Ok((about, journal))
}

fn report(
    wanted: &Wanted<'_>,
    streamed: Streamed,
    stats: &Stats,
    seconds: f64,
    app: &mut App,
) -> anyhow::Result<Exit> {
    let (state, hash) = match streamed.end {
        End::Whole(hash) => ("done", Some(hash.to_hex().to_string())),
        End::Unwanted => ("unwanted", None),
    };
    let (source, target) = (wanted.source, wanted.target);
    let bytes = streamed.bytes;
    let mut told = Vec::new();
    if app.settings.output == Format::Json {
        let retries = stats.snapshot().retries;
        let wire = Wire { source, target, state, bytes, blake3: hash, retries, seconds };
        write_json(&mut told, "welkin.stream/1", &wire)?;
    } else {
        let rate = rate_words(bytes as f64 / seconds.max(0.001));
        let ended =
            hash.map_or_else(|| "the reader stopped early".to_owned(), |hash| format!("blake3 {hash}"));
        writeln!(told, "{source} to {target}: {} in {seconds:.1} s ({rate}), {ended}", bytes_words(bytes))?;
    }
    if target == "-" {
        app.note(String::from_utf8_lossy(&told).trim_end());
    } else {
        app.out.write_all(&told)?;
        app.out.flush()?;
    }
    Ok(Exit::Success)
}
