//! Looking at files and reading them: on the open file, so that nothing comes between the look and the bytes.

use crate::local::Job;
use crate::local::links;
use crate::local::path::Below;
use crate::local::stat::Stamp;
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::io;
use std::os::unix::fs::FileExt;
use welkin_store::block::BlockWriter;
use welkin_store::{Failure, FailureKind, Found, Metadata, Piece};

/// What a file is, if there is one.
pub(super) fn find(job: &Job) -> Result<Option<Found>, Failure> {
    if let Some(name) = job.link() {
        let link = link(job, name)?;
        return Ok(link.map(|(_, stamp)| found(stamp, job, true)));
    }
    match job.base.file(job.path()?, OFlags::PATH).and_then(|file| Stamp::of(&file)) {
        Ok(stamp) => Ok(stamp.is_file().then(|| found(stamp, job, false))),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        // A link, which is no object here.
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => Ok(None),
        Err(error) => Err(job.io(&error)),
    }
}

fn found(stamp: Stamp, job: &Job, link: bool) -> Found {
    let mut metadata = stamp.metadata(&job.key);
    if link {
        // Links have no permissions of their own.
        metadata = Metadata { user: metadata.user, ..Metadata::default() };
        metadata.user.remove("mode");
    }
    Found { listed: stamp.listed(job.key.clone()), metadata, crc64: None }
}

/// Where a link leads that the key stands for.
fn link(job: &Job, name: &str) -> Result<Option<(Vec<u8>, Stamp)>, Failure> {
    let twin = job.base.file(job.path()?, OFlags::PATH).is_ok();
    if twin {
        let message = format!("a file of that name cannot be told from the link {name:?}");
        return Err(job.failure(FailureKind::Unsupported, &message));
    }
    let path = Below::file(name).map_err(|why| job.failure(FailureKind::Unsupported, &why))?;
    match job.base.spot(path).and_then(|spot| links::read(&spot)) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        read => read.map_err(|error| job.io(&error)),
    }
}

/// Reads bytes of a file of one version.
pub(super) fn read(
    job: &Job,
    mut offset: u64,
    version: Option<String>,
    mut writer: BlockWriter,
) -> Result<Piece, Failure> {
    let failed = |error: io::Error| job.io(&error);
    let changed = |why: &str| job.failure(FailureKind::Changed, why);
    let other = |stamp: &Stamp| version.as_ref().is_some_and(|version| *version != stamp.version());
    if let Some(name) = job.link() {
        let Some((target, stamp)) = link(job, name)? else {
            return Err(job.failure(FailureKind::NotFound, "there is no such link"));
        };
        let taken = usize::try_from(offset).ok().and_then(|from| target.get(from..)).unwrap_or_default();
        if other(&stamp) || writer.extend(taken) < taken.len() {
            return Err(changed("it changed since it was looked at"));
        }
        let block = writer.finish().map_err(|_| changed("it is shorter than it was"))?;
        let metadata = found(stamp, job, true).metadata;
        return Ok(Piece { block, metadata, version: Some(stamp.version()) });
    }
    let file = match job.base.file(job.path()?, OFlags::RDONLY) {
        Err(error)
            if error.kind() == io::ErrorKind::NotFound && job.key.contains(char::REPLACEMENT_CHARACTER) =>
        {
            return Err(job.failure(FailureKind::NotFound, "its name is not UTF-8"));
        }
        // What a socket says.
        Err(error) if error.raw_os_error() == Some(Errno::NXIO.raw_os_error()) => {
            return Err(job.failure(FailureKind::Unsupported, "it is not a regular file"));
        }
        file => file.map_err(failed)?,
    };
    let stamp = Stamp::of(&file).map_err(failed)?;
    if !stamp.is_file() {
        return Err(job.failure(FailureKind::Unsupported, "it is not a regular file"));
    }
    if other(&stamp) {
        return Err(changed("it changed since it was looked at"));
    }
    if writer.whole_length().is_some_and(|length| length as u64 != stamp.size()) {
        return Err(changed(&format!("it has {} bytes", stamp.size())));
    }
    while writer.missing() > 0 {
        let count = file.read_at(writer.spare(), offset).map_err(failed)?;
        if count == 0 {
            return Err(changed("it is shorter than it was"));
        }
        offset += count as u64;
        writer.advance(count);
    }
    if Stamp::of(&file).map_err(failed)? != stamp {
        return Err(changed("it changed while it was read"));
    }
    let block = writer.finish().map_err(|_| changed("it is shorter than it was"))?;
    Ok(Piece { block, metadata: stamp.metadata(&job.key), version: Some(stamp.version()) })
}

/// Whether a folder is there and cannot be listed.
pub(super) fn is_unseen(job: &Job) -> bool {
    let opened = job.path().map(|path| job.base.folder_to_read(Some(path)));
    opened.is_ok_and(|opened| opened.is_err_and(|error| error.kind() != io::ErrorKind::NotFound))
}

/// Why a folder could not be listed.
pub(super) fn why_unseen(job: &Job) -> Failure {
    // Never of the kind that says that a key marks a folder: what is below is missing from the listing.
    let message =
        match job.path().and_then(|path| job.base.folder_to_read(Some(path)).map_err(|error| job.io(&error)))
        {
            _ if job.key.contains(char::REPLACEMENT_CHARACTER) => "its name is not UTF-8".to_owned(),
            Err(failure) => failure.message,
            Ok(_) => "it could not be read before, or leads back to a folder it is in".to_owned(),
        };
    job.failure(FailureKind::Invalid, &message)
}
