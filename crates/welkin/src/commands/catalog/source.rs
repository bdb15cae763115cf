//! Where price lists come from: folders, archives, single files, URLs.
//!
//! Whatever the source, what comes out is a list of `(path, date, content)`; [`pick`] decides which of
//! them are price lists and of whom. A list is `PROVIDER/vms.csv`, or `PROVIDER.csv`; where folders of
//! several format versions lie side by side (`v7/aws/vms.csv`, `v8/aws/vms.csv`) the newest counts.

use super::{archive, download};
use crate::cli::ImportArgs;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;
use welkin_name::ProviderIdError;
use welkin_sky::{Content, ListOrigin, PriceList};

/// A file of a source.
#[derive(Debug)]
pub(super) struct Found {
    /// Path within the source, `/` between its parts.
    pub(super) path: String,
    /// When it was last changed.
    pub(super) modified: Option<SystemTime>,
    pub(super) content: Content,
}

/// Deepest folder that is looked into: `catalogs/v8/aws` and one more.
const MAX_DEPTH: usize = 5;

/// Most price lists taken from one source: ten times the providers there are.
const MAX_LISTS: usize = 256;

/// Reads every price list of a source.
pub(super) fn read(args: &ImportArgs) -> anyhow::Result<Vec<PriceList>> {
    let ImportArgs { source, provider, as_of, blake3 } = args;
    let found = if source.starts_with("https://") || source.starts_with("http://") {
        let (name, bytes) = download::fetch(source, blake3.is_some())?;
        agrees(source, &bytes, *blake3)?;
        unpack(&name, bytes, None)?
    } else {
        let path = Path::new(source);
        let about = fs::metadata(path).map_err(|error| {
            let fault = Fault::new(Code::File, format!("cannot read {source}"));
            anyhow::Error::new(error).context(fault)
        })?;
        if about.is_dir() {
            if blake3.is_some() {
                let message = format!("--blake3 is the hash of one file, and {source} is a folder");
                return Err(Fault::new(Code::Usage, message).into());
            }
            let mut found = Vec::new();
            walk(path, "", 0, &mut found)?;
            found
        } else {
            let bytes = Content::File(path.to_owned()).read()?.into_owned();
            agrees(source, &bytes, *blake3)?;
            let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            let parent = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy());
            // `aws/vms.csv` tells its provider by its folder.
            let name = parent.map_or(name.clone(), |parent| format!("{parent}/{name}"));
            unpack(&name, bytes, about.modified().ok())?
        }
    };
    let lists = pick(found, source, provider.as_deref(), as_of.as_deref())?;
    if lists.is_empty() {
        let fault = Fault::new(Code::Import, format!("{source} holds no price list"))
            .hint("expected PROVIDER/vms.csv, or one CSV file with --provider NAME");
        return Err(fault.into());
    }
    Ok(lists)
}

/// Refuses what does not have the hash that was asked for.
fn agrees(source: &str, bytes: &[u8], expected: Option<blake3::Hash>) -> anyhow::Result<()> {
    let hash = blake3::hash(bytes);
    if expected.is_none_or(|expected| expected == hash) {
        return Ok(());
    }
    let message = format!("{source} has the BLAKE3 hash {hash}, not the one that was given");
    Err(Fault::new(Code::Import, message).into())
}

fn unpack(name: &str, bytes: Vec<u8>, modified: Option<SystemTime>) -> anyhow::Result<Vec<Found>> {
    if let Some(found) = archive::unpack(name, &bytes)? {
        return Ok(found);
    }
    Ok(vec![Found { path: name.to_owned(), modified, content: Content::Here(bytes) }])
}

fn walk(folder: &Path, prefix: &str, depth: usize, found: &mut Vec<Found>) -> anyhow::Result<()> {
    let list = || format!("cannot list {}", folder.display());
    let mut entries: Vec<_> =
        fs::read_dir(folder).with_context(list)?.collect::<Result<_, _>>().with_context(list)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            if depth < MAX_DEPTH {
                walk(&entry.path(), &format!("{path}/"), depth + 1, found)?;
            }
        } else if provider_of(&path).is_some() {
            let modified = entry.metadata().ok().and_then(|about| about.modified().ok());
            found.push(Found { path, modified, content: Content::File(entry.path()) });
        }
    }
    Ok(())
}

