//! Hosts that are reached by SSH: machines that somebody has, as places to run on.
//!
//! ```text
//! hosts.yaml ─▶ pools ─▶ hosts ─ each a Reach over the system's own `ssh`
//!                                 the program is copied there once, by its hash
//! ```
//!
//! A pool is a region, its hosts are its zones. A lease takes parts of hosts: each node the part that its task
//! asks for, nodes of a gang on different hosts as long as there are enough. What a lease holds where is on
//! record on this machine before a host is asked, so that whatever a host keeps while it is out of reach is
//! given back when it returns.
//!
//! *Outputs.* The store of a pool is a folder on this machine. Data go to the host with the step that reads
//! them, and what a step publishes is fetched before anybody is told that it is there: a host that dies takes
//! nothing along that was committed.
//!
//! *Rejected:* stores on the hosts, which die with them and are out of each other's reach more often than not.

mod carry;
mod choose;
mod command;
mod config;
mod inventory;
mod node;
mod notes;
mod obtain;
mod owed;
mod provider;
mod record;
mod room;
mod state;

pub use command::{Program, SshCommand};
pub use config::{HostSpec, HostsError, HostsFile, Pool};
pub(crate) use inventory::accelerator_name;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use inventory::stock;
pub use inventory::{HostState, Seen};
pub use provider::{Ssh, SshConfig};
