//! The client: the folders or buckets behind a gateway, as an [`Endpoint`].
//!
//! ```text
//!  put, part, read ... ─▶ desk ─▶ outbox ─▶ lanes of path 1 ─▶ ... ─▶ gateway
//!                                    └────▶ lanes of path 2 ─▶ relay ─▶ ┘
//!                 watch: outages, goodput ─▶ tuner ─▶ number of lanes
//! ```
//!
//! *Guarantee:* a call returns what the gateway answered, once, however many lanes, relays and paths died meanwhile.
//! It fails with [`FailureKind::Transient`] when no path had a lane for [`AgentOptions::patience`], and with
//! [`FailureKind::Credentials`] when all of them were refused. What a read returns has the sums that the gateway
//! took when it read, and what a write delivers has those of the block.

use super::call::{Answer, Call, Sums, WireDangling, WireFailure, WireListed, WirePart};
use super::desk::{Desk, Returned};
use super::error::LaneError;
use super::identity::Identity;
use super::message::Body;
use super::path::{Path, PathOptions, PathReport, Session};
use super::perform::{json, parse};
use super::serve::random;
use super::squeeze::Compression;
use super::watch::{outage, watch};
use crate::block::{Block, Buffer};
use crate::endpoint::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Listed, Lister, Metadata, Part, Piece, Read,
    Upload,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

/// Most paths of an agent.
pub const MAX_PATHS: usize = 16;

/// How to reach a gateway.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// The ways there. All end at the same gateway.
    pub paths: Vec<PathOptions>,
    /// Who the client is. `None` where nothing is encrypted; hops then need no fingerprint.
    pub identity: Option<Arc<Identity>>,
    /// How long calls wait while no path has a lane.
    pub patience: Duration,
    /// How calls are compressed.
    pub compression: Compression,
}

impl AgentOptions {
    /// Over these paths, unencrypted.
    #[must_use]
    pub fn plain(paths: Vec<PathOptions>) -> Self {
        let patience = Duration::from_secs(30);
        Self { paths, identity: None, patience, compression: Compression::default() }
    }

    /// Over these paths, encrypted; over relays sealed for the last hop.
    #[must_use]
    pub fn secret(identity: Arc<Identity>, paths: Vec<PathOptions>) -> Self {
        Self { identity: Some(identity), ..Self::plain(paths) }
    }
}

/// The place behind a gateway. Made by [`Agent::connect`]; its lanes end when it is dropped.
///
/// A call returns what the gateway answered, however many lanes, relays and paths died meanwhile. It fails with
/// [`FailureKind::Transient`] when no path had a lane for [`AgentOptions::patience`], and with
/// [`FailureKind::Credentials`] when all of them were refused.
#[derive(Debug)]
pub struct Agent {
    desk: Arc<Desk>,
    paths: Vec<Arc<Path>>,
    name: String,
    identity: String,
    limits: Limits,
    cursors: AtomicU64,
    /// Lanes and the watch over them; they end with the agent.
    _tasks: JoinSet<()>,
}

impl Agent {
    /// Opens the paths and returns when the gateway has answered on one of them.
    ///
    /// # Errors
    /// As calls fail, when none answers.
    pub async fn connect(options: AgentOptions) -> Result<Self, Failure> {
        let operation = || "reach the gateway".to_owned();
        if options.paths.is_empty() || options.paths.len() > MAX_PATHS {
            let why = format!("there must be between 1 and {MAX_PATHS} paths to it");
            return Err(Failure::new(FailureKind::Invalid, operation(), why));
        }
        let number = session_number()
            .map_err(|error| Failure::new(FailureKind::Transient, operation(), error.to_string()))?;
        let session = Arc::new(Session { number, identity: options.identity });
        let desk = Arc::new(Desk::new(options.compression));
        let far = options.paths[0].via.far_end();
        let paths: Vec<_> = options.paths.into_iter().map(|path| Arc::new(Path::new(path))).collect();
        let mut tasks = JoinSet::new();
        for path in &paths {
            tasks.spawn(Arc::clone(path).keep(Arc::clone(&desk), Arc::clone(&session)));
        }
        let mut welcomed = desk.welcomed();
        let welcome = tokio::select! {
            welcome = welcomed.wait_for(Option::is_some) => welcome.ok().and_then(|welcome| welcome.clone()),
            (kind, why) = outage(&paths, options.patience) => {
                return Err(Failure::new(kind, operation(), why));
            }
        };
        let gone = || Failure::new(FailureKind::Transient, operation(), "the session ended");
        let welcome = welcome.ok_or_else(gone)?;
        tasks.spawn(watch(Arc::clone(&desk), paths.clone(), options.patience));
        Ok(Self {
            desk,
            paths,
            name: welcome.name.clone(),
            identity: format!("gateway {far} {:?}", welcome.name),
            limits: welcome.limits.clone().into(),
            cursors: AtomicU64::new(0),
            _tasks: tasks,
        })
    }

    /// How the paths are doing, in the order they were given.
    #[must_use]
    pub fn paths(&self) -> Vec<PathReport> {
        self.paths.iter().map(|path| path.report()).collect()
    }

    async fn call(
        &self,
        operation: impl Fn() -> String + Sync,
        call: Call,
        body: Body,
    ) -> Result<Returned, Failure> {
        self.desk.call(&operation, &call, body, None).await
    }

