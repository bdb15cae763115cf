//! `welkin boost train CONTRACT`: one model of several parties' sealed rows, trained inside of an engine.

use crate::app::App;
use crate::cli::SealedTrainArgs;
use crate::commands::seal::work::{self, Work};
use crate::exit::Exit;
use crate::report::{Code, Fault};
use std::path::{Path, PathBuf};
use welkin_seal::CodeKind;
use welkin_units::Bytes;

/// Memory for rows unless said otherwise: twenty million of 28 features.
const MEMORY: u64 = 4 << 30;

pub(super) fn run(contract: &Path, args: &SealedTrainArgs, app: &mut App) -> anyhow::Result<Exit> {
    let (text, folder) = (named(&args.recipe, "--recipe FILE")?, named(&args.folder, "--to FOLDER")?);
    if args.inputs.is_empty() {
        return Err(missing("--input FOLDER").into());
    }
    let work = Work {
        kind: CodeKind::Boost,
        contract,
        text,
        inputs: &args.inputs,
        folder,
        ask: &args.ask,
        policy: &args.policy,
        passphrase_file: &args.passphrase_file,
        memory: args.memory.map_or(MEMORY, Bytes::get),
        threads: args.threads,
        spill: None,
        dry_run: args.dry_run,
        tee: args.tee,
        certificates: &args.certificates,
    };
    work::run(&work, app)
}

fn named<'a>(path: &'a Option<PathBuf>, what: &str) -> Result<&'a Path, Fault> {
    path.as_deref().ok_or_else(|| missing(what))
}

fn missing(what: &str) -> Fault {
    Fault::new(Code::Usage, format!("training under a contract needs {what}"))
}
