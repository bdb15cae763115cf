//! What can be said on the command line: clap structures and nothing else.

mod agent;
mod boost;
mod broker;
mod catalog;
mod cluster;
mod explain;
mod gateway;
mod job;
mod jobs;
mod moving;
mod noise;
mod offers;
mod oidc;
mod parallelize;
mod projects;
mod providers;
mod route;
mod run;
mod seal;
mod sizes;
mod sql;
mod ssh;
mod team;
mod values;
mod verbs;

pub(crate) use agent::{AgentArgs, HostArgs};
pub(crate) use boost::{
    BoostArgs, BoostCommand, ConvertArgs, FederateArgs, PlainTrainArgs, PredictArgs, SealedTrainArgs,
    ShowArgs, TableArgs, TakingPartArgs, TrainArgs,
};
pub(crate) use broker::{BrokerArgs, BrokerCommand, ServeHereArgs, StopArgs};
pub(crate) use catalog::{CatalogArgs, CatalogCommand, ImportArgs};
pub(crate) use cluster::{
    AutostopArgs, ClustersArgs, ExecArgs, QueueArgs, StartClusterArgs, StopClusterArgs,
};
pub(crate) use explain::{CompletionsArgs, ExplainArgs, ResolveArgs};
pub(crate) use gateway::{GatewayArgs, GatewayCommand, ServeArgs};
pub(crate) use job::{DiffArgs, Overrides, PlanArgs};
pub(crate) use jobs::{JobsArgs, JobsCommand};
pub(crate) use moving::{
    CpArgs, Manner, MaxDelete, Resumes, Selection, SyncArgs, TransfersArgs, TransfersCommand, VerifyArgs,
};
pub(crate) use noise::NoiseArgs;
pub(crate) use offers::{ArchKind, OffersArgs, Sort, TeeKind};
pub(crate) use parallelize::{ParallelizeArgs, ParallelizeCommand, ProfileArgs};
pub(crate) use projects::{AtBudget, LimitArgs, ProjectArgs, ProjectCommand, ProjectMemberCommand};
pub(crate) use providers::ProvidersArgs;
pub(crate) use route::{ProbeArgs, Probed, RouteArgs, RouteCommand};
pub(crate) use run::{
    CancelArgs, CostArgs, DownArgs, FetchArgs, GcArgs, LogsArgs, PruneArgs, ResumeArgs, RunsArgs, StatusArgs,
    UpArgs,
};

pub(crate) use seal::{
    ContractCommand, ContractNewArgs, ContractSignArgs, ContractVerifyArgs, KeygenArgs, LogCommand,
    LogVerifyArgs, PartyCommand, SealArgs, SealCommand, SealDataArgs, SealOpenArgs, SealReleaseArgs,
    SealRotateArgs, SealVerifyArgs, TableForm,
};
pub(crate) use sizes::Instead;
pub(crate) use sql::{SqlArgs, SqlCheckArgs, SqlCommand, SqlEngineArgs, SqlRunArgs};
pub(crate) use ssh::{PortsArgs, SshArgs};
pub(crate) use team::{
    LoginArgs, LogoutArgs, MemberAddArgs, MemberCommand, MemberForgetArgs, RoleChoice, ServeTeamArgs,
    ServeTeamCommand, TokenAddArgs, TokenCommand,
};
pub(crate) use values::{Bound, cluster_name, pair};
pub(crate) use verbs::known as known_verb;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use serde::Deserialize;

/// Finds where each part of a job should run over every cloud in reach, and runs it.
///
/// Describe the work and its conditions once. Welkin picks places and machines by real prices, moves
/// the data between the parts, runs everything to the end through failures, and accounts for every
/// cent.
#[derive(Debug, Parser)]
#[command(name = "welkin", version, max_term_width = 100, disable_help_subcommand = true, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  welkin up examples/sky.yaml
  welkin plan examples/sky.yaml --explain
  welkin cp ./data s3://bucket/data
  welkin offers --accelerator H100:8 --sort price
  welkin resolve aws/us-east-1

Files: $WELKIN_HOME, else $XDG_STATE_HOME/welkin, else ~/.local/state/welkin, holds config.toml, the
catalog and the records of runs. `welkin explain exit-codes` lists the exit codes.";

/// Flags that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Write results as tables, as JSON with a versioned schema, or (routes) as a graph [env: WELKIN_OUTPUT]
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", help_heading = "Global options")]
    pub(crate) output: Option<Output>,
    /// When to use colour; NO_COLOR is respected [env: WELKIN_COLOR]
    #[arg(long, global = true, value_enum, value_name = "WHEN", help_heading = "Global options")]
    pub(crate) color: Option<ColorChoice>,
    /// Tell more about what is being done; repeat for more
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
}

/// Forms of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people.
    Table,
    /// For programs, with a versioned schema.
    Json,
    /// For Graphviz; `welkin route` only.
    Dot,
}

/// When to use colour.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ColorChoice {
    /// On terminals.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(visible_alias = "launch")]
    Up(Box<UpArgs>),
    Plan(Box<PlanArgs>),
    Diff(DiffArgs),
    Runs(RunsArgs),
    Status(StatusArgs),
    Logs(LogsArgs),
    Fetch(FetchArgs),
    Cancel(CancelArgs),
    Resume(ResumeArgs),
    Down(DownArgs),
    #[command(visible_alias = "cost-report")]
    Cost(CostArgs),
    Gc(GcArgs),
    Prune(PruneArgs),
    Jobs(JobsArgs),
    Clusters(ClustersArgs),
    Exec(Box<ExecArgs>),
    Ssh(SshArgs),
    Ports(PortsArgs),
    Queue(QueueArgs),
    Stop(StopClusterArgs),
    Start(StartClusterArgs),
    Autostop(AutostopArgs),
    Broker(BrokerArgs),
    Serve(ServeTeamArgs),
    Project(ProjectArgs),
    Login(LoginArgs),
    Logout(LogoutArgs),
    Cp(Box<CpArgs>),
    Sync(Box<SyncArgs>),
    Verify(VerifyArgs),
    Transfers(TransfersArgs),
    Gateway(GatewayArgs),
    Boost(BoostArgs),
    Parallelize(Box<ParallelizeArgs>),
    Seal(SealArgs),
    Sql(SqlArgs),
    #[command(visible_alias = "check")]
    Providers(ProvidersArgs),
    #[command(visible_aliases = ["show-gpus", "gpus"])]
    Offers(Box<OffersArgs>),
    Route(Box<RouteArgs>),
    Catalog(CatalogArgs),
    Resolve(ResolveArgs),
    Explain(ExplainArgs),
    Completions(CompletionsArgs),
    #[command(hide = true)]
    Agent(AgentArgs),
    #[command(hide = true)]
    Host(HostArgs),
}
