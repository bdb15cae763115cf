//! Commands that take a job file: `plan`, `diff`, `up`.

use super::sizes::{Instead, cpus, gpus, memory, nodes};
use super::values::{effort, infra, objective, pair, span, usd};
use clap::Args;
use std::path::PathBuf;
use welkin_job::{Accelerator, Amount, Infra, Objective};
use welkin_units::{Span, Usd};

/// What may be said over the job file.
#[derive(Debug, Default, Clone, PartialEq, Args)]
pub(crate) struct Overrides {
    /// Set a variable in every task; without a value it is taken from the environment
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = pair, help_heading = "Overrides of the job file")]
    pub(crate) env: Vec<(String, Option<String>)>,
    /// Set variables in every task from a file with a NAME=VALUE on each line; `--env` wins over it
    #[arg(long, value_name = "FILE", help_heading = "Overrides of the job file")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Take secrets, which are never shown, from a file with a NAME=VALUE on each line
    #[arg(long, value_name = "FILE", help_heading = "Overrides of the job file")]
    pub(crate) secret_file: Vec<PathBuf>,
    /// Take a secret from the environment; with =VALUE from here, where other users of the machine see it
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = pair, help_heading = "Overrides of the job file")]
    pub(crate) secret: Vec<(String, Option<String>)>,
    /// `cost`, `time`, or weights such as `cost=1,time=0.3` (per dollar and per hour)
    #[arg(long, value_name = "WHAT", value_parser = objective, help_heading = "Overrides of the job file")]
    pub(crate) objective: Option<Objective>,
    /// Longest time from start to end, such as `8h`
    #[arg(long, value_name = "TIME", value_parser = span, help_heading = "Overrides of the job file")]
    pub(crate) deadline: Option<Span>,
    /// Most money for the whole job
    #[arg(long, value_name = "USD", value_parser = usd, help_heading = "Overrides of the job file")]
    pub(crate) budget: Option<Usd>,
    /// Run every task there: `aws`, `gcp/us-*`, `aws/us-east-1/us-east-1a`, `local`
    #[arg(long, visible_alias = "infra", value_name = "PLACE", value_parser = infra, help_heading = "Overrides of the job file")]
    pub(crate) on: Option<Infra>,
    /// Accelerators of each node, such as `H100:8`, or `none`
    #[arg(long, value_name = "NAME[:COUNT]", value_parser = gpus, help_heading = "Overrides of the job file")]
    pub(crate) gpus: Option<Instead<Accelerator>>,
    /// vCPUs of each node: `8`, `8+` for at least 8, or `none` for any number
    #[arg(long, value_name = "COUNT", value_parser = cpus, help_heading = "Overrides of the job file")]
    pub(crate) cpus: Option<Instead<Amount>>,
    /// Memory of each node in GiB: `32`, `32+` for at least 32, or `none` for any amount
    #[arg(long, value_name = "GIB", value_parser = memory, help_heading = "Overrides of the job file")]
    pub(crate) memory: Option<Instead<Amount>>,
    /// Nodes of every task
    #[arg(long, value_name = "COUNT", value_parser = nodes, help_heading = "Overrides of the job file")]
    pub(crate) num_nodes: Option<u32>,
    /// Machines that are cheaper and may be taken away
    #[arg(long, overrides_with = "no_use_spot", help_heading = "Overrides of the job file")]
    pub(crate) use_spot: bool,
    /// Machines at full price, which are kept
    #[arg(long, overrides_with = "use_spot", help_heading = "Overrides of the job file")]
    pub(crate) no_use_spot: bool,
    /// Search this many times longer than usual for a better plan, or a better proof of it
    #[arg(long, value_name = "TIMES", value_parser = effort)]
    pub(crate) effort: Option<u32>,
    /// Name of the run
    #[arg(short, long, value_name = "NAME", help_heading = "Overrides of the job file")]
    pub(crate) name: Option<String>,
}

/// Plan a job: where each task runs, what it costs, how long it takes
///
/// Nothing is acquired. The plan is exact unless it says otherwise: no other choice of places is
/// better by the objective.
#[derive(Debug, Args)]
#[command(after_help = PLAN)]
pub(crate) struct PlanArgs {
    /// The job file, or `-` for standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Show every plan that no other beats in both cost and time
    #[arg(long, conflicts_with_all = ["why_not", "save", "explain"])]
    pub(crate) pareto: bool,
    /// Show which condition removed how many offers
    #[arg(long)]
    pub(crate) explain: bool,
    /// Show why no task, or not every task, runs there
    #[arg(long, value_name = "PLACE", value_parser = infra)]
    pub(crate) why_not: Option<Infra>,
    /// Write the plan to a file, for `welkin diff` and `welkin up`
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Price transfers as at the beginning of a month, not on top of what runs moved in this one
    #[arg(long)]
    pub(crate) new_month: bool,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

const PLAN: &str = "\
Examples:
  welkin plan examples/sky.yaml
  welkin plan examples/sky.yaml --explain --objective time
  welkin plan examples/sky.yaml --why-not aws/us-east-1
  welkin plan examples/sky.yaml --pareto
  welkin plan examples/sky.yaml --save plan.json";

/// Compare two saved plans
#[derive(Debug, Args)]
#[command(after_help = DIFF)]
pub(crate) struct DiffArgs {
    /// The plan before
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The plan after
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// Exit with 12 when they differ
    #[arg(long)]
    pub(crate) exit_code: bool,
}

const DIFF: &str = "\
Examples:
  welkin plan job.yaml --save old.json
  welkin plan job.yaml --deadline 2h --save new.json
  welkin diff old.json new.json";
