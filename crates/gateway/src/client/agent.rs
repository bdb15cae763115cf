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

use crate::client::path::{Path, PathOptions, PathReport, Session};
use crate::client::requests::{Requests, Returned};
use crate::client::watch;
use crate::error::LaneError;
use crate::server::serve::random;
use crate::trust::identity::Identity;
use crate::wire::call::{
    Answer, Call, MAX_DELETED, MAX_KEY_BYTES, MAX_PAGE_KEYS, Sums, WireDangling, WireFailure, WireLeftOut,
    WireListed, WirePart,
};
use crate::wire::compress::Compression;
use crate::wire::convert::{limits, read_bytes};
use crate::wire::list::{json, parse};
use crate::wire::message::Body;
use crate::wire::stream::Words;
use async_trait::async_trait;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;
use welkin_store::block::{Block, BlockWriter, Buffer, Flipped};
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, LeftOut, Limits, Listed, Lister, Metadata, Part, Piece,
    Read, Upload, Whereabouts,
};

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
    /// Where the warnings of programs go that are a way ([`crate::Via::Command`]).
    pub words: Words,
}

impl AgentOptions {
    /// Over these paths, unencrypted.
    #[must_use]
    pub fn plain(paths: Vec<PathOptions>) -> Self {
        let patience = Duration::from_secs(30);
        Self { paths, identity: None, patience, compression: Compression::default(), words: Words::default() }
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
    desk: Arc<Requests>,
    paths: Vec<Arc<Path>>,
    name: String,
    identity: String,
    /// Which machine it is on, as far as that is known here.
    machine: String,
    limits: Limits,
    /// Longest piece that the gateway reads at once.
    read_bytes: usize,
    cursors: AtomicU64,
    /// Lanes, and the watch over them; they end with the agent.
    ways: Mutex<JoinSet<()>>,
    _watch: JoinSet<()>,
}

/// How long saying goodbye may take.
const FAREWELL_TIME: Duration = Duration::from_secs(1);

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
        let session = Arc::new(Session { number, identity: options.identity, words: options.words });
        let desk = Arc::new(Requests::new(options.compression));
        let (far, machine) = (options.paths[0].via.far_end(), options.paths[0].via.machine());
        let paths: Vec<_> = options.paths.into_iter().map(|path| Arc::new(Path::new(path))).collect();
        let mut ways = JoinSet::new();
        for path in &paths {
            ways.spawn(Arc::clone(path).keep(Arc::clone(&desk), Arc::clone(&session)));
        }
        let mut welcomed = desk.welcomed();
        let welcome = tokio::select! {
            welcome = welcomed.wait_for(Option::is_some) => welcome.ok().and_then(|welcome| welcome.clone()),
            (kind, why) = watch::outage(&paths, options.patience) => {
                return Err(Failure::new(kind, operation(), why));
            }
        };
        let gone = || Failure::new(FailureKind::Transient, operation(), "the session ended");
        let welcome = welcome.ok_or_else(gone)?;
        let limits =
            limits(&welcome.limits).map_err(|why| Failure::new(FailureKind::Invalid, operation(), why))?;
        let mut watching = JoinSet::new();
        watching.spawn(watch::watch(Arc::clone(&desk), paths.clone(), options.patience));
        Ok(Self {
            desk,
            paths,
            name: welcome.name.clone(),
            identity: format!("gateway {far} {:?}", welcome.name),
            machine,
            limits,
            read_bytes: read_bytes(welcome.read_bytes),
            cursors: AtomicU64::new(0),
            ways: Mutex::new(ways),
            _watch: watching,
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

    fn take_ways(&self) -> JoinSet<()> {
        std::mem::take(&mut *self.ways.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A piece that the gateway reads at once.
    async fn piece(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
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

/// Pages in a row that hold nothing: a store that filters may send some.
const MAX_EMPTY_PAGES: u32 = 1000;

struct Pages {
    agent: Arc<Agent>,
    cursor: u64,
    prefix: String,
    after: Option<String>,
    over: bool,
    empty: u32,
    left_out: Vec<LeftOut>,
    /// The last of them.
    told: Option<String>,
}

impl Pages {
    /// A page as the gateway sent it, if it goes on where the last one ended.
    fn take(
        &mut self,
        page: Vec<WireListed>,
        left_out: Vec<WireLeftOut>,
    ) -> Result<Vec<Listed>, &'static str> {
        let progress = !page.is_empty() | self.hear(left_out);
        self.empty = if progress { 0 } else { self.empty + 1 };
        if self.empty > MAX_EMPTY_PAGES {
            return Err("it sends empty pages without end");
        }
        for listed in &page {
            if !listed.key.starts_with(&self.prefix) || listed.key.len() > MAX_KEY_BYTES {
                return Err("it lists a key that was not asked for");
            }
            if self.after.as_ref().is_some_and(|after| listed.key <= *after) {
                return Err("it lists keys again, or out of order");
            }
            self.after = Some(listed.key.clone());
        }
        Ok(page.into_iter().map(Into::into).collect())
    }

    /// Keeps what is new of what was left out, and says whether anything is. A listing that began anew tells again.
    fn hear(&mut self, left_out: Vec<WireLeftOut>) -> bool {
        let mut news = false;
        for wire in left_out {
            let follows = self.told.as_ref().is_none_or(|told| wire.key > *told);
            if follows && wire.key.starts_with(&self.prefix) && wire.key.len() <= MAX_KEY_BYTES {
                self.told = Some(wire.key.clone());
                // Whoever does not ask what was left out pays for no more of it.
                if self.left_out.len() < MAX_PAGE_KEYS {
                    self.left_out.push(wire.into());
                }
                news = true;
            }
        }
        news
    }
}

#[async_trait]
impl Lister for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        if self.over {
            return Ok(None);
        }
        let operation = self.agent.on("list", &self.prefix);
        let call = Call::List { cursor: self.cursor, prefix: self.prefix.clone(), after: self.after.clone() };
        let returned = self.agent.call(|| operation.clone(), call, Body::none()).await?;
        match returned.answer {
            Answer::Page { last: true, .. } => {
                // The end may be the answer to a call that was repeated, and there it comes as an empty page.
                self.over = true;
                Ok(Some(Vec::new()))
            }
            Answer::Page { last: false, left_out } => {
                let page = parse(&returned.body, returned.length, MAX_PAGE_KEYS)?;
                let page = self.take(page, left_out);
                page.map(Some).map_err(|why| Failure::new(FailureKind::Invalid, operation, why))
            }
            _ => Err(senseless(operation)),
        }
    }

    fn left_out(&mut self) -> Vec<LeftOut> {
        std::mem::take(&mut self.left_out)
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

    /// What it serves is told by a name that has folders in it, so two gateways of one machine that serve a folder and one
    /// in that are known to.
    async fn whereabouts(&self, prefix: &str) -> Vec<Whereabouts> {
        let name = self.name.trim_end_matches('/');
        vec![Whereabouts::at(format!("gateway {}", self.machine)).below(&format!("{name}/{prefix}"))]
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        let cursor = self.cursors.fetch_add(1, Ordering::Relaxed);
        let (prefix, after) = (prefix.to_owned(), after.map(str::to_owned));
        Box::new(Pages {
            agent: self,
            cursor,
            prefix,
            after,
            over: false,
            empty: 0,
            left_out: Vec::new(),
            told: None,
        })
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let operation = || self.on("look at", key);
        let returned = self.call(operation, Call::Find { key: key.to_owned() }, Body::none()).await?;
        match returned.answer {
            Answer::Found { found: None } => Ok(None),
            Answer::Found { found: Some(found) } if found.listed.key == key => Ok(Some(found.into())),
            _ => Err(senseless(operation())),
        }
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        if what.length <= self.read_bytes {
            return self.piece(what, buffer).await;
        }
        // Longer than the gateway reads at once: the parts of the part, of one version.
        let operation = || self.on("read", what.key);
        let flipped = |error: Flipped| Failure::new(FailureKind::Corrupt, operation(), error.to_string());
        let mut writer = BlockWriter::new(buffer, what.offset, what.length, what.whole);
        let (mut metadata, mut version) = (Metadata::default(), what.version.map(str::to_owned));
        for start in (0..what.length).step_by(self.read_bytes) {
            let (offset, length) = (what.offset + start as u64, self.read_bytes.min(what.length - start));
            let read = Read { offset, length, whole: false, version: version.as_deref(), ..what };
            let piece = self.piece(read, Buffer::detached(length)).await?;
            writer.extend(piece.block.check().map_err(flipped)?);
            (metadata, version) = (piece.metadata, piece.version.or(version));
        }
        let block = writer.finish().map_err(|_| senseless(operation()))?;
        Ok(Piece { block, metadata, version })
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
            Answer::Upload { upload } if upload.key == key => Ok(upload.into()),
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
                let wire: Vec<WireDangling> = parse(&returned.body, returned.length, MAX_PAGE_KEYS)?;
                if wire.iter().any(|left| !left.upload.key.starts_with(prefix)) {
                    return Err(senseless(operation()));
                }
                Ok(wire.into_iter().map(Into::into).collect())
            }
            _ => Err(senseless(operation())),
        }
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let operation = || format!("remove {} objects of {}", keys.len(), self.name);
        let mut left = Vec::new();
        for keys in keys.chunks(MAX_DELETED) {
            let returned = self.call(operation, Call::Delete, json(&keys)).await?;
            if !matches!(returned.answer, Answer::Undeleted) {
                return Err(senseless(operation()));
            }
            let wire: Vec<(String, WireFailure)> = parse(&returned.body, returned.length, MAX_DELETED)?;
            if wire.iter().any(|(key, _)| !keys.contains(key)) {
                return Err(senseless(operation()));
            }
            left.extend(wire.into_iter().map(|(key, failure)| (key, failure.into())));
        }
        Ok(left)
    }

    /// Tells the gateway, so that it keeps nothing for this session any longer, and closes the lanes.
    async fn close(&self) {
        let mut ways = self.take_ways();
        self.paths.iter().for_each(|path| path.leave());
        let left = async { while ways.join_next().await.is_some() {} };
        // Whoever does not listen any more finds out by itself.
        let _ = timeout(FAREWELL_TIME, left).await;
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let mut ways = self.take_ways();
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if ways.is_empty() {
            return;
        }
        self.paths.iter().for_each(|path| path.leave());
        let leaving = Leaving::new();
        runtime.spawn(async move {
            let left = async { while ways.join_next().await.is_some() {} };
            let _ = timeout(FAREWELL_TIME, left).await;
            drop(leaving);
        });
    }
}

/// How many agents of this process are dropped and have not told their gateways yet.
static LEAVING: LazyLock<tokio::sync::watch::Sender<usize>> =
    LazyLock::new(|| tokio::sync::watch::channel(0).0);

/// An agent that is leaving.
struct Leaving;

impl Leaving {
    fn new() -> Self {
        LEAVING.send_modify(|count| *count += 1);
        Self
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        LEAVING.send_modify(|count| *count -= 1);
    }
}

/// Waits until agents that were dropped have told their gateways, for a moment at most: for the end of a program, whose
/// runtime would otherwise end before they do.
pub async fn farewells() {
    let mut leaving = LEAVING.subscribe();
    let _ = timeout(FAREWELL_TIME, leaving.wait_for(|count| *count == 0)).await;
}
