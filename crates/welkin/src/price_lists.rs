//! Price lists that were imported: kept as they came, one for each provider, so that the catalog can
//! be built again from them at any time and checked with whatever this version knows.
//!
//! ```text
//! catalog/imports/PROVIDER.csv     the list
//! catalog/imports/PROVIDER.json    where it came from
//! ```

use crate::report::{Code, Fault};
use crate::settings::make_private;
use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use welkin_catalog::import::{FileError, Imported, MAX_FILE_BYTES, Origin, import};
use welkin_catalog::tables::Tables;

/// A price list and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PriceList {
    pub(crate) about: About,
    pub(crate) content: Content,
}

/// Where the text of a list is. Lists lie in files until they are looked at, one after the other: a million
/// offers are some 80 MB of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// Here, unpacked or downloaded.
    Here(Vec<u8>),
    /// In a file.
    File(PathBuf),
}

impl Content {
    /// All of it.
    pub(crate) fn read(&self) -> anyhow::Result<Cow<'_, [u8]>> {
        match self {
            Self::Here(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::File(path) => bounded(path)
                .map(Cow::Owned)
                .with_context(|| Fault::new(Code::File, format!("cannot read {}", path.display()))),
        }
    }
}

fn bounded(path: &Path) -> anyhow::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    anyhow::ensure!(size <= MAX_FILE_BYTES as u64, "{size} bytes, at most {MAX_FILE_BYTES} are read");
    Ok(fs::read(path)?)
}

/// Where a price list came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct About {
    /// Provider's short name.
    pub(crate) provider: String,
    /// Name of the file in its folder or archive.
    pub(crate) file: String,
    /// Date of the prices, `YYYY-MM-DD`.
    pub(crate) as_of: String,
    /// Folder, archive or URL.
    pub(crate) from: String,
}

impl PriceList {
    /// Reads the offers; its own error when the list cannot be read at all.
    pub(crate) fn import(&self, tables: &Tables) -> anyhow::Result<Result<Imported, FileError>> {
        Ok(import(&self.content.read()?, &self.about.origin(), tables))
    }
}

impl About {
    pub(crate) fn origin(&self) -> Origin<'_> {
        Origin { provider: &self.provider, file: &self.file, as_of: &self.as_of }
    }
}

fn folder(catalog_dir: &Path) -> PathBuf {
    catalog_dir.join("imports")
}

/// Every list that is kept, by provider. One that cannot be read is as good as absent: its provider
/// then has the starter's prices.
pub(crate) fn read_all(catalog_dir: &Path) -> Vec<PriceList> {
    let Ok(entries) = fs::read_dir(folder(catalog_dir)) else { return Vec::new() };
    let mut lists: Vec<PriceList> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| {
            let about = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
            let text = path.with_extension("csv");
            text.is_file().then_some(PriceList { about, content: Content::File(text) })
        })
        .collect();
    lists.sort_by(|a, b| a.about.provider.cmp(&b.about.provider));
    lists
}

/// Keeps a list, whose text was read, instead of the one its provider had.
pub(crate) fn keep(catalog_dir: &Path, list: &PriceList, text: &[u8]) -> io::Result<()> {
    let folder = folder(catalog_dir);
    make_private(&folder)?;
    let about = serde_json::to_vec_pretty(&list.about)?;
    // The description last: a list without one is not there yet.
    for (extension, bytes) in [("csv", text), ("json", about.as_slice())] {
        let mut draft = tempfile::NamedTempFile::new_in(&folder)?;
        draft.write_all(bytes)?;
        draft.persist(folder.join(format!("{}.{extension}", list.about.provider)))?;
    }
    Ok(())
}

/// Forgets every list.
pub(crate) fn forget_all(catalog_dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder(catalog_dir)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
