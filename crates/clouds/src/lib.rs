//! Providers that run on this machine: emulated clouds and the local machine itself.
//!
//! * [`Emulated`]: one [`EmulatedCloud`] for each cloud name, with real processes and made-up hardware;
//!   [`Faults`] make it refuse, fail and take back what real clouds refuse, fail and take back;
//! * [`Local`]: this machine as itself;
//! * [`registry`]: which adapters there are, and how they are opened;
//! * [`sweep`]: ends whatever is left of leases that are over.
//!
//! Both implement [`welkin_provider::Provider`]. Neither has a server process: the state is on disk,
//! any number of processes may share it, and any of them may be killed at any instant.
//!
//! Library code here reads `/proc` and control groups besides the folders it is given, and no
//! environment variable. It needs Linux.

mod cluster;
mod emulated;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod host;
mod local;
mod machine;
pub mod registry;
mod remote;
mod ssh;

pub use cluster::{Clusters, WithClusters, cluster_type, is_cluster_type};
pub use emulated::{
    BootFailure, BootFault, Emulated, EmulatedCloud, EmulatedConfig, Faults, KnownTypes, PreemptionRule,
    Scope, Shortage,
};
pub use host::{HostConfig, HostError, serve_host};
pub use local::{Local, LocalConfig};
pub use machine::{AgentCommand, Hardware, MachineError, Swept, sweep};
pub use remote::{Gpu, HostInfo, Vendor};
pub use ssh::{HostSpec, HostState, HostsError, HostsFile, Pool, Program, Seen, Ssh, SshCommand, SshConfig};
