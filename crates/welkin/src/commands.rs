//! The commands, one a file: each takes its arguments and the surroundings, and says how it ended.

mod agent;
mod autostop;
mod boost;
mod broker;
mod cancel;
mod catalog;
mod clusters;
mod completions;
mod cost;
mod cp;
mod diff;
mod down;
mod exec;
mod explain;
mod fetch;
mod gateway;
mod gc;
mod host;
mod login;
mod logout;
mod logs;
mod offers;
pub(crate) mod parallelize;
mod plan;
mod ports;
mod project;
mod providers;
mod prune;
mod queue;
mod resolve;
mod resume;
mod route;
mod runs;
mod seal;
mod serve;
mod sql;
mod ssh;
mod start;
mod status;
mod stop;
mod sync;
mod transfers;
mod up;
mod verify;

pub(crate) use agent::run as agent;
pub(crate) use host::run as host;
pub(crate) use seal::OwnersHere;

use crate::app::App;
use crate::cli::{Command, JobsCommand};
use crate::exit::Exit;
use crate::report::{Code, Fault};

/// Runs a command.
pub(crate) fn run(command: &Command, app: &mut App) -> anyhow::Result<Exit> {
    if app.settings.graph && !matches!(command, Command::Route(_)) {
        return Err(Fault::new(Code::Usage, "only `welkin route` writes graphs").into());
    }
    match command {
        Command::Up(args) => up::run(args, app),
        Command::Plan(args) => plan::run(args, app),
        Command::Diff(args) => diff::run(args, app),
        Command::Runs(_) => runs::run(app),
        Command::Status(args) => status::run(args, app),
        Command::Logs(args) => logs::run(args, app),
        Command::Fetch(args) => fetch::run(args, app),
        Command::Cancel(args) => cancel::run(args, app),
        Command::Resume(args) => resume::run(args, app),
        Command::Down(args) => down::run(args, app),
        Command::Cost(args) => cost::run(args, app),
        Command::Gc(args) => gc::run(args, app),
        Command::Prune(args) => prune::run(args, app),
        Command::Clusters(_) => clusters::run(app),
        Command::Exec(args) => exec::run(args, app),
        Command::Ssh(args) => ssh::run(args, app),
        Command::Ports(args) => ports::run(args, app),
        Command::Queue(args) => queue::run(args, app),
        Command::Autostop(args) => autostop::run(args, app),
        Command::Stop(args) => stop::run(args, app),
        Command::Start(args) => start::run(args, app),
        Command::Broker(args) => broker::run(args, app),
        Command::Serve(args) => serve::run(args, app),
        Command::Project(args) => project::run(args, app),
        Command::Login(args) => login::run(args, app),
        Command::Logout(_) => logout::run(app),
        Command::Jobs(args) => match &args.command {
            JobsCommand::Launch(args) => up::run(args, app),
            JobsCommand::Queue(_) => runs::run(app),
            JobsCommand::Logs(args) => logs::run(args, app),
            JobsCommand::Cancel(args) => cancel::run(args, app),
        },
        Command::Cp(args) => cp::run(args, app),
        Command::Sync(args) => sync::run(args, app),
        Command::Verify(args) => verify::run(args, app),
        Command::Transfers(args) => transfers::run(args, app),
        Command::Gateway(args) => gateway::run(args, app),
        Command::Boost(args) => boost::run(args, app),
        Command::Parallelize(args) => parallelize::run(args, app),
        Command::Seal(args) => seal::run(args, app),
        Command::Sql(args) => sql::run(args, app),
        Command::Providers(_) => providers::run(app),
        Command::Offers(args) => offers::run(args, app),
        Command::Route(args) => route::run(args, app),
        Command::Catalog(args) => catalog::run(args, app),
        Command::Resolve(args) => resolve::run(args, app),
        Command::Explain(args) => explain::run(args, app),
        Command::Completions(args) => completions::run(args, app),
        // Answered in `main`, where there are no settings: a node has no user.
        Command::Agent(_) | Command::Host(_) => Ok(Exit::Usage),
    }
}
