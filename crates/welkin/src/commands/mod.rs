//! The commands, one a file: each takes its arguments and the surroundings, and says how it ended.

mod catalog;
mod completions;
mod diff;
mod explain;
mod offers;
mod plan;
mod resolve;

use crate::app::App;
use crate::cli::Command;
use crate::exit::Exit;

/// Runs a command.
pub(crate) fn run(command: &Command, app: &mut App) -> anyhow::Result<Exit> {
    match command {
        Command::Plan(args) => plan::run(args, app),
        Command::Diff(args) => diff::run(args, app),
        Command::Offers(args) => offers::run(args, app),
        Command::Catalog(args) => catalog::run(args, app),
        Command::Resolve(args) => resolve::run(args, app),
        Command::Explain(args) => explain::run(args, app),
        Command::Completions(args) => completions::run(args, app),
    }
}
