//! `welkin broker`: the process that drives runs.

use super::values::age;
use clap::{Args, Subcommand};
use welkin_units::Span;

/// The process that drives runs apart from the commands: see it, end it, run it by hand
///
/// The first command that needs it starts it, and it ends by itself after ten minutes without work. It listens
/// at a socket in the state folder, for its own user alone. Runs outlive it: the next one continues them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BrokerArgs {
    #[command(subcommand)]
    pub(crate) command: BrokerCommand,
}

/// What to do with it.
#[derive(Debug, Subcommand)]
pub(crate) enum BrokerCommand {
    /// Show whether it runs, since when, and what it drives
    Status,
    /// End it; runs that are not over stand still until the next command that needs it starts it again
    Stop(StopArgs),
    /// Run it here, for service managers; Ctrl-C and SIGTERM end it
    Run(ServeHereArgs),
}

/// When to end it.
#[derive(Debug, Args)]
pub(crate) struct StopArgs {
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// How to run it.
#[derive(Debug, Args)]
pub(crate) struct ServeHereArgs {
    /// End after so long without work; `0s` = never [default: 10m when a command started it, else never]
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub(crate) idle: Option<Span>,
    /// Started by a command that waits for the first line
    #[arg(long, hide = true)]
    pub(crate) detach: bool,
}

const EXAMPLES: &str = "\
Examples:
  welkin broker status
  welkin broker stop
  welkin broker run --idle 0s      under systemd, say";
