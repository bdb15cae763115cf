//! `welkin agent`: what providers start on a node. Not for people.

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
