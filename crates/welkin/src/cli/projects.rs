//! Projects of a broker: `welkin project`.

use super::team::RoleChoice;
use super::values::{Bound, budget, count, kind, project_name};
use clap::{Args, Subcommand, ValueEnum};
use welkin_units::Usd;

const PROJECT: &str = "\
Examples:
  welkin project new lab --budget-month 500 --budget 5000 --at-budget stop
  welkin project member add lab ana --role admin
  welkin project set lab --accelerators H100:16 --runs 40 --budget none
  welkin project show lab
  welkin up train.yaml --project lab

A project without a limit uses what it likes. Where nobody says a project it is `default`, whose members are all who may
come in; `welkin project set default --budget-month 100` limits it.";

/// Projects: who shares a budget and quotas
///
/// Each run, each cluster and what is leased for them is of a project, and only its members see it. A budget is held
/// against what was spent and what is under way: whatever would pass it is refused when it is submitted, and waits when it
/// is to be leased. Who is an admin of the broker makes projects and limits them; who is one of a project says who its
/// members are.
#[derive(Debug, Args)]
#[command(after_help = PROJECT)]
pub(crate) struct ProjectArgs {
    #[command(subcommand)]
    pub(crate) command: ProjectCommand,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum ProjectCommand {
    /// Make a project
    #[command(after_help = "Examples:\n  welkin project new lab --budget-month 500")]
    New(NewProjectArgs),
    /// Show the projects that you are a member of, and what they use
    #[command(after_help = "Examples:\n  welkin project list\n  welkin project list --output json")]
    List,
    /// Show what a project may use and does use, and who its members are
    #[command(after_help = "Examples:\n  welkin project show lab\n  welkin project show lab --output json")]
    Show(ShowProjectArgs),
    /// Say what a project may use; what is not said stays as it is
    #[command(after_help = SET)]
    Set(NewProjectArgs),
    /// Remove a project in which nothing is under way; what was in it can be looked at, and its name is not given again
    #[command(after_help = "Examples:\n  welkin project remove lab\n  welkin project remove lab --yes")]
    Remove(RemoveProjectArgs),
    /// Who may do what in a project
    #[command(subcommand)]
    Member(ProjectMemberCommand),
}

const SET: &str = "\
Examples:
  welkin project set lab --budget-month 800
  welkin project set lab --budget-month none --at-budget go-on
  welkin project set lab --accelerators A100:8 --accelerators H100:none";

/// Which, and what it may use.
#[derive(Debug, Args)]
pub(crate) struct NewProjectArgs {
    /// Its name
    #[arg(value_name = "NAME", value_parser = project_name)]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// What a project may use.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Money in each calendar month (UTC), or `none`
    #[arg(long, value_name = "USD", value_parser = budget)]
    pub(crate) budget_month: Option<Bound<Usd>>,
    /// Money in all, or `none`
    #[arg(long, value_name = "USD", value_parser = budget)]
    pub(crate) budget: Option<Bound<Usd>>,
    /// What becomes of what runs when the money is used up; nothing new begins in either case
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) at_budget: Option<AtBudget>,
    /// Runs that are not over, at once, or `none`
    #[arg(long, value_name = "COUNT", value_parser = count)]
    pub(crate) runs: Option<Bound<u32>>,
    /// Leases at once, or `none`
    #[arg(long, value_name = "COUNT", value_parser = count)]
    pub(crate) leases: Option<Bound<u32>>,
    /// Accelerators of a kind at once, such as H100:8 or H100:none; repeat for more kinds
    #[arg(long, value_name = "NAME:COUNT", value_parser = kind)]
    pub(crate) accelerators: Vec<(String, Bound<u32>)>,
}

/// What becomes of what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AtBudget {
    /// It goes on to its end
    GoOn,
    /// It is ended, and its machines are given back
    Stop,
}

/// Which.
#[derive(Debug, Args)]
pub(crate) struct ShowProjectArgs {
    /// Its name
    #[arg(value_name = "NAME", value_parser = project_name)]
    pub(crate) name: String,
}

/// Which, and whether to ask.
#[derive(Debug, Args)]
pub(crate) struct RemoveProjectArgs {
    /// Its name
    #[arg(value_name = "NAME", value_parser = project_name)]
    pub(crate) name: String,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Members of a project.
#[derive(Debug, Subcommand)]
pub(crate) enum ProjectMemberCommand {
    /// Give a member of the broker a role in a project, or another one
    #[command(after_help = "Examples:\n  welkin project member add lab ana --role admin")]
    Add(ProjectMemberAddArgs),
    /// Take somebody out: what they started goes on, and they and their tokens see the project no more
    #[command(after_help = "Examples:\n  welkin project member remove lab ana")]
    Remove(ProjectMemberRemoveArgs),
}

/// Whom, and as what.
#[derive(Debug, Args)]
pub(crate) struct ProjectMemberAddArgs {
    /// The project
    #[arg(value_name = "PROJECT", value_parser = project_name)]
    pub(crate) project: String,
    /// What `welkin serve member` calls them
    #[arg(value_name = "MEMBER")]
    pub(crate) member: String,
    /// A viewer looks, a member starts and ends runs, an admin says who the members are
    #[arg(long, value_enum, default_value = "member", hide_possible_values = true, value_name = "ROLE")]
    pub(crate) role: RoleChoice,
}

/// Whom.
#[derive(Debug, Args)]
pub(crate) struct ProjectMemberRemoveArgs {
    /// The project
    #[arg(value_name = "PROJECT", value_parser = project_name)]
    pub(crate) project: String,
    /// Their name
    #[arg(value_name = "MEMBER")]
    pub(crate) member: String,
}
