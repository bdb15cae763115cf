//! Reading jobs.

use crate::error::{Cause, SkyError};
use crate::sky::Sky;
use ring::digest::{SHA256, digest};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use welkin_job::{Brought, Context, Job, PROVIDERS, Sealed, Secret, parse_bytes, render};
use welkin_seal::{Contract, Hex, Refusal};

/// Longest contract or query, in bytes: both travel with the plan.
const MOST_TEXT: u64 = 1 << 20;

/// A job as it is written, and what goes with it.
#[derive(Debug, Clone)]
pub struct JobText<'a> {
    /// What the text is called in messages: the path of its file, as a rule.
    pub shown: &'a str,
    /// In YAML.
    pub text: &'a [u8],
    /// The folder that its paths are relative to.
    pub base_dir: PathBuf,
    /// Values of variables, over those of the text.
    pub envs: BTreeMap<String, String>,
    /// Values of secrets.
    pub secrets: BTreeMap<String, Secret>,
    /// Whether it is to be run: then secrets without a value are mistakes, and what would be refused is no warning here.
    pub to_run: bool,
}

impl<'a> JobText<'a> {
    /// A job to be planned, with paths relative to the present folder.
    #[must_use]
    pub fn new(shown: &'a str, text: &'a [u8]) -> Self {
        let (envs, secrets) = (BTreeMap::new(), BTreeMap::new());
        Self { shown, text, base_dir: PathBuf::from("."), envs, secrets, to_run: false }
    }

    pub(crate) fn read(&self, sky: &Sky) -> Result<Loaded, SkyError> {
        let context = Context {
            file: self.shown.to_owned(),
            envs: self.envs.clone(),
            secrets: self.secrets.clone(),
            secrets_required: self.to_run,
            providers: imported_providers(sky),
        };
        let parsed = parse_bytes(self.text, &context).map_err(SkyError::Job)?;
        let mut warnings: Vec<String> = parsed.warnings.iter().map(render).collect();
        for task in &parsed.job.tasks {
            for key in &task.unexecuted {
                let place = format!("{}:{}:{}", self.shown, key.line, key.column);
                warnings.push(format!("{place}: warning: `{}` has no effect here: {}", key.key, key.meaning));
            }
        }
        let mut job = parsed.job;
        bring_texts(&mut job, &self.base_dir)?;
        Ok(Loaded { job, warnings, base_dir: self.base_dir.clone() })
    }
}

/// A job with what is to be said about its file.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The job.
    pub job: Job,
    /// Remarks, each complete with its place.
    pub warnings: Vec<String>,
    /// The folder that paths in the file are relative to.
    pub base_dir: PathBuf,
}

/// Makes what sealed tasks name a part of the job, so that what is shown is what runs.
fn bring_texts(job: &mut Job, base_dir: &Path) -> Result<(), SkyError> {
    for task in &mut job.tasks {
        let Some(sealed) = &mut task.sealed else { continue };
        for brought in [&mut sealed.contract, &mut sealed.query] {
            let path = base_dir.join(&brought.path);
            let text = bounded(&path).map_err(SkyError::reading(&path))?;
            if text.len() as u64 > MOST_TEXT {
                return Err(SkyError::TooLong { path });
            }
            brought.text = Some(text);
        }
        is_agreed(&task.name, sealed)?;
    }
    Ok(())
}

fn bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MOST_TEXT + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Before anything is planned: a query that nobody signed gets no keys wherever it runs.
fn is_agreed(task: &str, sealed: &Sealed) -> Result<(), SkyError> {
    let text = |brought: &Brought| brought.text.clone().unwrap_or_default();
    let failed = |source: Cause| SkyError::Contract { task: task.to_owned(), source };
    let contract = Contract::read(text(&sealed.contract).as_bytes()).map_err(|error| failed(error.into()))?;
    let mut found = Hex([0; 32]);
    found.0.copy_from_slice(digest(&SHA256, text(&sealed.query).as_bytes()).as_ref());
    let signed = contract.manifest.code.digest;
    if found != signed {
        return Err(failed(Refusal::ChangedCode { found, signed }.into()));
    }
    Ok(())
}

/// Providers of imported price lists that the file format does not know by itself.
fn imported_providers(sky: &Sky) -> Vec<String> {
    let Ok(catalog) = sky.catalog() else { return Vec::new() };
    let names: BTreeSet<&str> = catalog.places().map(|(_, place)| place.provider).collect();
    names.into_iter().filter(|name| !PROVIDERS.contains(name)).map(str::to_owned).collect()
}

/// The folder of a file, absolute.
pub(crate) fn folder_of(file: &Path) -> Result<PathBuf, SkyError> {
    let absolute = fs::canonicalize(file).map_err(SkyError::reading(file))?;
    Ok(absolute.parent().unwrap_or(&absolute).to_owned())
}
