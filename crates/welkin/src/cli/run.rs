//! Commands about runs: `up`, `runs`, `status`, `logs`, `cancel`, `resume`, `down`, `cost`, `gc`,
//! `fetch`, `prune`.

use super::job::Overrides;
use super::values::{age, cluster_name, parallel, project_name, size};
use clap::Args;
use std::path::PathBuf;
use welkin_units::{Bytes, Span};

/// Plan a job and run it to its end
///
/// The plan is shown before anything is acquired. A plan that costs money is confirmed first; one
/// whose every place is emulated or local costs nothing and is run without a question. A broker of your
/// own, which the first command starts, drives the run; this command follows it. Ctrl-C asks whether to
/// leave it to the broker or to cancel, which gives everything back that was acquired.
#[derive(Debug, Args)]
#[command(after_help = UP)]
pub(crate) struct UpArgs {
    /// The job file, `-` for standard input, or a plan saved by `welkin plan --save`
    #[arg(value_name = "FILE", required_unless_present = "cluster")]
    pub(crate) file: Option<PathBuf>,
    /// Run it on the cluster of this name, which is made where there is none and stays: `welkin exec` runs more on it
    #[arg(short, long, value_name = "NAME", value_parser = cluster_name, conflicts_with = "foreground", help_heading = "Clusters")]
    pub(crate) cluster: Option<String>,
    /// Stop the machines of the cluster when it has been idle for this many minutes; with --down, end it
    #[arg(short, long, value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..), requires = "cluster", help_heading = "Clusters")]
    pub(crate) idle_minutes_to_autostop: Option<u32>,
    /// End the cluster when it has been idle for a minute, or for as long as --idle-minutes-to-autostop says
    #[arg(long, requires = "cluster", help_heading = "Clusters")]
    pub(crate) down: bool,
    /// On a cluster that is full, runs with more come before those with less
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        allow_negative_numbers = true,
        requires = "cluster",
        help_heading = "Clusters"
    )]
    pub(crate) priority: i32,
    /// The project it is of, which has members, a budget and quotas of its own [default: that of the token, else `default`]
    #[arg(long, value_name = "NAME", value_parser = project_name, env = "WELKIN_PROJECT", hide_env_values = true)]
    pub(crate) project: Option<String>,
    /// Show the plan and stop
    #[arg(long, visible_alias = "dryrun")]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Print the run's name and return at once: the run continues without a terminal
    #[arg(short, long, visible_alias = "detach-run")]
    pub(crate) detach: bool,
    /// Drive the run in this process and not in the broker's, as scripts may want it [env: WELKIN_FOREGROUND=1]
    #[arg(long, conflicts_with = "detach")]
    pub(crate) foreground: bool,
    /// Submitting the same plan again under the same key gives the same run
    #[arg(long, value_name = "KEY", conflicts_with = "foreground")]
    pub(crate) token: Option<String>,
    /// When every place of the plan refused, wait and ask again, without end
    #[arg(long)]
    pub(crate) retry_until_up: bool,
    /// Most tasks under way at once; more wait for their turn [default: 64]
    #[arg(long, value_name = "TASKS", value_parser = parallel)]
    pub(crate) max_parallel: Option<usize>,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

const UP: &str = "\
Examples:
  welkin up examples/sky.yaml
  welkin up train.yaml --env EPOCHS=3 --secret HF_TOKEN --on 'gcp/us-*'
  welkin up train.yaml --env-file .env --gpus H100:8 --use-spot
  welkin up plan.json --yes
  welkin up train.yaml -d          any number of them, from any terminal
  welkin up -c dev train.yaml      on machines that stay, for `welkin exec dev` and `welkin down dev`
  welkin up job.yaml --deadline 2h --objective time --dry-run";

/// List runs
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin runs\n  welkin runs --output json | jq '.runs[-1].id'")]
pub(crate) struct RunsArgs {}

/// Show the tasks of a run: state, place, attempts
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin status\n  welkin status sky-example-nb1sm0 --history")]
pub(crate) struct StatusArgs {
    /// The run, or the beginning of its name; the latest when absent
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Also show everything that happened, in order
    #[arg(long)]
    pub(crate) history: bool,
}

