//! `welkin seal`: sealed work.

pub(super) mod contract;
pub(super) mod data;
pub(super) mod enclave;
pub(super) mod journal;
mod keygen;
pub(super) mod keyring;
mod log;
mod owners;
mod party;
mod policy;
pub(super) mod release;
mod token;
mod verify;
pub(super) mod work;

pub(crate) use owners::OwnersHere;

use crate::app::App;
use crate::cli::{SealArgs, SealCommand};
use crate::exit::Exit;
use crate::report::{Code, Fault};
use jiff::Timestamp;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use welkin_seal::Hex;

pub(crate) fn run(args: &SealArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        SealCommand::Keygen(args) => keygen::run(args, app),
        SealCommand::Party(args) => party::run(&args.command, app),
        SealCommand::Data(args) => data::seal(args, app),
        SealCommand::Open(args) => data::open(args, app),
        SealCommand::Rotate(args) => data::rotate(args, app),
        SealCommand::Contract(args) => contract::run(&args.command, app),
        SealCommand::Log(args) => log::run(&args.command, app),
        SealCommand::Release(args) => release::run(args, app),
        SealCommand::Verify(args) => verify::run(args, app),
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or_default()
}

/// Epsilon for people.
pub(super) fn thousandths(milli: u64) -> String {
    format!("{}.{:03}", milli / 1000, milli % 1000)
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> Hex<32> {
    let mut sum = Hex([0; 32]);
    sum.0.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    sum
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whoever changes files of a folder, by what they had, is alone there until this is dropped.
fn alone(path: &Path) -> anyhow::Result<File> {
    let folder = folder_of(path);
    let locked = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    locked.map_err(|error| keyring::unwritten(error, folder))
}

/// Puts new bytes in the place of a file, all or none of them, for whoever could read it.
fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let written =
        tempfile::Builder::new().prefix(".new-").tempfile_in(folder_of(path)).and_then(|mut file| {
            file.write_all(bytes)?;
            file.as_file().set_permissions(path.metadata()?.permissions())?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)
        });
    written.map(drop).map_err(|error| keyring::unwritten(error, path))
}

/// The largest file that is read here, that of the keys of a data set; the other formats have limits of their own below it.
const MOST_BYTES: u64 = 64 << 20;

pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MOST_BYTES + 1).read_to_end(&mut bytes));
    read.map_err(|error| {
        let fault = Fault::new(Code::File, format!("cannot read {}", path.display()));
        anyhow::Error::new(error).context(fault)
    })?;
    if bytes.len() as u64 > MOST_BYTES {
        let what = format!("{} has more than {} MiB", path.display(), MOST_BYTES >> 20);
        return Err(Fault::new(Code::SealEvidence, what).into());
    }
    Ok(bytes)
}
