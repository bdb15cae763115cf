//! `welkin agent` and `welkin host`: what providers start elsewhere. Not for people.

use clap::{Args, FromArgMatches};
use std::ffi::OsString;
use std::path::PathBuf;

/// Serve one node
#[derive(Debug, Args)]
pub(crate) struct AgentArgs {
    /// Home of the node
    #[arg(long)]
    pub(crate) home: PathBuf,
    /// Socket to listen on
    #[arg(long)]
    pub(crate) socket: PathBuf,
    /// Name of the node
    #[arg(long)]
    pub(crate) node_id: String,
    /// Milliseconds without a broker before the node ends itself; 0 = never
    #[arg(long, default_value_t = 0)]
    pub(crate) abandon_after: u64,
    /// Files by which scripts join control groups
    #[arg(long)]
    pub(crate) cgroup_procs: Vec<PathBuf>,
}

impl AgentArgs {
    /// What stands behind `agent`, read by itself: to make ready for all commands and their flags costs as much as starting
    /// the process. `None` where something is wrong with it, which the whole parser then says.
    pub(crate) fn alone(args: impl Iterator<Item = OsString>) -> Option<Self> {
        let command = Self::augment_args(clap::Command::new("agent").no_binary_name(true));
        Self::from_arg_matches(&command.try_get_matches_from(args).ok()?).ok()
    }
}

/// Serve a host to the broker at the other end of standard input and output
#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// Folder of all its state
    #[arg(long)]
    pub(crate) root: PathBuf,
    /// How other hosts reach this one; empty: by the address of its SSH server
    #[arg(long, default_value = "")]
    pub(crate) address: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    #[test]
    fn an_agent_reads_its_arguments_as_the_whole_parser_does() {
        let node = ["--home", "/h", "--socket", "/s", "--node-id", "n"];
        let limited = ["--cgroup-procs", "/a", "--abandon-after", "7", "--cgroup-procs", "/b"];
        for given in [node.to_vec(), [&node[..], &limited[..]].concat()] {
            let alone = AgentArgs::alone(given.iter().map(OsString::from)).unwrap();
            let whole = Cli::try_parse_from([&["welkin", "agent"][..], &given].concat()).unwrap();
            let Command::Agent(whole) = whole.command else { panic!("it is the agent") };
            assert_eq!(format!("{alone:?}"), format!("{whole:?}"));
        }
        for wrong in [&["--home"][..], &["--help"], &[]] {
            assert!(AgentArgs::alone(wrong.iter().map(OsString::from)).is_none(), "{wrong:?}");
        }
    }
}
