//! Commands about clusters: `exec`, `queue`, `clusters`, `autostop`, `stop`, `start`.

use super::job::Overrides;
use super::values::cluster_name;
use clap::Args;

/// Run a command or a job on a cluster
///
/// The command, or the `run` of the job file, starts when its turn comes, in the folder that all work on the cluster
/// shares (`~/sky_workdir` on its nodes). The job's workdir is laid over what is there; its `setup` and file mounts are
/// left out: `welkin up -c NAME FILE` does them too. Without cpus and accelerators of its own, work takes half a CPU.
#[derive(Debug, Args)]
#[command(after_help = EXEC)]
pub(crate) struct ExecArgs {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster_name)]
    pub(crate) cluster: String,
    /// A job file, or a command with its arguments
    #[arg(value_name = "FILE|COMMAND", required = true, trailing_var_arg = true)]
    pub(crate) what: Vec<String>,
    /// Print its name and return at once: it continues without a terminal
    #[arg(short, long, visible_alias = "detach-run")]
    pub(crate) detach: bool,
    /// On a cluster that is full, runs with more come before those with less
    #[arg(long, value_name = "NUMBER", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) priority: i32,
    /// Submitting the same again under the same key gives the same run
    #[arg(long, value_name = "KEY")]
    pub(crate) token: Option<String>,
    #[command(flatten)]
    pub(crate) overrides: Overrides,
}

const EXEC: &str = "\
Examples:
  welkin exec dev -- nvidia-smi
  welkin exec dev 'python train.py > log 2>&1'
  welkin exec dev train.yaml --gpus A100:1 -d
  welkin exec dev --num-nodes 2 --cpus 4 -- hostname";

/// Show the work on a cluster, in the order in which it came
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin queue dev\n  welkin queue dev --skip-finished --output json")]
pub(crate) struct QueueArgs {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster_name)]
    pub(crate) cluster: String,
    /// Leave out what is over
    #[arg(short, long)]
    pub(crate) skip_finished: bool,
}

/// List clusters: where they are, what they cost, what runs on them
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin clusters\n  welkin clusters --output json")]
pub(crate) struct ClustersArgs {}

/// Say how long a cluster may be idle before its machines stop
///
/// They stop, or with --down it ends, when no run was under way or waiting on it, and nobody logged in, for so many minutes. The
/// time counts from this command on, and from the end of the last run or login. What nobody knows, such as what happened while there was no broker, counts as work.
#[derive(Debug, Args)]
#[command(after_help = AUTOSTOP, group(clap::ArgGroup::new("what").required(true)))]
pub(crate) struct AutostopArgs {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster_name)]
    pub(crate) cluster: String,
    /// Minutes without work
    #[arg(short, long, visible_alias = "idle-minutes-to-autostop", value_name = "MINUTES", value_parser = clap::value_parser!(u32).range(1..), group = "what")]
    pub(crate) idle_minutes: Option<u32>,
    /// End it then, and give its machines back with their disks
    #[arg(long, requires = "idle_minutes")]
    pub(crate) down: bool,
    /// It stays until `welkin stop` or `welkin down`
    #[arg(long, group = "what")]
    pub(crate) cancel: bool,
}

const AUTOSTOP: &str = "\
Examples:
  welkin autostop dev -i 30
  welkin autostop dev -i 30 --down
  welkin autostop dev --cancel";

/// Stop the machines of a cluster and keep their disks
///
/// What is under way on it ends. Machines that are stopped cost nothing, their disks what the provider asks for disks.
/// `welkin start` starts them again, with everything that was in their folders. Hosts of your own, spot machines and this
/// machine are not stopped, only given back (`welkin down`).
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin stop dev\n  welkin stop dev --yes")]
pub(crate) struct StopClusterArgs {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster_name)]
    pub(crate) cluster: String,
    /// Do not ask whether what is under way on it may end
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Start the machines of a cluster that were stopped
///
/// They cost from then on what they did before. Where there is no room for them they stay stopped.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin start dev\n  welkin start dev --yes")]
pub(crate) struct StartClusterArgs {
    /// The cluster
    #[arg(value_name = "CLUSTER", value_parser = cluster_name)]
    pub(crate) cluster: String,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}
