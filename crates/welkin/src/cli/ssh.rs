//! `welkin ssh` and `welkin ports`: logins to machines of clusters.

use clap::Args;

/// Log in to a cluster, or run a command there, with the system's own ssh
///
/// What follows the name of the cluster is ssh's: its options, and a command. `dev` is the first node, `dev.1` the second.
/// No port is open on the nodes: the connection goes through the broker to an `sshd` that is started for it alone. As long
/// as somebody is logged in, a cluster is not idle. What was started in a login ends with it: `welkin exec -d` is for what
/// is to go on.
///
/// With the line that --include adds to ~/.ssh/config, `ssh dev`, `scp`, `rsync`, `sftp` and editors that use them
/// reach clusters by the same names.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SshArgs {
    /// The cluster, or a node of it (`dev.1`), and arguments of ssh
    #[arg(
        value_names = ["CLUSTER", "SSH ARGUMENT"], num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true,
        required_unless_present_any = ["hosts", "include"]
    )]
    pub(crate) what: Vec<String>,
    /// Write the names of all clusters that are up for ssh, and show them
    #[arg(long, conflicts_with = "what")]
    pub(crate) hosts: bool,
    /// The same, and add one line to ~/.ssh/config that includes them; the rest of that file stays as it is
    #[arg(long, conflicts_with = "what")]
    pub(crate) include: bool,
    /// Carry a connection of ssh over standard input and output
    #[arg(long, hide = true, conflicts_with_all = ["hosts", "include"])]
    pub(crate) stdio: bool,
    /// The account that ssh logs in to
    #[arg(long, hide = true, requires = "stdio", value_name = "NAME")]
    pub(crate) user: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  welkin ssh dev
  welkin ssh dev nvidia-smi
  welkin ssh dev.1 -t htop
  welkin ssh dev -N -L 8888:localhost:8888      # forwards a port: http://localhost:8888
  welkin ssh --include && scp model.pt dev:sky_workdir/ && rsync -a dev:results .";

/// Lead ports of this machine to servers on a cluster
///
/// Without ports, those that the job of the cluster names in `resources.ports`. They are open on this machine alone, and
/// lead to the node's own address (`localhost`) through a login, as long as this command runs: meanwhile the cluster is not
/// idle.
#[derive(Debug, Args)]
#[command(after_help = PORTS)]
pub(crate) struct PortsArgs {
    /// The cluster, or a node of it (`dev.1`)
    #[arg(value_name = "CLUSTER")]
    pub(crate) cluster: String,
    /// A port (`8888`), several (`8000-8010`), or one here and another there (`3000:80`)
    #[arg(value_name = "PORT")]
    pub(crate) ports: Vec<String>,
}

const PORTS: &str = "\
Examples:
  welkin ports dev 8888
  welkin ports dev                  # those that its job names
  welkin ports dev.1 3000:80 6006";
