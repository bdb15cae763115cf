//! `welkin transfers resume`: the command line of a transfer, given again.

use crate::app::App;
use crate::cli::{Cli, Command, Resumes};
use crate::commands::{cp, sync};
use crate::exit::Exit;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use clap::Parser;
use welkin_sky::{TransferState, Transfers};

pub(super) fn run(records: &Transfers, name: &str, app: &mut App) -> anyhow::Result<Exit> {
    let about = records.find(name)?;
    if about.source == "-" {
        let message = format!("{} was a stream from standard input, which does not come twice", about.id);
        let hint = format!("`welkin transfers gc {}` drops what it left at the target", about.id);
        return Err(Fault::new(Code::Transfer, message).hint(hint).into());
    }
    let resumes = Resumes { id: about.id.clone(), what: about.what.clone() };
    match records.state(&about).0 {
        TransferState::Done => {
            app.note(&format!("{} is done; its command, given again, begins another", about.id));
            return Ok(Exit::Success);
        }
        TransferState::Incomplete => app.note(&format!("{} is over; looking at everything again", about.id)),
        TransferState::Running | TransferState::Interrupted | TransferState::Damaged => {}
    }
    std::env::set_current_dir(&about.cwd).with_context(|| format!("going to {}", about.cwd.display()))?;
    let args = std::iter::once("welkin".to_owned()).chain(about.args.iter().cloned());
    let cli = Cli::try_parse_from(args)
        .with_context(|| Fault::new(Code::Transfer, format!("{} was begun by another version", about.id)))?;
    match cli.command {
        Command::Cp(mut args) => {
            (args.manner.restart, args.manner.resumes) = (false, Some(resumes));
            cp::run(&args, app)
        }
        Command::Sync(mut args) => {
            (args.manner.restart, args.manner.resumes) = (false, Some(resumes));
            sync::run(&args, app)
        }
        _ => Err(Fault::new(Code::Transfer, format!("{} is not a cp or sync", about.id)).into()),
    }
}
