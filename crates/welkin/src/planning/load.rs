//! Reading a job file.

use super::{dotenv, overrides};
use crate::app::App;
use crate::cli::Overrides;
use crate::engine::runtime;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use welkin_clouds::Seen;
use welkin_job::Secret;
use welkin_job::limits::MAX_FILE_BYTES;
use welkin_sky::{Found, JobText};

pub(crate) use welkin_sky::Loaded;

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
    look_at_hosts(app)?;
    let text = JobText { shown, text: bytes, base_dir, envs: envs(said)?, secrets: secrets(said)?, to_run };
    let mut loaded = app.sky.read_job(&text)?;
    overrides::apply(&mut loaded.job, said);
    app.sky.hosts().expect_if_asked(&loaded.job)?;
    if !to_run {
        // What is told here as a warning would refuse the run.
        let refused = welkin_broker::refusals(&loaded.job, &loaded.base_dir, std::env::home_dir());
        loaded.warnings.extend(refused.iter().map(|refusal| format!("{shown}: warning: {refusal}")));
    }
    Ok(loaded)
}

/// Looks at hosts where what is known of them is too old, and tells of those that do not answer.
pub(crate) fn look_at_hosts(app: &App) -> anyhow::Result<()> {
    if app.sky.hosts().is_fresh()? {
        return Ok(());
    }
    for silent in &looked(app)?.0.silent {
        app.warn(&format!("{silent}; `welkin providers` says what would help"));
    }
    Ok(())
}

/// What hosts have, from a look at each.
pub(crate) fn looked(app: &App) -> anyhow::Result<(Found, Vec<Seen>)> {
    let (found, seen) = runtime()?.block_on(app.sky.hosts().look())?;
    if let Some(error) = &found.unkept {
        let dir = app.settings.folders.catalog();
        app.warn(&format!("what hosts have cannot be kept in {}: {error}", dir.display()));
    }
    Ok((found, seen))
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
fn folder_of(file: &Path) -> anyhow::Result<PathBuf> {
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
