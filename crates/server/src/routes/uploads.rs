//! What jobs from other machines bring along: packed there, sent in parts, unpacked when the job is submitted.
//!
//! Each member has a folder of its own. An upload is known by the digest of its bytes and by digits of its own; what has
//! arrived stays for a day, so that a connection that breaks costs one part.
//!
//! *Guarantee:* nothing but plain files and folders comes of an upload, below its own folder, and only when every byte is
//! the one that was announced.

use crate::asked::{Named, Wanted};
use crate::guests::{FromElsewhere, Peer, from};
use crate::problem::Problem;
use crate::served::Served;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
#[cfg(feature = "document")]
use welkin_api::wire::Problem as Failure;
use welkin_api::wire::{Arrived, MAX_PART_BYTES};

/// Bytes of one upload, at most: code and small files; data go through buckets.
const MAX_UPLOAD_BYTES: u64 = 4 << 30;

/// Uploads of one member that have not been used yet, at most: as many as it may have connections.
const MAX_UPLOADS: usize = 128;

/// How long what has arrived waits to be used.
const KEPT: Duration = Duration::from_secs(24 * 3600);

/// Digits of a digest.
const DIGITS: usize = 64;

/// Digits that tell uploads of the same content apart, so that none takes another's.
const OWN_DIGITS: usize = 32;

#[derive(Debug, Deserialize)]
pub(crate) struct Where {
    at: u64,
}

/// How much of an upload has arrived.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        get,
        path = "/v1/uploads/{upload}",
        operation_id = "show_upload",
        params(("upload" = String, Path, description = "BLAKE3 of its bytes in 64 hexadecimal digits, `-`, and 32 that no other upload has")),
        responses(
            (status = 200, body = Arrived),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn show(
    State(served): State<Arc<Served>>,
    peer: FromElsewhere,
    Named(name): Named<String>,
) -> Result<Json<Arrived>, Problem> {
    let path = folder(&served, &known(peer)?).join(checked(&name)?);
    let bytes = fs::symlink_metadata(path).map_or(0, |about| about.len());
    Ok(Json(Arrived { bytes }))
}

/// Adds bytes where the upload ends. Answers where it ends then, also when that was elsewhere.
#[cfg_attr(
    feature = "document",
    utoipa::path(
        post,
        path = "/v1/uploads/{upload}",
        operation_id = "upload",
        params(
            ("upload" = String, Path, description = "BLAKE3 of its bytes in 64 hexadecimal digits, `-`, and 32 that no other upload has"),
            ("at" = u64, Query, description = "Where these bytes begin"),
        ),
        request_body(content = Vec<u8>, content_type = "application/octet-stream"),
        responses(
            (status = 200, body = Arrived),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 404, body = Failure, content_type = "application/problem+json"),
            (status = 413, body = Failure, content_type = "application/problem+json"),
            (status = 500, body = Failure, content_type = "application/problem+json"),
            (status = 507, body = Failure, content_type = "application/problem+json"),
        ),
    )
)]
pub(crate) async fn add(
    State(served): State<Arc<Served>>,
    peer: FromElsewhere,
    Named(name): Named<String>,
    Wanted(Where { at }): Wanted<Where>,
    part: Bytes,
) -> Result<Json<Arrived>, Problem> {
    let name = checked(&name)?.to_owned();
    let end = at.checked_add(part.len() as u64).filter(|end| *end <= MAX_UPLOAD_BYTES);
    if part.len() > MAX_PART_BYTES || end.is_none() {
        let words = format!("a part has at most {MAX_PART_BYTES} bytes, an upload {MAX_UPLOAD_BYTES}");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "broker::request", words));
    }
    let folder = folder(&served, &known(peer)?);
    let _one_at_a_time = served.uploads.lock().await;
    let added = tokio::task::spawn_blocking(move || {
        make(&folder)?;
        sweep(&folder)?;
        append(&folder.join(name), at, &part)
    });
    match added.await.map_err(io::Error::other).and_then(|added| added) {
        Ok(bytes) => Ok(Json(Arrived { bytes })),
        Err(error) => Err(unwritten(&error)),
    }
}

