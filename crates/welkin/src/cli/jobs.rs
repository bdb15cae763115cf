//! `welkin jobs`: runs by the names that SkyPilot gives to what is done with them.

use super::run::{CancelArgs, LogsArgs, RunsArgs, UpArgs};
use clap::{Args, Subcommand};

/// Runs, by SkyPilot's names: launch, queue, logs, cancel
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct JobsArgs {
    #[command(subcommand)]
    pub(crate) command: JobsCommand,
}

/// What to do with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// As `welkin up`
    Launch(Box<UpArgs>),
    /// As `welkin runs`
    Queue(RunsArgs),
    /// As `welkin logs`
    Logs(LogsArgs),
    /// As `welkin cancel`
    Cancel(CancelArgs),
}

const EXAMPLES: &str = "\
Examples:
  welkin jobs launch train.yaml -d
  welkin jobs queue
  welkin jobs logs train -f
  welkin jobs cancel --all";
