//! `welkin completions`: a completion script.

use crate::app::App;
use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Exit;
use clap::CommandFactory;
use std::io::Write;

pub(crate) fn run(args: &CompletionsArgs, app: &mut App) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    // The generator panics when its writer fails, and a pipe may be closed early: collect first.
    clap_complete::generate(args.shell, &mut Cli::command(), "welkin", &mut script);
    app.out.write_all(&script)?;
    app.out.flush()?;
    Ok(Exit::Success)
}
