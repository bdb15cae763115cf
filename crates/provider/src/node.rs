//! One machine of a lease: steps in, events out.
//!
//! A node runs [`Step`]s: fetch data, run a script, publish data. Starting a step is idempotent by
//! its id and survives a lost answer; what happens is a numbered, durable sequence of [`Event`]s
//! that can be read again from any number, so a broker that was killed misses nothing.

use crate::clock::UnixMillis;
use crate::error::ProviderError;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use tokio::io::{AsyncRead, AsyncWrite};
use welkin_store::StoreAccess;
use welkin_units::{Bytes, Span};

/// Identifies one step of one attempt on one node; unique for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Data a step needs before its script starts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// The store it lies in.
    pub store: StoreAccess,
    /// Prefix of the published tree in that store.
    pub prefix: String,
    /// Hex digest the tree's manifest must have.
    pub digest: String,
    /// Path on the node: relative to the node's home, or absolute below it.
    pub path: String,
    /// Whether it is laid over what is there, as a mount over a workdir, instead of taking its place.
    #[serde(default, skip_serializing_if = "is_false")]
    pub over: bool,
}

/// Left out, so that a step without it is the same step to a node of an earlier version.
fn is_false(value: &bool) -> bool {
    !value
}

/// Data a step leaves behind after its script succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// Name of the output.
    pub name: String,
    /// Path on the node, a file or a folder.
    pub path: String,
    /// The store it goes to.
    pub store: StoreAccess,
    /// Prefix to publish under.
    pub prefix: String,
}

/// One unit of work on a node: fetch, run, publish, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Unique id.
    pub id: StepId,
    /// What to fetch.
    pub fetch: Vec<Fetch>,
    /// Shell script, run by `bash` in `workdir`; `None` only fetches and publishes.
    pub script: Option<String>,
    /// Working folder, relative to the node's home.
    pub workdir: String,
    /// Environment of the script on top of the node's own bare one.
    pub env: BTreeMap<String, String>,
    /// Names in `env` whose values are never logged or stored in the clear in events.
    pub secret_env: Vec<String>,
    /// What to publish.
    pub publish: Vec<Publish>,
    /// Whether the script hears what [`Node::say`] says, on its standard input; otherwise that is empty.
    #[serde(default, skip_serializing_if = "is_false")]
    pub listens: bool,
}

/// Something that happened in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Number in the step, from 0, without gaps but for those that [`EventKind::LeftOut`] tells.
    pub seq: u64,
    /// When, by the node's clock.
    pub at: UnixMillis,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum EventKind {
    /// The node took the step.
    Started,
    /// Data arrived, verified.
    Fetched {
        /// Path on the node.
        path: String,
        /// Amount.
        bytes: Bytes,
    },
    /// The script was started.
    ScriptStarted,
    /// A line of output.
    Log {
        /// Which stream.
        stream: Stream,
        /// The line without its end, as [`crate::exact`] writes what a script wrote.
        line: String,
    },
    /// A piece of a line that takes long to end, or is long: a prompt, dots, a progress bar. Pieces of one stream
    /// belong together up to the one that is the last of its line.
    Piece {
        /// Which stream.
        stream: Stream,
        /// The text that follows what was told of the line before.
        text: String,
        /// Whether the line ends with it.
        last: bool,
        /// Of the last: whether it was the stream that ended, and the script wrote no end of the line.
        #[serde(default, skip_serializing_if = "is_false")]
        unended: bool,
    },
    /// The node keeps the beginning and the end of a step, and this is what it does not have any more.
    /// Its own number is that of the last event that is missing.
    LeftOut {
        /// How many events are missing, this number among them.
        events: u64,
    },
    /// An output is in its store, verified.
    Published {
        /// Name of the output.
        name: String,
        /// Hex digest of its manifest.
        digest: String,
        /// Amount.
        bytes: Bytes,
        /// Number of files.
        files: u64,
    },
    /// The provider says that the node will be taken away.
    PreemptionNotice {
        /// When.
        at: UnixMillis,
    },
    /// The step is over; always the last event.
    Finished {
        /// How it ended.
        exit: Exit,
    },
}

/// Output streams of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Words of the agent itself.
    Agent,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "exit")]
pub enum Exit {
    /// Everything succeeded.
    Success,
    /// The script ended with this code.
    Code {
        /// Exit code.
        code: i32,
    },
    /// The script was ended by this signal.
    Signal {
        /// Signal number.
        signal: i32,
    },
    /// It was stopped on request.
    Stopped,
    /// Fetching failed.
    FetchFailed {
        /// Why.
        message: String,
    },
    /// Publishing failed, or an output is missing.
    PublishFailed {
        /// Why.
        message: String,
    },
    /// What was to be done on sealed data was refused, by their owners or by the engine.
    Refused {
        /// Why.
        message: String,
    },
    /// The node could not run the step at all.
    NodeFault {
        /// Why.
        message: String,
    },
}

/// Bytes both ways, each way with an end of its own.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A login to a node that waits for its SSH client.
pub struct Login {
    /// Who is at the other end.
    pub door: Door,
    /// The protocol of SSH. Dropped, the login is over, and with it everything that was started in it.
    pub bytes: Box<dyn Duplex>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("door", &self.door).finish_non_exhaustive()
    }
}

/// What a client of SSH needs to know of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Door {
    /// The account that it logs in to.
    pub user: String,
    /// The key by which the node is known, as `authorized_keys` has keys: kind and Base64.
    pub host_key: String,
}

/// One machine of a lease.
#[async_trait]
pub trait Node: Send + Sync + fmt::Debug {
    /// Starts a step. Idempotent by id. [`crate::ErrorKind::NoCapacity`]: it has no room for what the step needs.
    async fn start(&self, step: &Step) -> Result<(), ProviderError>;

    /// Events of a step from number `from` on: at once when there are any, else after the first one
    /// or after `wait`, whichever is earlier. Also counts as a sign of life of the broker.
    /// [`crate::ErrorKind::NoCapacity`]: there is no room where the outputs go.
    async fn events(&self, step: &StepId, from: u64, wait: Span) -> Result<Vec<Event>, ProviderError>;

    /// Ends a step: polite first, by force after `grace`. Idempotent; ending what is over succeeds. A
    /// step that is not known is not found, or is noted as stopped, so that a start which was overtaken
    /// does not run.
    async fn stop(&self, step: &StepId, grace: Span) -> Result<(), ProviderError>;

    /// Says a line to the script of a step that listens, without its end; none is the end of what is said. Idempotent by
    /// `id`, which says once what it stands for; lines are heard in the order in which they were first said. Saying
    /// something to what is over succeeds.
    async fn say(&self, step: &StepId, id: &str, line: Option<&str>) -> Result<(), ProviderError> {
        let (_, _) = (id, line);
        let operation = format!("say something to step {step}");
        let message = "steps do not listen here";
        Err(ProviderError::new("node", operation, crate::error::ErrorKind::NotSupported, message))
    }

    /// Opens a login for whoever has the private half of `key`, an Ed25519 key as `authorized_keys` has it, with `env` on top
    /// of the node's own environment. [`crate::ErrorKind::NotSupported`]: the node lacks what it takes, which is said.
    async fn login(&self, key: &str, env: &BTreeMap<String, String>) -> Result<Login, ProviderError> {
        let (_, _) = (key, env);
        let message = "nobody logs in to nodes here";
        Err(ProviderError::new("node", "log in", crate::error::ErrorKind::NotSupported, message))
    }

    /// How many logins are open.
    async fn logins(&self) -> Result<u32, ProviderError> {
        Ok(0)
    }
}
