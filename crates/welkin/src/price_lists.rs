//! Price lists that were imported: kept as they came, one for each provider, so that the catalog can
//! be built again from them at any time and checked with whatever this version knows.
//!
//! ```text
//! catalog/imports/PROVIDER.csv     the list
//! catalog/imports/PROVIDER.json    where it came from
//! ```

use crate::settings::make_private;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use welkin_catalog::import::{FileError, Imported, Origin, import};
use welkin_catalog::tables::Tables;

/// A price list and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PriceList {
    pub(crate) about: About,
    pub(crate) bytes: Vec<u8>,
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
    /// Reads the offers.
    pub(crate) fn import(&self, tables: &Tables) -> Result<Imported, FileError> {
        import(&self.bytes, &self.about.origin(), tables)
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
            Some(PriceList { about, bytes: fs::read(path.with_extension("csv")).ok()? })
        })
        .collect();
    lists.sort_by(|a, b| a.about.provider.cmp(&b.about.provider));
    lists
}

/// Keeps a list instead of the one its provider had.
pub(crate) fn keep(catalog_dir: &Path, list: &PriceList) -> io::Result<()> {
    let folder = folder(catalog_dir);
    make_private(&folder)?;
    let about = serde_json::to_vec_pretty(&list.about)?;
    // The description last: a list without one is not there yet.
    for (extension, bytes) in [("csv", &list.bytes), ("json", &about)] {
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
