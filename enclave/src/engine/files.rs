//! Sealed files that were checked: one handle each, and the footer that was read through it.
//!
//! Length and hash are checked before a value is used, through the handle that is read from later, so that another file under the same
//! name changes nothing. Whoever changes the file itself after that is found out by the tags of its pages.

use crate::check::check;
use crate::sum::sum;
use crate::{Keys, OpenError};
use parquet::file::metadata::ParquetMetaData;
use rustix::fs::{Mode, OFlags, open};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use welkin_seal::SnapshotFile;

/// A file of a data set, checked.
#[derive(Debug, Clone)]
pub(crate) struct SealedPart {
    pub(crate) file: Arc<File>,
    pub(crate) bytes: u64,
    /// Its footer, with what opens its pages.
    pub(crate) metadata: Arc<ParquetMetaData>,
}

impl SealedPart {
    /// How many rows were signed, and are in it.
    pub(crate) fn rows(&self) -> u64 {
        u64::try_from(self.metadata.file_metadata().num_rows()).unwrap_or_default()
    }
}

pub(super) fn open_part(
    path: &Path,
    of: &SnapshotFile,
    keys: &Keys,
    aad: &[u8],
) -> Result<SealedPart, OpenError> {
    // A pipe in its place would keep its reader waiting.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut file = File::from(open(path, flags, Mode::empty()).map_err(std::io::Error::from)?);
    if !file.metadata()?.is_file()
        || file.metadata()?.len() != of.bytes
        || sum(&mut file)? != (of.bytes, of.sha256)
    {
        // A file in the open is told by its name: it is what somebody would put in a sealed one's place.
        crate::check::sealed_at_all(&file)?;
        return Err(OpenError::Other);
    }
    let metadata = check(&file, keys, aad)?;
    // Whoever takes memory for rows goes by what was signed.
    if u64::try_from(metadata.file_metadata().num_rows()) != Ok(of.rows) {
        return Err(OpenError::Other);
    }
    Ok(SealedPart { file: Arc::new(file), bytes: of.bytes, metadata: Arc::new(metadata) })
}
