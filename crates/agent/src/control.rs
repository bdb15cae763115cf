//! What the agent and the guard of a script tell each other.
//!
//! One JSON document a line over a socket that is the guard's standard input. The agent's end of it
//! is also its sign of life: when it closes, however the agent died, the guard ends the script.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// From the agent to the guard.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// The first order: what to run. Comes this way rather than by argument or environment, which
    /// other processes can read and whose size the kernel limits.
    Run(Box<Script>),
    /// Ask the script to end, and end it after this many milliseconds.
    Stop { grace_ms: u64 },
}

/// How to run a script.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Script {
    pub(crate) shell: PathBuf,
    pub(crate) file: PathBuf,
    pub(crate) workdir: PathBuf,
    pub(crate) env: BTreeMap<String, String>,
    /// The pipe it reads from; nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) input: Option<PathBuf>,
    /// Control group files to join.
    pub(crate) cgroup_procs: Vec<PathBuf>,
}

/// From the guard to the agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Report {
    /// The script is about to start.
    Started,
    /// The script ended with a code, and everything it started is gone.
    Exited { code: i32 },
    /// The script was ended by a signal, and everything it started is gone.
    Signalled { signal: i32 },
    /// The script could not be started or watched.
    Fault { message: String },
}