/// Show the output of a run's scripts
#[derive(Debug, Args)]
#[command(after_help = LOGS)]
pub(crate) struct LogsArgs {
    /// The run, or the beginning of its name; the latest when absent
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Only this task
    #[arg(value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// Keep printing until the run is over
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Start with this many of the last lines
    #[arg(short = 'n', long, value_name = "LINES", value_parser = clap::value_parser!(u32).range(..=1_000_000))]
    pub(crate) tail: Option<u32>,
    /// Start after this line, by the number that --output json shows as `id`
    #[arg(long, value_name = "ID", conflicts_with = "tail")]
    pub(crate) since: Option<u64>,
    /// Show when each line was written (UTC)
    #[arg(short, long)]
    pub(crate) timestamps: bool,
    /// Write what the scripts wrote, byte for byte, without names in front of lines and words of others in between
    #[arg(long, conflicts_with = "timestamps")]
    pub(crate) raw: bool,
}

const LOGS: &str = "\
Examples:
  welkin logs
  welkin logs sky-example-nb1sm0 train -f
  welkin logs --tail 20 --timestamps
  welkin logs sky-example-nb1sm0 train --raw > train.log";

/// Cancel a run and give everything back that it acquired
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin cancel sky-example-nb1sm0\n  welkin cancel --all")]
pub(crate) struct CancelArgs {
    /// The run, or the beginning of its name
    #[arg(value_name = "RUN", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) run: Option<String>,
    /// Every run that is not over
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Resume a run whose process ended, or all of them
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin resume\n  welkin resume sky-example-nb1sm0")]
pub(crate) struct ResumeArgs {
    /// The run, or the beginning of its name; every unfinished one when absent
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// When every place of the plan refused, wait and ask again, without end
    #[arg(long)]
    pub(crate) retry_until_up: bool,
    /// Most tasks under way at once; more wait for their turn [default: 64]
    #[arg(long, value_name = "TASKS", value_parser = parallel)]
    pub(crate) max_parallel: Option<usize>,
    /// Drive them in this process and not in the broker's [env: WELKIN_FOREGROUND=1]
    #[arg(long)]
    pub(crate) foreground: bool,
}

/// End a run or a cluster for good: cancel it, then look for anything of it at every provider
///
/// What is under way on a cluster ends with it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin down sky-example-nb1sm0\n  welkin down dev")]
pub(crate) struct DownArgs {
    /// The run, or the beginning of its name, or a cluster
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Taken as other tools take it; nothing is asked
    #[arg(short, long, hide = true)]
    pub(crate) yes: bool,
}

/// Show what runs cost, or the bill of one
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin cost\n  welkin cost sky-example-nb1sm0 --output json")]
pub(crate) struct CostArgs {
    /// The run, or the beginning of its name; all runs when absent
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
}

/// Give back whatever no run needs any more
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin gc\n  welkin gc --take-over")]
pub(crate) struct GcArgs {
    /// Also give back leases of other owners found here, such as those of records that were lost
    #[arg(long)]
    pub(crate) take_over: bool,
    /// Do not ask
    #[arg(short, long, requires = "take_over")]
    pub(crate) yes: bool,
}

/// Copy a committed output of a run to this machine
///
/// What arrives is checked by its digest. Nothing that is there is replaced, but for an empty folder. It
/// works while another process drives runs.
#[derive(Debug, Args)]
#[command(after_help = FETCH)]
pub(crate) struct FetchArgs {
    /// The run, or the beginning of its name
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// The task and its output
    #[arg(value_name = "TASK.OUTPUT")]
    pub(crate) what: String,
    /// Where to put it
    #[arg(value_name = "DEST")]
    pub(crate) dest: PathBuf,
}

/// Remove runs that are over, with their records, logs, uploads and what buckets keep of them
///
/// A run that is not over stays, and so does one that may still have a machine. What moved in the month
/// still counts for the prices of later runs; the bill of a removed run is gone.
#[derive(Debug, Args)]
#[command(after_help = PRUNE)]
pub(crate) struct PruneArgs {
    /// These runs, by name or its beginning; all that are old enough when absent
    #[arg(value_name = "RUN", conflicts_with_all = ["older_than", "keep", "keep_size"])]
    pub(crate) run: Vec<String>,
    /// Runs that ended this long ago or earlier [default: 30d, or with --keep or --keep-size any time]
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub(crate) older_than: Option<Span>,
    /// Keep this many of the latest
    #[arg(long, value_name = "COUNT")]
    pub(crate) keep: Option<usize>,
    /// Keep the latest that together take no more than this, outputs and logs included
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) keep_size: Option<Bytes>,
    /// Show what would be removed, and remove nothing
    #[arg(short = 'n', long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

const FETCH: &str = "\
Examples:
  welkin fetch sky-example-nb1sm0 train.model ./model
  welkin fetch sky-example train.model ./model --output json";

const PRUNE: &str = "\
Examples:
  welkin prune
  welkin prune --older-than 7d --keep 10 --dry-run
  welkin prune --keep-size 20GB --output json --yes
  welkin prune sky-example-nb1sm0 --yes";
