//! What a route is planned over: files are read here and nowhere below.

use crate::cli::RouteArgs;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use welkin_catalog::Glob;
use welkin_catalog::tables::Tables;
use welkin_route::{
    AgreementFile, Facts, Gateways, Ignored, Rates, Relays, Site, Store, Tariffs, Terms, Traffic,
    TrustedKeys, Wan, in_force, read_grid_files,
};
use welkin_units::Bytes;

/// Largest file of a grid; the one of 2022 has half a megabyte.
const MOST_BYTES: u64 = 256 << 20;
/// Lines set aside that are told one by one.
const TOLD: usize = 3;

/// Everything that was read.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) wan: Wan,
    pub(super) relays: Allowed,
    pub(super) terms: Vec<Terms>,
    pub(super) stores: Vec<Store>,
    pub(super) sent: BTreeMap<String, Bytes>,
    /// Agreements that do not count, and why.
    pub(super) ignored: Vec<Ignored>,
    pub(super) warnings: Vec<String>,
}

/// Which sites may relay.
#[derive(Debug)]
pub(super) struct Allowed {
    residency: Vec<String>,
    /// Provider and region patterns.
    excluded: Vec<(Glob, Glob)>,
}

impl Relays for Allowed {
    fn allows(&self, site: &Site) -> bool {
        let lies_in = |code: &String| {
            code.eq_ignore_ascii_case(&site.jurisdiction) || code.eq_ignore_ascii_case(&site.country)
        };
        let excluded = self.excluded.iter().any(|(provider, region)| {
            provider.matches(&site.name.provider)
                && (region.matches(&site.region) || region.matches(&site.name.place))
        });
        !excluded && (self.residency.is_empty() || self.residency.iter().any(lies_in))
    }

    fn allows_store(&self, store: &Store) -> bool {
        // A store that says nothing of where it keeps data may keep it anywhere.
        self.residency.is_empty()
            || self.residency.iter().any(|code| code.eq_ignore_ascii_case(&store.jurisdiction))
    }
}

impl Inputs {
    pub(super) fn read(args: &RouteArgs, trusted: &TrustedKeys) -> anyhow::Result<Self> {
        let mut warnings = Vec::new();
        let wan = wan(args, &mut warnings)?;
        let (terms, ignored) = agreements(args, trusted)?;
        warnings.extend(
            ignored
                .iter()
                .map(|Ignored { agreement, reason }| format!("agreement {agreement} is ignored: {reason}")),
        );
        let excluded = args.exclude.iter().map(|text| {
            let (provider, region) = text.split_once([':', '/']).unwrap_or((text, "*"));
            (Glob::new(provider), Glob::new(region))
        });
        Ok(Self {
            wan,
            relays: Allowed { residency: args.residency.clone(), excluded: excluded.collect() },
            terms,
            stores: stores(&args.store)?,
            sent: args.sent.iter().cloned().collect(),
            ignored,
            warnings,
        })
    }
}

/// The measured graph, or the estimate.
fn wan(args: &RouteArgs, warnings: &mut Vec<String>) -> anyhow::Result<Wan> {
    let (tariffs, gateways, tables) = (Tariffs::builtin(), Gateways::builtin(), Tables::embedded());
    let Some(grid) = &args.grid else {
        return Ok(Wan::starter(&Rates::builtin(), &tariffs, &gateways, tables));
    };
    let paths = files(grid)?.into_iter().chain(args.prices.clone());
    let mut contents = Vec::new();
    for path in paths {
        contents.push((path.display().to_string(), read(&path)?));
    }
    let borrowed: Vec<(&str, &[u8])> =
        contents.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let input = read_grid_files(&borrowed)
        .map_err(|(name, message)| Fault::new(Code::Grid, format!("{name}: {message}")))?;
    for (name, bad) in input.quarantined.iter().take(TOLD) {
        warnings.push(format!("{name}:{} is set aside: {}", bad.line, bad.reason));
    }
    if input.quarantined.len() > TOLD {
        warnings.push(format!("… and {} more lines are set aside", input.quarantined.len() - TOLD));
    }
    if input.grid.pairs.is_empty() {
        let message = format!("{} holds no rate between two places", grid.display());
        return Err(Fault::new(Code::Grid, message).into());
    }
    Ok(Wan::measured(&input.grid, &input.prices, &tariffs, &gateways, tables))
}

/// A file, or all tables of a folder in the order of their names.
fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).with_context(|| unreadable(path))?;
    let mut files: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "csv"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Fault::new(Code::Grid, format!("{} holds no .csv file", path.display())).into());
    }
    Ok(files)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let size = fs::metadata(path).with_context(|| unreadable(path))?.len();
    if size > MOST_BYTES {
        let message = format!("{} has {size} bytes; at most {MOST_BYTES} are read", path.display());
        return Err(Fault::new(Code::Grid, message).into());
    }
    fs::read(path).with_context(|| unreadable(path))
}

fn unreadable(path: &Path) -> Fault {
    Fault::new(Code::File, format!("{} cannot be read", path.display()))
}

/// Agreements in force, and those that are not with the reason.
fn agreements(args: &RouteArgs, trusted: &TrustedKeys) -> anyhow::Result<(Vec<Terms>, Vec<Ignored>)> {
    let Some(path) = &args.agreements else { return Ok((Vec::new(), Vec::new())) };
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    let file = AgreementFile::parse(&text)
        .map_err(|message| Fault::new(Code::Agreements, format!("{}: {message}", path.display())))?;
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let declared: BTreeSet<String> = args.declare.iter().cloned().collect();
    let exchanged: BTreeMap<String, Traffic> = args.exchanged.iter().cloned().collect();
    let keys = args.trust.as_deref().map_or_else(|| Ok(trusted.clone()), trusted_keys)?;
    let facts =
        Facts { keys: &keys, today: &today, declared: &declared, traffic: &exchanged, size: args.size };
    Ok(in_force(&file, &facts))
}

/// The user's own file of keys: a table of TOML, lists of keys by provider.
fn trusted_keys(path: &Path) -> anyhow::Result<TrustedKeys> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    toml::from_str(&text).map_err(|error| {
        let fault = Fault::new(Code::Agreements, format!("{} is not a file of trusted keys", path.display()));
        anyhow::Error::new(error)
            .context(fault.hint("it has a line `aws = [\"<64 hex digits>\"]` for each provider"))
    })
}

fn stores(names: &[String]) -> anyhow::Result<Vec<Store>> {
    let known = Store::builtin();
    names
        .iter()
        .map(|name| {
            known.iter().find(|store| store.name == *name).cloned().ok_or_else(|| {
                let names: Vec<&str> = known.iter().map(|store| store.name.as_str()).collect();
                let fault = Fault::new(Code::Place, format!("`{name}` is not a store that is known here"));
                fault.hint(format!("known are {}", names.join(", "))).into()
            })
        })
        .collect()
}