/// The provider whose price list a path is.
pub(super) fn provider_of(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.strip_suffix(".csv")?;
    let name = if stem == "vms" { folder.rsplit('/').next()? } else { stem };
    let is_name = !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && name.bytes().any(|byte| byte.is_ascii_alphabetic());
    // Files beside `vms.csv` in a provider's folder are other tables.
    let beside = stem != "vms" && !folder.is_empty() && !folder.ends_with("catalog");
    (is_name && !beside).then(|| name.to_ascii_lowercase())
}

/// `v8` in a path means version 8 of the format.
fn version(path: &str) -> u32 {
    path.split('/').filter_map(|part| part.strip_prefix('v')?.parse().ok()).max().unwrap_or(0)
}

fn pick(
    found: Vec<Found>,
    source: &str,
    provider: Option<&str>,
    as_of: Option<&str>,
) -> anyhow::Result<Vec<PriceList>> {
    let single = found.len() == 1;
    let mut newest: BTreeMap<String, (u32, Found)> = BTreeMap::new();
    for found in found {
        let named = provider.filter(|_| single).map(str::to_ascii_lowercase);
        let Some(provider) = named.or_else(|| provider_of(&found.path)) else { continue };
        let version = version(&found.path);
        if newest.get(&provider).is_none_or(|(known, _)| *known < version) {
            newest.insert(provider, (version, found));
        }
        if newest.len() > MAX_LISTS {
            let message = format!("{source} holds more than {MAX_LISTS} price lists");
            return Err(Fault::new(Code::Import, message).into());
        }
    }
    let wanted = |name: &String| provider.is_none_or(|wanted| name.eq_ignore_ascii_case(wanted));
    newest
        .into_iter()
        .filter(|(provider, _)| wanted(provider))
        .map(|(provider, (_, found))| {
            let as_of = as_of.map_or_else(|| date(found.modified), |date| Ok(date.to_owned()))?;
            let provider = provider
                .parse()
                .map_err(|wrong: ProviderIdError| Fault::new(Code::Import, wrong.to_string()))?;
            let about = ListOrigin { provider, file: found.path, as_of, from: source.to_owned() };
            Ok(PriceList { about, content: found.content })
        })
        .collect()
}

/// The UTC date of a moment; today's for a file that does not tell.
fn date(modified: Option<SystemTime>) -> anyhow::Result<String> {
    let moment = jiff::Timestamp::try_from(modified.unwrap_or_else(SystemTime::now))?;
    Ok(moment.strftime("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_by_path() {
        for (path, provider) in [
            ("aws/vms.csv", Some("aws")),
            ("catalogs/v8/GCP/vms.csv", Some("gcp")),
            ("lambda.csv", Some("lambda")),
            ("aws/images.csv", None),
            ("vms.csv", None),
            ("aws/vms.json", None),
            ("a b/vms.csv", None),
            ("../vms.csv", None),
        ] {
            assert_eq!(provider_of(path).as_deref(), provider, "{path}");
        }
    }

    #[test]
    fn the_newest_version_of_the_format_counts() {
        let found =
            |path: &str| Found { path: path.to_owned(), modified: None, content: Content::Here(path.into()) };
        let lists = pick(
            vec![found("c/v8/aws/vms.csv"), found("c/v10/aws/vms.csv"), found("c/v9/aws/vms.csv")],
            "c",
            None,
            Some("2026-01-01"),
        )
        .unwrap();
        assert_eq!(lists.len(), 1);
        assert_eq!(lists[0].content, Content::Here(b"c/v10/aws/vms.csv".to_vec()));
        let single = pick(vec![found("x/prices.csv")], "x", Some("Lambda"), Some("2026-01-01")).unwrap();
        assert_eq!(single[0].about.provider, "lambda");
        // The list is kept in a file of this name.
        let outside = pick(vec![found("x/prices.csv")], "x", Some("../../x"), Some("2026-01-01"));
        assert!(outside.unwrap_err().to_string().contains("is not the name of a provider"));
    }
}
