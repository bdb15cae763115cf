//! `welkin transfers resume`: the command line of a transfer, given again.

use crate::app::App;
use crate::cli::{Cli, Command};
use crate::commands::{cp, sync};
use crate::exit::Exit;
use crate::moving::Records;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use clap::Parser;

pub(super) fn run(records: &Records, name: &str, app: &mut App) -> anyhow::Result<Exit> {
    let about = records.find(name)?;
    std::env::set_current_dir(&about.cwd).with_context(|| format!("going to {}", about.cwd.display()))?;
    let args = std::iter::once("welkin".to_owned()).chain(about.args.iter().cloned());
    let cli = Cli::try_parse_from(args)
        .with_context(|| Fault::new(Code::Transfer, format!("{} was begun by another version", about.id)))?;
    match cli.command {
        Command::Cp(mut args) => {
            args.manner.restart = false;
            cp::run(&args, app)
        }
        Command::Sync(mut args) => {
            args.manner.restart = false;
            sync::run(&args, app)
        }
        _ => Err(Fault::new(Code::Transfer, format!("{} is not a cp or sync", about.id)).into()),
    }
}