/// Whoever is on this machine has no need of uploads.
fn known(peer: FromElsewhere) -> Result<Peer, Problem> {
    from(peer).ok_or_else(|| Problem::request("uploads are for members on other machines"))
}

/// Of one member.
fn folder(served: &Served, peer: &Peer) -> PathBuf {
    served.brought.join(peer.folder())
}

/// `DIGEST-OWN`, as a name of a file.
fn checked(name: &str) -> Result<&str, Problem> {
    let are_digits = |text: &str, count: usize| {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == count && text.bytes().all(is_digit)
    };
    match name.split_once('-') {
        Some((digest, own)) if are_digits(digest, DIGITS) && are_digits(own, OWN_DIGITS) => Ok(name),
        _ => Err(Problem::request(format!(
            "an upload is named by {DIGITS} hexadecimal digits, `-` and {OWN_DIGITS} more"
        ))),
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Removes what nobody has used for a day, and the oldest of too many.
fn sweep(folder: &Path) -> io::Result<()> {
    let mut all: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        all.push((entry.metadata()?.modified()?, entry.path()));
    }
    all.sort_by(|a, b| b.cmp(a));
    let now = SystemTime::now();
    for (at, (used, path)) in all.into_iter().enumerate() {
        if at >= MAX_UPLOADS || now.duration_since(used).is_ok_and(|age| age > KEPT) {
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            drop(removed);
        }
    }
    Ok(())
}

/// Where the file ends afterwards.
fn append(path: &Path, at: u64, part: &[u8]) -> io::Result<u64> {
    let link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut file = OpenOptions::new().create(true).append(true).mode(0o600).custom_flags(link).open(path)?;
    let end = file.seek(SeekFrom::End(0))?;
    if end != at {
        return Ok(end);
    }
    if let Err(error) = file.write_all(part) {
        match error.kind() {
            // The records are on this disk: what may never be used gives its room back.
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => fs::remove_file(path)?,
            // Half a part is no part.
            _ => file.set_len(end)?,
        }
        return Err(error);
    }
    Ok(end + part.len() as u64)
}

fn unwritten(error: &io::Error) -> Problem {
    let status = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, "broker::store", "the upload cannot be written").because(error)
}

/// Unpacks an upload of a member into a folder of its own.
pub(crate) async fn unpacked(served: &Arc<Served>, peer: &Peer, name: &str) -> Result<PathBuf, Problem> {
    let (folder, name) = (folder(served, peer), checked(name)?.to_owned());
    let _one_at_a_time = served.uploads.lock().await;
    let work = tokio::task::spawn_blocking(move || unpack(&folder, &name));
    let failed = |words: &str| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "run::refused", words);
    match work.await.map_err(io::Error::other).and_then(|done| done) {
        Ok(folder) => Ok(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(failed("the upload is not there").hint("it may have been used, or too old: send it again"))
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(failed("the upload is not what was announced").because(&error))
        }
        Err(error) => Err(unwritten(&error)),
    }
}

fn unpack(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let (path, to) = (folder.join(name), folder.join(format!("{name}.unpacked")));
    let digest = name.split_once('-').map_or(name, |(digest, _)| digest);
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(fs::File::open(&path)?)?;
    if hasher.finalize().to_hex().as_str() != digest {
        // Whoever tries again begins anew.
        fs::remove_file(&path)?;
        return Err(io::Error::new(io::ErrorKind::InvalidData, "its digest is another"));
    }
    match fs::remove_dir_all(&to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => make(&to)?,
    }
    let unpacked = files(&path, &to);
    if unpacked.is_err() {
        drop(fs::remove_dir_all(&to));
    }
    unpacked?;
    fs::remove_file(&path)?;
    Ok(to)
}

