//! Price lists in archives. Nothing is written to disk, so a hostile path can do no harm; sizes are
//! bounded while unpacking, so a hostile archive cannot either.

use super::source::{Found, provider_of};
use crate::report::{Code, Fault};
use flate2::read::GzDecoder;
use std::io::{Cursor, Read};
use std::time::{Duration, UNIX_EPOCH};
use welkin_catalog::import::MAX_FILE_BYTES;
use welkin_sky::Content;

/// Most bytes that an archive may unpack to: the lists of all providers together, ten times over.
const MAX_TOTAL: u64 = 512 << 20;

/// Most entries that are looked at.
const MAX_ENTRIES: usize = 100_000;

/// The price lists in an archive; `None` when `name` is not that of one.
pub(super) fn unpack(name: &str, bytes: &[u8]) -> anyhow::Result<Option<Vec<Found>>> {
    let lower = name.to_lowercase();
    let unpacked =
        if lower.ends_with(".tar.gz") || lower.ends_with(".tgz") || bytes.starts_with(&[0x1f, 0x8b]) {
            tar(GzDecoder::new(bytes))
        } else if lower.ends_with(".tar") {
            tar(bytes)
        } else if lower.ends_with(".zip") || bytes.starts_with(b"PK\x03\x04") {
            zip(bytes)
        } else {
            return Ok(None);
        };
    unpacked
        .map(Some)
        .map_err(|error| error.context(Fault::new(Code::Import, format!("cannot unpack {name}"))))
}

fn tar(reader: impl Read) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut left = MAX_TOTAL;
    let mut archive = tar::Archive::new(reader.take(MAX_TOTAL));
    for (index, entry) in archive.entries()?.enumerate() {
        anyhow::ensure!(index < MAX_ENTRIES, "more than {MAX_ENTRIES} entries");
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        if !entry.header().entry_type().is_file() || provider_of(&path).is_none() {
            continue;
        }
        let modified = entry.header().mtime().ok().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
        let bytes = take(&mut entry, &path, &mut left)?;
        found.push(Found { path, modified, content: Content::Here(bytes) });
    }
    Ok(found)
}

fn zip(bytes: &[u8]) -> anyhow::Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut left = MAX_TOTAL;
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))?;
    anyhow::ensure!(archive.len() < MAX_ENTRIES, "more than {MAX_ENTRIES} entries");
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index)?;
        let path = entry.name()?.into_owned();
        if !entry.is_file() || provider_of(&path).is_none() {
            continue;
        }
        let bytes = take(&mut entry, &path, &mut left)?;
        found.push(Found { path, modified: None, content: Content::Here(bytes) });
    }
    Ok(found)
}

fn take(entry: &mut impl Read, path: &str, left: &mut u64) -> anyhow::Result<Vec<u8>> {
    let limit = (*left).min(MAX_FILE_BYTES as u64);
    let mut bytes = Vec::new();
    let read = entry.take(limit + 1).read_to_end(&mut bytes)? as u64;
    anyhow::ensure!(read <= limit, "{path} is larger than what is left of the limit, {limit} bytes");
    *left -= read;
    Ok(bytes)
}
