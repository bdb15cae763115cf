//! Reading a job file.

use super::{dotenv, overrides};
use crate::app::App;
use crate::cli::Overrides;
use crate::commands::sha256;
use crate::hosts;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use welkin_job::limits::MAX_FILE_BYTES;
use welkin_job::{Brought, Context, Job, PROVIDERS, Sealed, Secret, parse_bytes, render};
use welkin_seal::{Contract, Refusal};

/// A job with what is to be said about its file.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) job: Job,
    /// Remarks, each complete with its place.
    pub(crate) warnings: Vec<String>,
    /// The folder that paths in the file are relative to.
    pub(crate) base_dir: PathBuf,
}

/// Reads a job file and applies what the command line says over it. `to_run` asks for what a plan can
/// do without: values of secrets.
pub(crate) fn job(file: &Path, said: &Overrides, to_run: bool, app: &App) -> anyhow::Result<Loaded> {
    let shown = if is_stdin(file) { "stdin".to_owned() } else { file.display().to_string() };
    let bytes = read(file).with_context(|| Fault::new(Code::File, format!("cannot read {shown}")))?;
    let base_dir = if is_stdin(file) { std::env::current_dir()? } else { folder_of(file)? };
    read_job(&shown, &bytes, base_dir, said, to_run, app)
}

/// A job that is written in no file, to be run; its paths are relative to where the command was given.
pub(crate) fn job_of(shown: &str, text: &str, said: &Overrides, app: &App) -> anyhow::Result<Loaded> {
    read_job(shown, text.as_bytes(), std::env::current_dir()?, said, true, app)
}

fn read_job(
    shown: &str,
    bytes: &[u8],
    base_dir: PathBuf,
    said: &Overrides,
    to_run: bool,
    app: &App,
) -> anyhow::Result<Loaded> {
    // Before the catalog is opened: hosts are a part of it.
    hosts::refresh(app)?;
    let context = Context {
        file: shown.to_owned(),
        envs: envs(said)?,
        secrets: secrets(said)?,
        secrets_required: to_run,
        providers: imported_providers(app),
    };
    let parsed = parse_bytes(bytes, &context).map_err(|diagnostics| {
        Fault::new(Code::Job, diagnostics.to_string()).verbatim().details(&diagnostics)
    })?;
    let mut warnings: Vec<String> = parsed.warnings.iter().map(render).collect();
    for task in &parsed.job.tasks {
        for key in &task.unexecuted {
            let place = format!("{shown}:{}:{}", key.line, key.column);
            warnings.push(format!("{place}: warning: `{}` has no effect here: {}", key.key, key.meaning));
        }
    }
    let mut job = parsed.job;
    bring_texts(&mut job, &base_dir)?;
    overrides::apply(&mut job, said);
    hosts::expect_if_asked(&job, &app.settings)?;
    if !to_run {
        // What is told here as a warning would refuse the run.
        let refused = welkin_broker::refusals(&job, &base_dir, std::env::home_dir());
        warnings.extend(refused.iter().map(|refusal| format!("{shown}: warning: {refusal}")));
    }
    Ok(Loaded { job, warnings, base_dir })
}

/// Longest contract or query, in bytes: both travel with the plan.
const MOST_TEXT: u64 = 1 << 20;

/// Makes what sealed tasks name a part of the job, so that what is shown is what runs.
fn bring_texts(job: &mut Job, base_dir: &Path) -> anyhow::Result<()> {
    for task in &mut job.tasks {
        let Some(sealed) = &mut task.sealed else { continue };
        for brought in [&mut sealed.contract, &mut sealed.query] {
            let path = base_dir.join(&brought.path);
            let failed = || Fault::new(Code::File, format!("cannot read {}", path.display()));
            let mut text = String::new();
            let file = File::open(&path).with_context(failed)?;
            file.take(MOST_TEXT + 1).read_to_string(&mut text).with_context(failed)?;
            if text.len() as u64 > MOST_TEXT {
                let fault = Fault::new(Code::File, format!("{} is longer than 1 MiB", path.display()));
                return Err(fault.into());
            }
            brought.text = Some(text);
        }
        is_agreed(&task.name, sealed)?;
    }
    Ok(())
}

/// Before anything is planned: a query that nobody signed gets no keys wherever it runs.
fn is_agreed(task: &str, sealed: &Sealed) -> anyhow::Result<()> {
    let text = |brought: &Brought| brought.text.clone().unwrap_or_default();
    let failed = || Fault::new(Code::SealContract, format!("the contract of task {task} does not hold"));
    let contract = Contract::read(text(&sealed.contract).as_bytes()).with_context(failed)?;
    let (found, signed) = (sha256(text(&sealed.query).as_bytes()), contract.manifest.code.digest);
    if found != signed {
        return Err(anyhow::Error::new(Refusal::ChangedCode { found, signed }).context(failed()));
    }
    Ok(())
}

/// The values of variables given on the command line, those of files first.
fn envs(said: &Overrides) -> anyhow::Result<BTreeMap<String, String>> {
    let mut envs = BTreeMap::new();
    for file in &said.env_file {
        let failed = || Fault::new(Code::File, format!("cannot take variables from {}", file.display()));
        let text = String::from_utf8(read(file).with_context(failed)?);
        let pairs = text.context("it is not text").and_then(|text| dotenv::pairs(&text));
        envs.extend(overrides::values(&pairs.with_context(failed)?)?);
    }
    envs.extend(overrides::values(&said.env)?);
    Ok(envs)
}

/// The values of secrets given on the command line.
pub(crate) fn secrets(said: &Overrides) -> anyhow::Result<BTreeMap<String, Secret>> {
    let mut secrets = BTreeMap::new();
    for file in &said.secret_file {
        let failed = || Fault::new(Code::File, format!("cannot take secrets from {}", file.display()));
        secrets.extend(secret_file(file).with_context(failed)?);
    }
    secrets.extend(overrides::values(&said.secret)?);
    Ok(secrets.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
}

/// A `NAME=VALUE` on each line, the value as it stands up to the end of the line; empty lines and those
/// that begin with `#` say nothing.
fn secret_file(path: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let text = String::from_utf8(read(path)?).context("it is not text")?;
    let said = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
    let pair = |(index, line): (usize, &str)| {
        let pair = line.split_once('=').filter(|(name, _)| !name.is_empty());
        // The line itself may be the secret.
        let (name, value) = pair.with_context(|| format!("line {} is not NAME=VALUE", index + 1))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    text.lines().enumerate().filter(|(_, line)| said(line)).map(pair).collect()
}

/// The folder of a file, absolute.
pub(super) fn folder_of(file: &Path) -> anyhow::Result<PathBuf> {
    let absolute = fs::canonicalize(file).with_context(|| format!("resolving {}", file.display()))?;
    Ok(absolute.parent().unwrap_or(&absolute).to_owned())
}

/// One byte more than a job file may have, so that a longer one is refused for its length.
fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let source: Box<dyn Read> =
        if is_stdin(file) { Box::new(std::io::stdin()) } else { Box::new(File::open(file)?) };
    let mut bytes = Vec::new();
    source.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether the file is standard input; its paths are then relative to the present folder.
fn is_stdin(file: &Path) -> bool {
    file == Path::new("-")
}

/// Providers of imported price lists that the file format does not know by itself.
fn imported_providers(app: &App) -> Vec<String> {
    let Ok(catalog) = app.catalog() else { return Vec::new() };
    let names: BTreeSet<&str> = catalog.places().map(|(_, place)| place.provider).collect();
    names.into_iter().filter(|name| !PROVIDERS.contains(name)).map(str::to_owned).collect()
}
