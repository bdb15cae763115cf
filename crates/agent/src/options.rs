//! What a provider tells the agent it starts.

use crate::word::Word;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use welkin_provider::{Clock, SystemClock};
use welkin_units::{Bytes, Span};

/// The subcommand as which the binary must call [`crate::exec_shim`].
pub const EXEC_COMMAND: &str = "agent-exec";

/// How to serve one node.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// The node's home: `HOME` of its scripts, and the agent's own records in `.welkin` below it.
    pub home: PathBuf,
    /// The socket to listen on. Where its path is longer than the kernel takes, its name has at most
    /// [`crate::MAX_SOCKET_NAME_BYTES`] bytes.
    pub socket: PathBuf,
    /// The binary that answers [`EXEC_COMMAND`], usually this one.
    pub executable: PathBuf,
    /// Names the node on this machine; every process of a step carries it as `WELKIN_NODE_ID`.
    pub node_id: String,
    /// Without a request for this long the agent ends its steps and itself; zero = never.
    pub abandon_after: Span,
    /// `cgroup.procs` (v2) or `tasks`/`cgroup.procs` (v1) files that a script joins before it starts.
    pub cgroup_procs: Vec<PathBuf>,
    /// Environment of every script on this node, above the bare one and below the step's own.
    pub env: BTreeMap<String, String>,
    /// What a client must know; the empty word keeps nobody out who may use the socket.
    pub word: Word,
    /// Most of the events of one step that is kept: its beginning and its end, and what was left out in
    /// between is said in the log.
    pub log_limit: Bytes,
    /// Clock of the events.
    pub clock: Arc<dyn Clock>,
    /// Whether this process adopts what is left behind below it.
    pub(crate) adopts: bool,
}

impl AgentOptions {
    /// A node without limits that waits for its broker for ever.
    #[must_use]
    pub fn new(
        home: impl Into<PathBuf>,
        socket: impl Into<PathBuf>,
        executable: impl Into<PathBuf>,
        node_id: impl Into<String>,
    ) -> Self {
        Self {
            home: home.into(),
            socket: socket.into(),
            executable: executable.into(),
            node_id: node_id.into(),
            abandon_after: Span::ZERO,
            cgroup_procs: Vec::new(),
            env: BTreeMap::new(),
            word: Word::default(),
            log_limit: crate::LOG_LIMIT,
            clock: Arc::new(SystemClock),
            adopts: false,
        }
    }
}
