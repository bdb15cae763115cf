//! What emulated clouds need to know.

use crate::machine::AgentCommand;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use welkin_provider::{Clock, Location, ProviderId, SystemClock};
use welkin_units::Span;

/// Which instance types exist where: usually the catalog's answer.
pub type KnownTypes = Arc<dyn Fn(&Location, &str) -> bool + Send + Sync>;

/// Settings of all emulated clouds below one root.
#[derive(Clone)]
pub struct EmulatedConfig {
    /// Folder of all their state; made when missing. Sockets lie in it, so its absolute path has at
    /// most 86 bytes.
    pub root: PathBuf,
    /// Names of the clouds, as in [`Location::provider`].
    pub clouds: Vec<ProviderId>,
    /// How a node's daemon is started.
    pub agent: AgentCommand,
    /// Whether an instance type exists at a place.
    pub known: KnownTypes,
    /// From acceptance to ready. The agents start within this time, as a machine's own would.
    pub boot_delay: Span,
    /// Clouds with a boot delay of their own.
    pub boot_delays: BTreeMap<String, Span>,
    /// How long after the boot delay a node may take to answer before its lease is lost.
    pub boot_timeout: Span,
    /// The least time billed for a machine; one minute at AWS, Google and Azure (2026).
    pub min_billing: Span,
    /// Whether to limit CPU and memory of nodes where the kernel grants it.
    pub limit_nodes: bool,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
}

impl EmulatedConfig {
    /// The default settings: 150 ms to boot, ten seconds to answer, one minute billed at the least.
    #[must_use]
    pub fn new(root: PathBuf, clouds: Vec<ProviderId>, agent: AgentCommand, known: KnownTypes) -> Self {
        Self {
            root,
            clouds,
            agent,
            known,
            boot_delay: Span::from_millis(150),
            boot_delays: BTreeMap::new(),
            boot_timeout: Span::from_secs(10),
            min_billing: Span::from_secs(60),
            limit_nodes: true,
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for EmulatedConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatedConfig")
            .field("root", &self.root)
            .field("clouds", &self.clouds)
            .field("agent", &self.agent)
            .field("boot_delay", &self.boot_delay)
            .field("boot_delays", &self.boot_delays)
            .field("boot_timeout", &self.boot_timeout)
            .field("min_billing", &self.min_billing)
            .field("limit_nodes", &self.limit_nodes)
            .finish_non_exhaustive()
    }
}
