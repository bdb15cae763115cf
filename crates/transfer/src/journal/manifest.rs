//! The manifest of a transfer: every object that arrived, with the hash of what was read.
//!
//! Lines of JSON: a head, one line an object, and a foot with the BLAKE3 hash of everything before it.
//! It is made from the journal when the transfer is over, line by line, and read the same way.

use crate::journal::file::{Journal, JournalError};
use crate::journal::lines::MAX_LINE_BYTES;
use crate::journal::private;
use crate::journal::record::Record;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Name and version of the form.
const SCHEMA: &str = "welkin.transfer-manifest.v1";

/// What a manifest begins with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestHead {
    schema: String,
    /// Name of the transfer.
    pub transfer: String,
    /// Where the objects came from.
    pub source: String,
    /// Where they are: keys are relative to this.
    pub target: String,
}

/// An object of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Key at the target.
    pub key: String,
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3 hash of the content in hex, as `b3sum` prints it.
    pub blake3: String,
}

#[derive(Serialize, Deserialize)]
struct Foot {
    objects: u64,
    bytes: u64,
    digest: String,
}

/// Why a manifest cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read or written.
    #[error("cannot use the manifest {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The journal it is made from cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It is damaged, cut off, or none.
    #[error("{path}, line {line}: {reason}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
}

/// Makes the manifest of a journal, at `path`, by way of a file beside it, which does not stay whatever happens.
/// A journal that is damaged becomes none.
///
/// # Errors
/// [`ManifestError`].
pub fn write_manifest(
    journal: &Path,
    path: &Path,
    transfer: &str,
    source: &str,
    target: &str,
) -> Result<(), ManifestError> {
    let beside = path.with_extension("part");
    let head = ManifestHead {
        schema: SCHEMA.to_owned(),
        transfer: transfer.to_owned(),
        source: source.to_owned(),
        target: target.to_owned(),
    };
    let failed = |source| ManifestError::Io { path: path.to_owned(), source };
    let written = write(journal, &beside, &head).and_then(|()| fs::rename(&beside, path).map_err(failed));
    written.inspect_err(|_| drop(fs::remove_file(&beside)))
}

fn write(journal: &Path, beside: &Path, head: &ManifestHead) -> Result<(), ManifestError> {
    let failed = |source| ManifestError::Io { path: beside.to_owned(), source };
    let file = private::open(beside).map_err(failed)?;
    file.set_len(0).map_err(failed)?;
    let mut output = Output { inner: BufWriter::new(file), hasher: blake3::Hasher::new() };
    output.line(head).map_err(failed)?;
    let (mut objects, mut bytes, mut result) = (0, 0_u64, Ok(()));
    Journal::replay(journal, |record| {
        if let Record::Done(done) = record
            && result.is_ok()
        {
            objects += 1;
            bytes = u64::saturating_add(bytes, done.size);
            result = output.line(&ManifestEntry { key: done.key, size: done.size, blake3: done.blake3 });
        }
    })?;
    result.map_err(failed)?;
    let digest = output.hasher.finalize().to_hex().to_string();
    output.line(&Foot { objects, bytes, digest }).map_err(failed)?;
    let file = output.inner.into_inner().map_err(|error| failed(error.into_error()))?;
    file.sync_all().map_err(failed)
}

struct Output {
    inner: BufWriter<File>,
    hasher: blake3::Hasher,
}

impl Output {
    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.hasher.update(&line);
        self.inner.write_all(&line)
    }
}

/// A manifest being read.
#[derive(Debug)]
pub struct Manifest {
    path: PathBuf,
    input: BufReader<File>,
    hasher: blake3::Hasher,
    line: u64,
    objects: u64,
    bytes: u64,
    over: bool,
    /// What it begins with.
    pub head: ManifestHead,
}