    fn on(&self, verb: &str, key: &str) -> String {
        format!("{verb} {}/{key}", self.name)
    }
}

fn session_number() -> Result<String, LaneError> {
    Ok(format!("{:016x}{:016x}", random()?, random()?))
}

/// An answer that is not the one to the call.
fn senseless(operation: String) -> Failure {
    Failure::new(FailureKind::Invalid, operation, "the gateway answered something else")
}

struct Pages {
    agent: Arc<Agent>,
    cursor: u64,
    prefix: String,
    after: Option<String>,
    over: bool,
}

#[async_trait]
impl Lister for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        if self.over {
            return Ok(None);
        }
        let operation = || self.agent.on("list", &self.prefix);
        let call = Call::List { cursor: self.cursor, prefix: self.prefix.clone(), after: self.after.clone() };
        let returned = self.agent.call(operation, call, Body::none()).await?;
        match returned.answer {
            Answer::Page { last: true } => {
                // The end may be the answer to a call that was repeated, and there it comes as an empty page.
                self.over = true;
                Ok(Some(Vec::new()))
            }
            Answer::Page { last: false } => {
                let wire: Vec<WireListed> = parse(&returned.body, returned.length)?;
                let page: Vec<Listed> = wire.into_iter().map(Into::into).collect();
                if let Some(last) = page.last() {
                    self.after = Some(last.key.clone());
                }
                Ok(Some(page))
            }
            _ => Err(senseless(operation())),
        }
    }
}

#[async_trait]
impl Endpoint for Agent {
    fn name(&self) -> String {
        self.name.clone()
    }

    /// Who the peer is and where, and what it calls the place behind it; not the ways there.
    fn identity(&self) -> String {
        self.identity.clone()
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        let cursor = self.cursors.fetch_add(1, Ordering::Relaxed);
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        Box::new(Pages { agent: self, cursor, prefix, after, over: false })
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let operation = || self.on("look at", key);
        let returned = self.call(operation, Call::Find { key: key.to_owned() }, Body::none()).await?;
        match returned.answer {
            Answer::Found { found } => Ok(found.map(Into::into)),
            _ => Err(senseless(operation())),
        }
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let operation = || self.on("read", what.key);
        let call = Call::Read {
            key: what.key.to_owned(),
            offset: what.offset,
            length: what.length as u64,
            whole: what.whole,
            version: what.version.map(str::to_owned),
        };
        let returned = self.desk.call(&operation, &call, Body::none(), Some(buffer)).await?;
        match returned.answer {
            Answer::Piece { metadata, version, sums } if returned.length == what.length => {
                let block = sums.block(returned.body, returned.length);
                let block = block.map_err(|failure| Failure { operation: operation(), ..failure })?;
                if block.offset() != what.offset || block.is_whole() != what.whole {
                    return Err(senseless(operation()));
                }
                Ok(Piece { block, metadata, version })
            }
            _ => Err(senseless(operation())),
        }
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        let operation = || self.on("write", key);
        let call = Call::Put { key: key.to_owned(), metadata: metadata.clone(), sums: Sums::of(block) };
        match self.call(operation, call, Body::Block(Arc::clone(block))).await?.answer {
            Answer::Version { version } => Ok(version),
            _ => Err(senseless(operation())),
        }
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let operation = || self.on("begin to write", key);
        let call = Call::Begin { key: key.to_owned(), metadata: metadata.clone(), size, part_bytes };
        match self.call(operation, call, Body::none()).await?.answer {
            Answer::Upload { upload } => Ok(upload.into()),
            _ => Err(senseless(operation())),
        }
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        let operation = || format!("write part {number} of {}/{}", self.name, upload.key);
        let call = Call::Part { upload: upload.into(), number, sums: Sums::of(block) };
        match self.call(operation, call, Body::Block(Arc::clone(block))).await?.answer {
            Answer::Part { number: done, tag } if done == number => Ok(Part { number, tag }),
            _ => Err(senseless(operation())),
        }
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        let operation = || self.on("finish", &upload.key);
        let parts: Vec<_> = parts.iter().map(WirePart::from).collect();
        let call = Call::Finish { upload: upload.into(), root: root.to_string() };
        match self.call(operation, call, json(&parts)).await?.answer {
            Answer::Version { version } => Ok(version),
            _ => Err(senseless(operation())),
        }
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        let operation = || self.on("give up", &upload.key);
        match self.call(operation, Call::Abort { upload: upload.into() }, Body::none()).await?.answer {
            Answer::Done => Ok(()),
            _ => Err(senseless(operation())),
        }
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        let operation = || self.on("look for unfinished writes below", prefix);
        let returned =
            self.call(operation, Call::Dangling { prefix: prefix.to_owned() }, Body::none()).await?;
        match returned.answer {
            Answer::Dangling => {
                let wire: Vec<WireDangling> = parse(&returned.body, returned.length)?;
                Ok(wire.into_iter().map(Into::into).collect())
            }
            _ => Err(senseless(operation())),
        }
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let operation = || format!("remove {} objects of {}", keys.len(), self.name);
        let returned = self.call(operation, Call::Delete, json(&keys)).await?;
        match returned.answer {
            Answer::Undeleted => {
                let wire: Vec<(String, WireFailure)> = parse(&returned.body, returned.length)?;
                Ok(wire.into_iter().map(|(key, failure)| (key, failure.into())).collect())
            }
            _ => Err(senseless(operation())),
        }
    }
}
