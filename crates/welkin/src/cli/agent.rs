//! `welkin agent` and `welkin host`: what providers start elsewhere. Not for people.

use clap::Args;
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
