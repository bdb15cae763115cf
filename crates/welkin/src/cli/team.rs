//! One broker for a team: `welkin serve`, `welkin login`, `welkin logout`.

use super::oidc::OidcArgs;
use super::values::{project_name, span};
use clap::{Args, Subcommand, ValueEnum};
use welkin_units::Span;

const SERVE: &str = "\
Examples:
  welkin serve member add w1:3f… --name ana --role member
  welkin serve --listen 0.0.0.0:7465
  welkin serve member list
  welkin serve member remove ana
  welkin serve token add --name ci --role member --expires 30d
  welkin serve --listen 0.0.0.0:7465 --oidc-issuer https://id.example --oidc-client-id w --oidc-role ml=member

On the machines of members:
  welkin login broker.example:7465 --server w1:9c…

Both sides know each other by fingerprints, as with SSH keys: there are no passwords and no certificates to renew. What
members change, and what they are refused, is written to audit.jsonl in Welkin's folder.";

/// Drive the runs of a team: the broker, for members on other machines too
///
/// The same broker that commands on this machine start for themselves, with its socket for this user, and a door for
/// members: TLS 1.3 between keys that know each other. A viewer may look at runs, output and costs. A member may also
/// start and end runs, which run with the accounts, and on emulated and local places with the rights, of this user. An
/// admin may also sweep, prune and stop.
#[derive(Debug, Args)]
#[command(after_help = SERVE, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct ServeTeamArgs {
    /// Where members come in; port 0 takes a free one
    #[arg(long, value_name = "HOST:PORT", required = true)]
    pub(crate) listen: Option<String>,
    /// A database for the records, which several brokers may share: postgres://USER@HOST/DATABASE. A password comes from
    /// PGPASSWORD; over a network the connection is encrypted
    #[cfg(feature = "postgres")]
    #[arg(long, value_name = "URL", env = "WELKIN_STATE", hide_env_values = true)]
    pub(crate) state: Option<String>,
    #[command(flatten)]
    pub(crate) oidc: OidcArgs,
    #[command(subcommand)]
    pub(crate) command: Option<ServeTeamCommand>,
}

/// What to do besides.
#[derive(Debug, Subcommand)]
pub(crate) enum ServeTeamCommand {
    /// Who may come in; a broker that serves takes changes up at once
    #[command(subcommand)]
    Member(MemberCommand),
    /// Tokens for programs, which have no key of their own; a broker that serves takes changes up at once
    #[command(subcommand)]
    Token(TokenCommand),
    /// Print the fingerprint that members log in to
    Id,
}

/// Members.
#[derive(Debug, Subcommand)]
pub(crate) enum MemberCommand {
    /// Let somebody in, or change what they may do
    Add(MemberAddArgs),
    /// Show who may come in
    List,
    /// Let somebody in no more; whoever came by an identity provider stays out
    Remove(MemberRemoveArgs),
    /// Let somebody log in again who was removed, and give their name free
    Forget(MemberForgetArgs),
}

/// Whom.
#[derive(Debug, Args)]
pub(crate) struct MemberAddArgs {
    /// What `welkin login` or `welkin gateway id` prints on their machine
    #[arg(value_name = "FINGERPRINT")]
    pub(crate) fingerprint: String,
    /// What they are called
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// What they may do
    #[arg(long, value_enum, default_value = "member")]
    pub(crate) role: RoleChoice,
}

/// Whom.
#[derive(Debug, Args)]
pub(crate) struct MemberForgetArgs {
    /// Their name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

/// Roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleChoice {
    /// Looks at runs, their output and what they cost
    Viewer,
    /// Starts and ends runs too
    Member,
    /// Sweeps, prunes and stops the broker too
    Admin,
}

/// Whom.
#[derive(Debug, Args)]
pub(crate) struct MemberRemoveArgs {
    /// Their name or fingerprint
    #[arg(value_name = "WHO")]
    pub(crate) who: String,
}

/// Tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make one, and print it: nobody can print it again
    Add(TokenAddArgs),
    /// Show which there are, until when they are good, and when they were last used
    List,
    /// Let in no more whoever has it
    Remove(TokenRemoveArgs),
}

const TOKEN: &str = "\
Examples:
  welkin serve token add --name ci --role member --expires 30d
  welkin serve token add --name ci-lab --project lab --owner ana

Where it is used, it is given in the environment, and on no command line:
  export WELKIN_TOKEN=wlk_…
  welkin login broker.example:7465 --server w1:9c…
  welkin up job.yaml -d";

/// Which.
#[derive(Debug, Args)]
#[command(after_help = TOKEN)]
pub(crate) struct TokenAddArgs {
    /// What it is called, in lists and in the audit
    #[arg(long, value_name = "NAME")]
    pub(crate) name: String,
    /// What whoever has it may do
    #[arg(long, value_enum, default_value = "member")]
    pub(crate) role: RoleChoice,
    /// How long it is good, ten years at most
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "30d")]
    pub(crate) expires: Span,
    /// The project in which it is good, and in no other [default: the whole broker]
    #[arg(long, value_name = "NAME", value_parser = project_name)]
    pub(crate) project: Option<String>,
    /// The member whose it is: it may no more than they may in the project, and nothing when they are out
    #[arg(long, value_name = "NAME", requires = "project")]
    pub(crate) owner: Option<String>,
}

/// Which.
#[derive(Debug, Args)]
pub(crate) struct TokenRemoveArgs {
    /// Its name or fingerprint
    #[arg(value_name = "WHICH")]
    pub(crate) which: String,
}

const LOGIN: &str = "\
Examples:
  welkin login broker.example:7465 --server w1:9c…
  welkin up job.yaml -d
  welkin runs
  welkin login
  welkin logout

Where the broker has an identity provider, a new machine shows a code and an address: whoever
types the code in there is logged in, for some hours. Confirm no code but your own terminal's.

A program without a key of its own has WELKIN_TOKEN in its environment, which `welkin serve token add` prints.

From then on `up`, `exec`, `runs`, `status`, `logs`, `queue`, `clusters`, `cancel`, `down`, `cost` and the like are about
the runs of that broker. Plans are made here, with this machine's catalog. Files of this machine do not get there: data
of jobs go through buckets.";

/// Use the broker of a team in place of one on this machine
#[derive(Debug, Args)]
#[command(after_help = LOGIN)]
pub(crate) struct LoginArgs {
    /// Where it is [default: where this machine logged in last]
    #[arg(value_name = "HOST:PORT", requires = "server")]
    pub(crate) address: Option<String>,
    /// What `welkin serve id` prints there
    #[arg(long, value_name = "FINGERPRINT", requires = "address")]
    pub(crate) server: Option<String>,
    /// Log in by the broker's identity provider with a browser on this machine, not with a code
    #[arg(long)]
    pub(crate) browser: bool,
    /// Log in by it again, though the last login is good still
    #[arg(long)]
    pub(crate) renew: bool,
}

/// Use a broker on this machine again
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  welkin logout")]
pub(crate) struct LogoutArgs {}
