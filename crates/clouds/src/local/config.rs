//! What the local provider needs to know.

use crate::machine::AgentCommand;
use std::path::PathBuf;
use std::sync::Arc;
use welkin_provider::{Clock, SystemClock};
use welkin_units::Span;

/// Settings of the local provider.
#[derive(Debug, Clone)]
pub struct LocalConfig {
    /// Folder of all its state; made when missing. Sockets lie in it, so its absolute path has at
    /// most 86 bytes. May be the root of emulated clouds too: addresses are then distinct over all.
    pub root: PathBuf,
    /// How a node's daemon is started.
    pub agent: AgentCommand,
    /// How long a node may take to answer before its lease is lost.
    pub boot_timeout: Span,
    /// Whether to limit CPU and memory of nodes where the kernel grants it.
    pub limit_nodes: bool,
    /// The present moment.
    pub clock: Arc<dyn Clock>,
}

impl LocalConfig {
    /// The default settings: ten seconds to answer, nodes limited.
    #[must_use]
    pub fn new(root: PathBuf, agent: AgentCommand) -> Self {
        Self {
            root,
            agent,
            boot_timeout: Span::from_secs(10),
            limit_nodes: true,
            clock: Arc::new(SystemClock),
        }
    }
}
