//! `welkin agent`: this binary as the daemon of a node.

use crate::cli::AgentArgs;
use std::io::Write;
use std::process::ExitCode;
use welkin_agent::{AgentOptions, Word, serve};
use welkin_units::Span;

/// Serves a node to its end. What goes wrong is told to the log that the provider keeps.
pub(crate) fn run(args: &AgentArgs) -> ExitCode {
    served(args).unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "welkin agent: {error:#}");
        ExitCode::FAILURE
    })
}

fn served(args: &AgentArgs) -> anyhow::Result<ExitCode> {
    // Before anything is made: what the agent writes, buckets and sockets included, is its owner's alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let mut options = AgentOptions::new(&args.home, &args.socket, std::env::current_exe()?, &args.node_id);
    options.word = Word::read(std::io::stdin())?;
    options.abandon_after = Span::from_millis(args.abandon_after);
    options.cgroup_procs.clone_from(&args.cgroup_procs);
    let ending = crate::engine::runtime()?.block_on(serve(options))?;
    Ok(ExitCode::from(ending.exit_code()))
}