/// Plain files and folders, and nothing else, below `to`.
fn files(archive: &Path, to: &Path) -> io::Result<()> {
    let strange = |what: &Path| {
        let words = format!("{} is neither a plain file nor a folder of it", what.display());
        io::Error::new(io::ErrorKind::InvalidData, words)
    };
    let mut archive = tar::Archive::new(fs::File::open(archive)?);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        if name.components().any(|part| !matches!(part, Component::Normal(_))) {
            return Err(strange(&name));
        }
        let path = to.join(&name);
        match entry.header().entry_type() {
            tar::EntryType::Directory => make(&path)?,
            tar::EntryType::Regular => {
                make(path.parent().unwrap_or(to))?;
                let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
                io::copy(&mut entry, &mut file)?;
                file.flush()?;
            }
            _ => return Err(strange(&name)),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(build: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        build(&mut builder);
        builder.into_inner().expect("memory takes it")
    }

    fn entry(kind: tar::EntryType, name: &[u8], link: Option<&str>) -> Vec<u8> {
        archive(|builder| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(0);
            // As a stranger writes it, past the checks of the library.
            header.as_mut_bytes()[..name.len()].copy_from_slice(name);
            if let Some(link) = link {
                header.set_link_name(link).expect("a link");
            }
            header.set_cksum();
            builder.append(&header, io::empty()).expect("memory takes it");
        })
    }

    fn put(folder: &Path, bytes: &[u8]) -> String {
        let digest = blake3::hash(bytes).to_hex().to_string();
        assert_eq!(append(&folder.join(&digest), 0, bytes).expect("it is written"), bytes.len() as u64);
        digest
    }

    #[test]
    fn parts_are_added_at_the_end_and_nowhere_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x");
        assert_eq!(append(&path, 0, b"abc").expect("it is written"), 3);
        assert_eq!(append(&path, 0, b"abc").expect("it is written"), 3);
        assert_eq!(append(&path, 9, b"xyz").expect("it is written"), 3);
        assert_eq!(append(&path, 3, b"d").expect("it is written"), 4);
        assert_eq!(fs::read(&path).expect("it is there"), b"abcd");
    }

    #[test]
    fn plain_files_are_unpacked_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = archive(|builder| {
            let mut header = tar::Header::new_gnu();
            header.set_size(2);
            header.set_mode(0o4777);
            builder.append_data(&mut header, "a/b", &b"hi"[..]).expect("memory takes it");
        });
        let digest = put(folder.path(), &bytes);
        let to = unpack(folder.path(), &digest).expect("it is unpacked");
        assert_eq!(fs::read(to.join("a/b")).expect("it is there"), b"hi");
        let again = unpack(folder.path(), &digest).expect_err("it was used");
        assert_eq!(again.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn links_devices_and_paths_out_of_the_folder_are_refused() {
        use tar::EntryType as Kind;
        let folder = tempfile::tempdir().expect("a folder");
        for bytes in [
            entry(Kind::Symlink, b"a", Some("/etc/passwd")),
            entry(Kind::Link, b"a", Some("/etc/passwd")),
            entry(Kind::Char, b"a", None),
            entry(Kind::Fifo, b"a", None),
            entry(Kind::Regular, b"../a", None),
            entry(Kind::Regular, b"/tmp/a", None),
            entry(Kind::Directory, b"../../a", None),
        ] {
            let digest = put(folder.path(), &bytes);
            let error = unpack(folder.path(), &digest).expect_err("it is strange");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
            assert!(!folder.path().join(format!("{digest}.unpacked")).exists());
            fs::remove_file(folder.path().join(&digest)).expect("it stays until it is used");
        }
    }

    #[test]
    fn what_is_not_what_was_announced_is_removed() {
        let folder = tempfile::tempdir().expect("a folder");
        let digest = "0".repeat(64);
        append(&folder.path().join(&digest), 0, b"other").expect("it is written");
        assert_eq!(unpack(folder.path(), &digest).expect_err("another").kind(), io::ErrorKind::InvalidData);
        assert!(!folder.path().join(&digest).exists());
    }

    #[test]
    fn a_member_has_room_for_so_many_uploads() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..MAX_UPLOADS + 4 {
            append(&folder.path().join(format!("{number:064x}")), 0, b"x").expect("it is written");
        }
        sweep(folder.path()).expect("it is swept");
        assert_eq!(fs::read_dir(folder.path()).expect("it is there").count(), MAX_UPLOADS);
    }
}