impl Manifest {
    /// Opens a manifest.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn open(path: &Path) -> Result<Self, ManifestError> {
        let failed = |source| ManifestError::Io { path: path.to_owned(), source };
        let mut input = BufReader::with_capacity(MAX_LINE_BYTES, File::open(path).map_err(failed)?);
        let mut first = Vec::new();
        input.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut first).map_err(failed)?;
        let malformed = |reason: String| ManifestError::Malformed { path: path.to_owned(), line: 1, reason };
        let head: ManifestHead = serde_json::from_slice(&first)
            .map_err(|error| malformed(format!("this is not the manifest of a transfer: {error}")))?;
        if head.schema != SCHEMA {
            return Err(malformed(format!("its form is {:?}, this build reads {SCHEMA:?}", head.schema)));
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(&first);
        let path = path.to_owned();
        Ok(Self { path, input, hasher, line: 1, objects: 0, bytes: 0, over: false, head })
    }

    fn malformed(&self, reason: impl Into<String>) -> ManifestError {
        ManifestError::Malformed { path: self.path.clone(), line: self.line, reason: reason.into() }
    }

    /// The next object; `None` after the last, when the foot was found to be right.
    ///
    /// # Errors
    /// [`ManifestError`]; objects before a damaged line are still good, as each names its hash.
    pub fn next_entry(&mut self) -> Result<Option<ManifestEntry>, ManifestError> {
        if self.over {
            return Ok(None);
        }
        let mut line = Vec::new();
        let read = self.input.by_ref().take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line);
        read.map_err(|source| ManifestError::Io { path: self.path.clone(), source })?;
        self.line += 1;
        if line.is_empty() {
            return Err(self.malformed("it ends without its last line: it was cut off"));
        }
        if let Ok(entry) = serde_json::from_slice::<ManifestEntry>(&line) {
            if blake3::Hash::from_hex(&entry.blake3).is_err() {
                return Err(self.malformed(format!("the hash {:?} is malformed", entry.blake3)));
            }
            self.hasher.update(&line);
            self.objects += 1;
            self.bytes = self.bytes.saturating_add(entry.size);
            return Ok(Some(entry));
        }
        let foot: Foot = serde_json::from_slice(&line).map_err(|error| self.malformed(error.to_string()))?;
        if foot.digest != self.hasher.finalize().to_hex().as_str() {
            return Err(self.malformed("its digest is not that of the lines before: it was changed"));
        }
        if (foot.objects, foot.bytes) != (self.objects, self.bytes) {
            return Err(self.malformed("its counts are not those of the lines before"));
        }
        let rest = self.input.fill_buf().map(<[u8]>::is_empty);
        if !rest.map_err(|source| ManifestError::Io { path: self.path.clone(), source })? {
            self.line += 1;
            return Err(self.malformed("something follows its last line, which no digest covers"));
        }
        self.over = true;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Done;

    fn manifest(folder: &Path) -> PathBuf {
        let journal = folder.join("journal");
        let (writer, _) = Journal::open(&journal, "t1", "w", 0).unwrap();
        for (key, content) in [("a", "1"), ("b", "22"), ("c", "")] {
            let done = Done {
                source: key.to_owned(),
                version: None,
                key: key.to_owned(),
                size: content.len() as u64,
                blake3: blake3::hash(content.as_bytes()).to_hex().to_string(),
                target_version: None,
                doubted: false,
            };
            writer.write(&Record::Done(done)).unwrap();
        }
        let path = folder.join("manifest");
        write_manifest(&journal, &path, "t1", "from", "to").unwrap();
        path
    }

    fn read(path: &Path) -> Result<Vec<ManifestEntry>, ManifestError> {
        let mut manifest = Manifest::open(path)?;
        let mut all = Vec::new();
        while let Some(entry) = manifest.next_entry()? {
            all.push(entry);
        }
        Ok(all)
    }

    #[test]
    fn a_manifest_survives_and_no_flipped_bit_goes_unseen() {
        let folder = tempfile::tempdir().unwrap();
        let path = manifest(folder.path());
        let entries = read(&path).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        let good = std::fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(read(&path).is_err(), "a flip at {at} went unseen");
        }
        for cut in 0..good.len() - 1 {
            std::fs::write(&path, &good[..cut]).unwrap();
            assert!(read(&path).is_err(), "a cut at {cut} went unseen");
        }
    }
}
