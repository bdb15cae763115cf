//! What a job brings along, on its way to the broker of a team.
//!
//! It is packed as it is now, as the broker of this machine would have taken it, and sent in parts: where the broker has
//! some already, from there on.

use crate::apart;
use crate::app::App;
use crate::planning::Loaded;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use tempfile::TempDir;
use welkin_api::wire::{Arrived, MAX_PART_BYTES};
use welkin_api::{Client, ClientError};
use welkin_broker::{Packed, not_elsewhere};

/// An archive, with the name that it is known by: its digest, and digits that no other upload has.
pub(super) struct Upload {
    archive: Option<(File, String)>,
    _folder: TempDir,
}

/// Packs what the job brings along.
pub(super) async fn pack(loaded: &Loaded, own: &str, app: &App) -> anyhow::Result<Upload> {
    if let Some(what) = not_elsewhere(&loaded.job) {
        let fault = Fault::new(Code::Refused, what);
        return Err(fault
            .hint("workdirs and file mounts below the job file's folder come along; other data go through buckets")
            .into());
    }
    let home = app.settings.folders.home();
    let folder = tempfile::Builder::new().prefix(".upload-").tempdir_in(home);
    let folder =
        folder.with_context(|| Fault::new(Code::File, format!("cannot write to {}", home.display())))?;
    let Packed { folder: packed, left_out } =
        welkin_broker::pack(&loaded.job, &std::path::absolute(&loaded.base_dir)?, folder.path())
            .await
            .map_err(|error| {
                anyhow::Error::new(error)
                    .context(Fault::new(Code::Refused, "what the job brings along cannot be read"))
            })?;
    left_out.iter().for_each(|what| app.note(&format!("left out: {what}")));
    let archive = packed.map(|packed| archive(&packed, &folder.path().join("archive"))).transpose();
    let archive = archive.context("packing what the job brings along")?;
    let archive = archive.map(|(file, digest)| (file, format!("{digest}-{own}")));
    Ok(Upload { archive, _folder: folder })
}

/// All files below a folder, in their order, so that the same content has the same digest.
fn archive(folder: &Path, to: &Path) -> io::Result<(File, String)> {
    let mut builder = tar::Builder::new(io::BufWriter::new(File::create_new(to)?));
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        let name = next.strip_prefix(folder).unwrap_or(&next).to_owned();
        if next.is_dir() {
            let mut inner: Vec<_> =
                std::fs::read_dir(&next)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
            inner.sort_unstable_by(|a, b| b.cmp(a));
            waiting.extend(inner);
            continue;
        }
        let file = File::open(&next)?;
        let mut header = tar::Header::new_gnu();
        header.set_size(file.metadata()?.len());
        header.set_mode(0o600);
        builder.append_data(&mut header, name, file)?;
    }
    builder.into_inner()?.into_inner().map_err(io::IntoInnerError::into_error)?.sync_data()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(to)?)?;
    Ok((File::open(to)?, hasher.finalize().to_hex().to_string()))
}

impl Upload {
    /// What it is known by; none when there is nothing to send.
    pub(super) fn name(&self) -> Option<String> {
        self.archive.as_ref().map(|(_, name)| name.clone())
    }

    /// Sends what the broker does not have. What breaks goes on with the next try.
    pub(super) async fn send(&self, client: &Client, app: &App) -> anyhow::Result<()> {
        let Some((file, name)) = &self.archive else { return Ok(()) };
        let total = file.metadata()?.len();
        let sent: Result<(), ClientError> = async {
            let Arrived { bytes: mut at } = client.get(&format!("/uploads/{name}")).await?;
            let mut file = file;
            while at < total {
                let mut part = Vec::new();
                let read = file
                    .seek(SeekFrom::Start(at))
                    .and_then(|_| file.take(MAX_PART_BYTES as u64).read_to_end(&mut part));
                read.map_err(|error| ClientError::Strange(error.to_string()))?;
                let before = at;
                Arrived { bytes: at } = client.upload(name, at, part).await?;
                if at <= before {
                    return Err(ClientError::Strange("the upload does not grow".to_owned()));
                }
                if app.settings.verbose > 0 {
                    app.note(&format!("sent {at} of {total} bytes"));
                }
            }
            Ok(())
        }
        .await;
        match sent {
            // The submission finds that out for itself, and tries again.
            Err(error) if error.is_gone() => Ok(()),
            sent => sent.map_err(apart::fault),
        }
    }
}
