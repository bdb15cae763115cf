//! `welkin ssh`: the system's own ssh, led to a machine of a cluster.

mod hosts;
mod stdio;

use crate::app::App;
use crate::cli::SshArgs;
use crate::clusters::{expect, until_up};
use crate::engine::runtime;
use crate::exit::Exit;
use crate::logins::{Host, Logins, Target, no_openssh};
use crate::report::{Code, Fault};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::Command;
use welkin_broker::{Reader, RunId};

pub(crate) use hosts::refresh_if_used;

pub(crate) fn run(args: &SshArgs, app: &mut App) -> anyhow::Result<Exit> {
    if args.hosts || args.include {
        return hosts::run(args.include, app);
    }
    let Some((first, rest)) = args.what.split_first() else { return Ok(Exit::Usage) };
    let target = Target::parse(first).map_err(|words| {
        Fault::new(Code::Usage, words).hint("`welkin ssh CLUSTER`, then what ssh is to be told")
    })?;
    if args.stdio {
        return stdio::run(&target, args.user.as_deref(), app);
    }
    let (logins, host, _) = ready(&target, app)?;
    app.out.flush()?;
    // Becomes ssh: its exit code is this command's, and so are its signals.
    Err(become_ssh(command(&logins, &host)?.args(rest)))
}

/// A machine that is up, and what ssh needs to know of it; waits for one that is on its way.
pub(super) fn ready(target: &Target, app: &App) -> anyhow::Result<(Logins, Host, Reader)> {
    let (reader, run) = expect(&app.sky, &target.cluster)?;
    let cluster = until_up(&reader, &run, &target.cluster, app)?;
    if target.rank >= cluster.nodes {
        let words = format!("cluster {} has {} nodes, counted from 0", cluster.name, cluster.nodes);
        return Err(Fault::new(Code::Login, words).into());
    }
    let logins = Logins::of(&app.settings);
    let host = known(&logins, target, &run, app)?;
    hosts::refresh(&logins, Some(&reader))?;
    Ok((logins, host, reader))
}

/// Returns only when there is no ssh.
pub(super) fn become_ssh(command: &mut Command) -> anyhow::Error {
    anyhow::Error::new(command.exec()).context(no_openssh())
}

/// What the machine is: as it was noted, or by knocking once.
fn known(logins: &Logins, target: &Target, run: &RunId, app: &App) -> anyhow::Result<Host> {
    match logins.noted(target).filter(|noted| noted.run == *run) {
        Some(noted) => Ok(noted),
        None => runtime()?.block_on(hosts::knock(logins, target, run, app)),
    }
}

/// Not as hosts of the user's own are reached (`ssh-command`): what is said there is about them.
pub(super) fn command(logins: &Logins, host: &Host) -> anyhow::Result<Command> {
    let mut command = Command::new("ssh");
    for (option, value) in logins.options(host)? {
        command.arg("-o").arg(format!("{option}={value}"));
    }
    command.arg(host.target.to_string());
    Ok(command)
}
