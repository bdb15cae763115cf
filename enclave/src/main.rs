//! `welkin-enclave`: touches sealed data for `welkin`, which tells it what to do in a line of JSON on standard input. As an engine
//! it goes on to talk, a message a line.
//!
//! Keys come and go through pipes between the two, never through arguments, the environment or files. It has no keys of
//! parties, and knows no home.

mod request;
mod several;
mod talk;

use anyhow::Context;
use std::fs::File;
use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use welkin_enclave::{Form, check_query, engine, open, read_table, seal, spell, write_table};
use welkin_seal::Snapshot;

/// A request names files and has a key for each column of each: 64 MiB are half a million of those.
const MOST_BYTES: u64 = 64 << 20;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// In one piece: the host's program and owners who are asked write to the same standard error.
fn complain(text: &str) {
    // Without standard error there is nobody to tell.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

fn run() -> anyhow::Result<()> {
    // Nothing of its memory goes into a file where it crashes. Elsewhere than on Linux there is no such file to write to.
    let _ = std::fs::write("/proc/self/coredump_filter", "0");
    // What a panic says could have a value in it.
    std::panic::set_hook(Box::new(|panic| {
        complain(&format!("welkin-enclave: {}", what_broke(panic.location())));
    }));
    let mut input = io::stdin().lock();
    let mut text = Vec::new();
    (&mut input).take(MOST_BYTES).read_until(b'\n', &mut text)?;
    let request = serde_json::from_slice(&text).context(
        "welkin-enclave is started by `welkin seal` and `welkin sql`, which tell it what to do on standard input",
    )?;
    match request {
        request::Request::Seal { input, form, output, aad } => {
            let table = read_table(&input, form.into()).with_context(|| format!("{}", input.display()))?;
            let sealed = seal(table, &output, &aad.0).with_context(|| format!("{}", input.display()))?;
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &request::Answer::from(sealed))?;
            out.flush()?;
        }
        request::Request::Open { files, form } => {
            let tables = files.iter().map(|file| {
                let opened = File::open(&file.path).map_err(welkin_enclave::OpenError::File);
                open(opened?, &file.sha256, &file.keys(), &file.aad.0)
            });
            write_table(tables, form.into(), io::BufWriter::new(io::stdout()))?;
        }
        request::Request::Spell { input, form } => {
            let table = read_table(&input, form.into()).with_context(|| format!("{}", input.display()))?;
            spell(table, io::BufWriter::new(io::stdout())).with_context(|| format!("{}", input.display()))?;
        }
        request::Request::Check { query, snapshots, privacy, engines } => {
            let read = |text: &String| Snapshot::read(text.as_bytes()).context("this is not a snapshot");
            let snapshots = snapshots.iter().map(read).collect::<Result<Vec<_>, _>>()?;
            let answer = request::CheckAnswer::from(check_query(&query, &snapshots, &privacy, engines));
            writeln!(io::stdout(), "{}", serde_json::to_string(&answer)?)?;
        }
        request::Request::Measure => {
            let answer = serde_json::json!({ "measurement": engine::measure()?, "simulated": cfg!(feature = "simulated") });
            writeln!(io::stdout(), "{answer}")?;
        }
        request::Request::Attest { report_data, source } => {
            let evidence = engine::Source::from(source).evidence(report_data)?;
            io::stdout().write_all(&evidence.write())?;
        }
        request::Request::Engine(source) if source.engines != 1 => {
            several::talk(&source, &mut input, &mut io::stdout().lock())?;
        }
        request::Request::Engine(source) => talk::talk(source.into(), &mut input, &mut io::stdout().lock())?,
    }
    Ok(())
}

/// Where a panic came from, without what it says and without the folders of whoever built this. Readers of Parquet give up on some
/// malformed files in no other way.
fn what_broke(at: Option<&std::panic::Location<'_>>) -> String {
    let Some(at) = at else { return "a bug".to_owned() };
    let mut parts: Vec<&str> = at.file().rsplit('/').take_while(|part| *part != "registry").collect();
    // The registry's own folder, which is named after its host.
    if parts.len() < at.file().split('/').count() {
        parts.truncate(parts.len().saturating_sub(2));
    }
    parts.reverse();
    let place = format!("{}:{}", parts.join("/"), at.line());
    if parts.iter().any(|part| part.starts_with("parquet-") || part.starts_with("arrow-")) {
        return format!("the table is malformed, and its reader gave up ({place})");
    }
    format!("a bug ({place})")
}

impl From<request::FormName> for Form {
    fn from(name: request::FormName) -> Self {
        match name {
            request::FormName::Csv => Self::Csv,
            request::FormName::Json => Self::Json,
            request::FormName::Parquet => Self::Parquet,
        }
    }
}
