//! Price lists that were imported: kept as they came, one for each provider, so that the catalog can
//! be built again from them at any time and checked with whatever this version knows.
//!
//! ```text
//! catalog/imports/PROVIDER.csv     the list
//! catalog/imports/PROVIDER.json    where it came from
//! ```

use crate::error::SkyError;
use crate::private::replace;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use welkin_catalog::import::{FileError, Imported, MAX_FILE_BYTES, Origin, import};
use welkin_catalog::tables::Tables;
use welkin_provider::ProviderId;

/// A price list and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceList {
    /// Where it came from.
    pub about: ListOrigin,
    /// Its text.
    pub content: Content,
}

/// Where the text of a list is. Lists lie in files until they are looked at, one after the other: a million
/// offers are some 80 MB of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Here, unpacked or downloaded.
    Here(Vec<u8>),
    /// In a file.
    File(PathBuf),
}

impl Content {
    /// All of it.
    ///
    /// # Errors
    /// [`SkyError::Read`], also for a file that is longer than any list.
    pub fn read(&self) -> Result<Cow<'_, [u8]>, SkyError> {
        match self {
            Self::Here(bytes) => Ok(Cow::Borrowed(bytes)),
            Self::File(path) => bounded(path).map(Cow::Owned).map_err(SkyError::reading(path)),
        }
    }
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > MAX_FILE_BYTES as u64 {
        return Err(io::Error::other(format!("{size} bytes, at most {MAX_FILE_BYTES} are read")));
    }
    fs::read(path)
}

/// Where a price list came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListOrigin {
    /// Provider's short name.
    pub provider: ProviderId,
    /// Name of the file in its folder or archive.
    pub file: String,
    /// Date of the prices, `YYYY-MM-DD`.
    pub as_of: String,
    /// Folder, archive or URL.
    pub from: String,
}

impl PriceList {
    /// Reads the offers; its own error when the list cannot be read at all.
    ///
    /// # Errors
    /// [`SkyError::Read`].
    pub fn import(&self, tables: &Tables) -> Result<Result<Imported, FileError>, SkyError> {
        Ok(import(&self.content.read()?, &self.about.origin(), tables))
    }
}

impl ListOrigin {
    /// The same, as the catalog asks for it.
    #[must_use]
    pub fn origin(&self) -> Origin<'_> {
        Origin { provider: &self.provider, file: &self.file, as_of: &self.as_of }
    }
}

/// The lists that a home keeps.
#[derive(Debug, Clone)]
pub struct PriceLists(PathBuf);

impl PriceLists {
    /// Those of a catalog's folder.
    pub(crate) fn of(catalog_dir: &Path) -> Self {
        Self(catalog_dir.join("imports"))
    }

    /// Every list that is kept, by provider. One that cannot be read is as good as absent: its provider
    /// then has the starter's prices.
    #[must_use]
    pub fn read_all(&self) -> Vec<PriceList> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Vec::new() };
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
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn keep(&self, list: &PriceList, text: &[u8]) -> io::Result<()> {
        let about = serde_json::to_vec_pretty(&list.about)?;
        // The description last: a list without one is not there yet.
        for (extension, bytes) in [("csv", text), ("json", about.as_slice())] {
            replace(&self.0.join(format!("{}.{extension}", list.about.provider)), bytes)?;
        }
        Ok(())
    }

    /// Forgets every list.
    ///
    /// # Errors
    /// Those of the operating system.
    pub fn forget_all(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}
