//! `welkin seal`: sealed work.

mod verify;

use crate::app::App;
use crate::cli::{SealArgs, SealCommand};
use crate::exit::Exit;
use crate::report::{Code, Fault};
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub(crate) fn run(args: &SealArgs, app: &mut App) -> anyhow::Result<Exit> {
    match &args.command {
        SealCommand::Verify(args) => verify::run(args, app),
    }
}

/// The largest file that is read here; the formats have limits of their own below it.
const MOST_BYTES: u64 = 16 << 20;

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
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
