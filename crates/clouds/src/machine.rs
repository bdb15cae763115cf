//! This machine as a place to rent: what every adapter that runs on it shares.
//!
//! There is no server process. All state is on disk, so that several processes see the same leases,
//! and each call carries a lease one step further under that lease's lock:
//!
//! ```text
//!            acquire                 agents answer
//! (nothing) ────────▶ Booting ─────────────────────▶ Ready
//!                        │ released, failed            │ released, preempted, an agent died
//!                        ▼                             ▼
//!                      Ended: verdict final, nothing billed ─────▶ archived: no process, no home
//! ```
//!
//! *Guarantee.* The record precedes the first process and outlives the last one. Whoever is killed
//! at whatever instant, the next call about the lease, from any process, finishes what was begun:
//! a boot (agents that were spawned but not written down are found by their marker) or an ending.
//!
//! *Rejected.* A daemon for each emulated cloud: it would have to be started, found, upgraded and
//! kept alive, and its death would be one more failure that no real cloud has.

mod acquire;
mod address;
mod agent;
mod boot;
mod bucket;
mod cgroup;
mod computer;
mod durable;
mod end;
mod error;
mod hardware;
mod layout;
mod port;
mod preempt;
mod process;
mod record;
mod rest;
mod settle;
mod sweep;
mod taken;
mod usage;

pub(crate) use acquire::{Live, Terms};
pub use agent::AgentCommand;
pub(crate) use durable::{Lock, entries, make_private, private_file, publish_dir, replace, settle_names};
pub use error::MachineError;
pub use hardware::Hardware;
pub(crate) use layout::{Layout, is_component, short_hash};
pub(crate) use record::{Boot, Record, Share, read_all};
pub(crate) use sweep::remove_stale;
pub use sweep::{Swept, sweep};
pub(crate) use taken::{taken, thousandths};
pub(crate) use usage::{Metered, intervals};

use address::Addresses;
use cgroup::Cgroups;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use welkin_provider::{Clock, ErrorKind, LeaseId, ProviderError, ProviderId, UnixMillis};
use welkin_units::Span;

/// Greatest number of nodes in one lease: each is a process of some megabytes on this one machine.
pub(crate) const MAX_NODES: u32 = 256;

/// How long a call whose caller went away may still take effect: it is work of the process that made it,
/// over with that process, and in one that lives [`Machine::listed`] waits for it.
pub(crate) const DOUBT: Span = Span::ZERO;

/// One cloud on this machine.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) layout: Layout,
    pub(crate) cloud: ProviderId,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hardware: Hardware,
    pub(crate) min_billing: Span,
    agent: AgentCommand,
    boot_timeout: Span,
    cgroups: Cgroups,
    addresses: Addresses,
    /// The address of every node, where they share one.
    address: Option<String>,
    /// Held for reading by whoever asks for a lease, also when nobody waits for the answer any more.
    asking: Arc<tokio::sync::RwLock<()>>,
    /// Leases that have a timer in this process.
    watched: Mutex<BTreeSet<LeaseId>>,
}

/// What a [`Machine`] needs to know.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) root: &'a Path,
    pub(crate) cloud: ProviderId,
    pub(crate) agent: AgentCommand,
    pub(crate) boot_timeout: Span,
    pub(crate) min_billing: Span,
    pub(crate) limit_nodes: bool,
    pub(crate) clock: Arc<dyn Clock>,
    /// The address of every node; `None` gives each a loopback address of its own.
    pub(crate) address: Option<String>,
}

impl Machine {
    /// Makes the folders that are missing.
    pub(crate) fn open(setup: Setup<'_>) -> Result<Self, MachineError> {
        let make = |folder: &Path| {
            durable::make_private(folder)
                .map_err(|source| MachineError::Write { path: folder.to_owned(), source })
        };
        make(setup.root)?;
        // Agents run elsewhere in the file system: every path they are given must be absolute.
        let root = fs::canonicalize(setup.root)
            .map_err(|source| MachineError::Read { path: setup.root.to_owned(), source })?;
        let layout = Layout::new(&root, &setup.cloud);
        for folder in [layout.live(), layout.over(), layout.sockets()] {
            make(&folder)?;
        }
        Ok(Self {
            layout,
            cloud: setup.cloud,
            clock: setup.clock,
            hardware: Hardware::detect(),
            min_billing: setup.min_billing,
            agent: setup.agent,
            boot_timeout: setup.boot_timeout,
            cgroups: if setup.limit_nodes { Cgroups::detect() } else { Cgroups::default() },
            addresses: Addresses::default(),
            address: setup.address,
            asking: Arc::default(),
            watched: Mutex::default(),
        })
    }

    /// What the kernel lets this process limit, in words for the user.
    pub(crate) fn limits(&self) -> String {
        match self.cgroups.limits() {
            (true, true) => "CPU and memory of each node are limited by control groups".to_owned(),
            (true, false) => "CPU of each node is limited by control groups, memory is not".to_owned(),
            (false, true) => "memory of each node is limited by control groups, CPU is not".to_owned(),
            (false, false) => {
                "neither CPU nor memory of a node is limited: no writable control groups".to_owned()
            }
        }
    }

    pub(crate) fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// Does `work`, which waits for locks and disks, away from the threads of the runtime.
    pub(crate) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        operation: String,
        work: impl FnOnce(&Self) -> Result<T, MachineError> + Send + 'static,
    ) -> Result<T, ProviderError> {
        let machine = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&machine)).await;
        match done {
            Ok(result) => result.map_err(|error| error.into_provider(&self.cloud, &operation)),
            Err(stopped) => Err(ProviderError::new(
                &self.cloud,
                operation,
                ErrorKind::Transient,
                format!("the call did not finish: {stopped}"),
            )),
        }
    }
}
