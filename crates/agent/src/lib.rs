//! The node's daemon: runs steps on a lease and needs nothing but this binary.
//!
//! ```text
//!  broker ── AgentNode ──unix socket──▶ serve ──▶ guard ──▶ bash script
//!                                        │          └ ends every descendant of the script
//!                                        └ HOME/.welkin/steps/ID/{step.json, script.sh, events.jsonl}
//! ```
//!
//! * [`serve`] is the daemon. It listens on a unix socket in the node's home and runs each step as
//!   fetch, script, publish; what happens goes to an append-only file before anybody is told.
//! * [`exec_shim`] is what the same binary does as `agent-exec`: it stands between the daemon and
//!   the script, so that a script never outlives its step or its agent.
//! * [`AgentNode`] is the client, a [`welkin_provider::Node`] over that socket.
//!
//! A login is OpenSSH's own server, started for one connection below a guard as scripts have it.
//!
//! *Guarantees:* a step is started at most once, whatever is lost or repeated on the way. Its events
//! are numbered without gaps and can be read again after any crash of the agent, which ends the
//! steps it was running with a node fault. When a step is over, nothing it started is alive. A lease
//! whose broker went silent ends itself after [`AgentOptions::abandon_after`].
//!
//! *Bounded:* frames, lines, log volume, connections, waiting times; each by a constant that says
//! why. Output is read at the pace it can be written down, so a script that floods waits.
//!
//! *Access:* an agent answers its own user, and of its clients those who know the [`Word`] of its lease.
//!
//! *Secrets:* the values of secret variables, and the options of stores, are never written to disk
//! by the agent except in the script's own environment block, and are masked in every line.
//!
//! *Rejected:* a supervisor in shell (no exit status of a signal, no way to end daemons), and
//! containers (not granted on most of the machines that can be leased).

mod bare_env;
mod client;
mod connection;
mod control;
mod ear;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod groups;
mod guard;
mod home;
mod journal;
mod lines;
mod login;
mod mask;
mod node;
mod options;
mod output;
mod place;
mod pulse;
mod reap;
mod run;
mod script;
mod server;
mod shim;
mod socket;
mod step;
mod wire;
mod word;

pub use client::AgentNode;
pub use options::{AgentOptions, EXEC_COMMAND};
pub use output::LOG_LIMIT;
pub use server::{Ending, ServeError, serve, serve_until};
pub use shim::exec_shim;
pub use socket::MAX_SOCKET_NAME_BYTES;
pub use wire::{AgentInfo, MAX_FRAME_BYTES, MAX_SOCKET_PATH_BYTES, PROTOCOL};
pub use word::Word;
