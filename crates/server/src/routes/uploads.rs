//! What jobs from other machines bring along: packed there, sent in parts, unpacked when the job is submitted.
//!
//! Each member has a folder of its own. An upload is known by the digest of its bytes and by digits of its own; what has
//! arrived stays for a day, so that a connection that breaks costs one part.
//!
//! *Guarantee:* nothing but plain files and folders comes of an upload, below its own folder, and only when every byte is
//! the one that was announced. No more memory is taken than for one part.

use crate::asked::{Named, Wanted};
use crate::guests::{FromElsewhere, Peer, from};
use crate::problem::Problem;
use crate::routes::runs::within;
use crate::served::Served;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use std::cell::Cell;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
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

/// Files and folders of one upload, at most: each is one on this disk too.
const MAX_FILES: usize = 1 << 20;

/// Bytes of an archive from one file to the next, at most: a header, and a path, of which Linux takes 4 KiB.
const MAX_HEAD_BYTES: u64 = 64 << 10;

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
        params(("upload" = String, Path, description = "BLAKE3 of its bytes in 64 hexadecimal digits, `-`, and 32 that no other upload has", pattern = "^[0-9a-f]{64}-[0-9a-f]{32}$")),
        responses(
            (status = 200, body = Arrived),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 403, body = Failure, content_type = "application/problem+json"),
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
            ("upload" = String, Path, description = "BLAKE3 of its bytes in 64 hexadecimal digits, `-`, and 32 that no other upload has", pattern = "^[0-9a-f]{64}-[0-9a-f]{32}$"),
            ("at" = u64, Query, description = "Where these bytes begin", maximum = 4294967296_i64),
        ),
        request_body(content = Vec<u8>, content_type = "application/octet-stream"),
        responses(
            (status = 200, body = Arrived),
            (status = 400, body = Failure, content_type = "application/problem+json"),
            (status = 403, body = Failure, content_type = "application/problem+json"),
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
    within("at", at, 0, MAX_UPLOAD_BYTES)?;
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
    let words = "uploads are for members on other machines";
    from(peer).ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, "broker::request", words))
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

pub(crate) fn unpack(folder: &Path, name: &str) -> io::Result<PathBuf> {
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
    let left = Cell::new(MAX_HEAD_BYTES);
    let mut archive =
        tar::Archive::new(Bounded { input: BufReader::new(fs::File::open(archive)?), left: &left });
    for (count, entry) in archive.entries()?.enumerate() {
        if count == MAX_FILES {
            return Err(strange(format!("more than {MAX_FILES} files")));
        }
        put(entry.map_err(senseless)?, &left, to).map_err(senseless)?;
        left.set(MAX_HEAD_BYTES);
    }
    Ok(())
}

fn put<R: Read>(mut entry: tar::Entry<'_, R>, left: &Cell<u64>, to: &Path) -> io::Result<()> {
    let name = entry.path()?.into_owned();
    let is_plain = name.components().all(|part| matches!(part, Component::Normal(_)));
    let path = to.join(&name);
    match entry.header().entry_type() {
        tar::EntryType::Directory if is_plain => make(&path),
        tar::EntryType::Regular if is_plain && name.file_name().is_some() => {
            make(path.parent().unwrap_or(to))?;
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            left.set(u64::MAX);
            io::copy(&mut entry, &mut file)?;
            file.flush()
        }
        _ => Err(strange(format!("{} is neither a plain file nor a folder of it", name.display()))),
    }
}

fn strange(words: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, words)
}

/// Whose fault it is: what the system did not say is the archive's, and so are names that no disk takes.
fn senseless(error: io::Error) -> io::Error {
    use io::ErrorKind::{AlreadyExists, InvalidFilename, IsADirectory, NotADirectory};
    let by_name = matches!(error.kind(), AlreadyExists | InvalidFilename | IsADirectory | NotADirectory);
    if by_name || error.raw_os_error().is_none() { strange(error.to_string()) } else { error }
}

/// An archive of which so many bytes may be read: what comes before a file, a long name as well, is held in memory.
struct Bounded<'a, R> {
    input: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(into.len());
        if most == 0 && !into.is_empty() {
            return Err(strange(format!("what is said of a file has more than {MAX_HEAD_BYTES} bytes")));
        }
        let count = self.input.read(&mut into[..most])?;
        self.left.set(self.left.get().saturating_sub(count as u64));
        Ok(count)
    }
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

    /// A file without content, and what is said of it in front of it.
    fn announced(kind: u8, text: &[u8]) -> Vec<u8> {
        archive(|builder| {
            for (kind, text) in [(kind, text), (b'0', b"".as_slice())] {
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(tar::EntryType::new(kind));
                header.set_path("file").expect("a path");
                header.set_size(text.len() as u64);
                header.set_cksum();
                builder.append(&header, text).expect("memory takes it");
            }
        })
    }

    /// A sparse file whose map has so many blocks.
    fn sparse(blocks: usize) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNUSparse);
        header.set_path("file").expect("a path");
        header.set_size(0);
        header.as_gnu_mut().expect("it is one of GNU").isextended[0] = 1;
        header.set_cksum();
        let mut map = tar::GnuExtSparseHeader::new();
        map.isextended[0] = 1;
        [header.as_bytes().as_slice(), &map.as_bytes().repeat(blocks)].concat()
    }

    fn refused(folder: &Path, bytes: &[u8]) -> String {
        let error = unpack(folder, &put(folder, bytes)).expect_err("it is senseless");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        error.to_string()
    }

    #[test]
    fn long_names_are_read_as_gnu_and_posix_write_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let long = "a".repeat(200);
        for (kind, text) in [(b'L', long.clone()), (b'x', format!("210 path={long}\n"))] {
            let to = unpack(folder.path(), &put(folder.path(), &announced(kind, text.as_bytes())));
            assert!(to.expect("it is unpacked").join(&long).exists(), "{}", char::from(kind));
        }
    }

    /// The library holds all of it in memory: a name of 4 GiB, or a map of 4 GiB, ended the broker.
    #[test]
    fn no_more_is_held_of_what_is_said_of_a_file_than_there_can_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let most = usize::try_from(MAX_HEAD_BYTES).expect("it is small");
        let long = vec![b'a'; most];
        let archives = [b'L', b'K', b'x'].map(|kind| announced(kind, &long));
        for bytes in archives.iter().chain([&sparse(most / 512)]) {
            let said = refused(folder.path(), bytes);
            assert!(said.contains("more than 65536 bytes"), "{said}");
        }
    }

    #[test]
    fn an_archive_that_no_disk_takes_is_the_fault_of_whoever_sent_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &[u8]| entry(tar::EntryType::Regular, name, None)[..512].to_vec();
        let mut damaged = file(b"a");
        damaged[0] ^= 1;
        for bytes in [
            [file(b"a"), file(b"a")].concat(),
            [file(b"a"), file(b"a/b")].concat(),
            [file(b"a/b"), file(b"a")].concat(),
            announced(b'L', &[b'a'; 300]),
            announced(b'L', b""),
            announced(b'L', b"a")[..1024].to_vec(),
            damaged,
        ] {
            refused(folder.path(), &bytes);
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
