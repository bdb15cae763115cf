//! The database as a store of records, and as the place where brokers agree.
//!
//! *Threads:* connections live on a thread of their own. Views of records are asked by code that waits with its thread
//! (`Reader`), which may be the one that drives everything else: an answer must not depend on it.

use crate::address::Address;
use crate::commit::Writer;
use crate::ear::{self, Heard};
use crate::link::{PATIENCE, Tell, Way};
use crate::look::{Look, Looks};
use crate::text::Result;
use crate::{peers, schema};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Mutex, oneshot};
use tokio::time::Instant;
use welkin_ledger::Entry;
use welkin_provider::{ProviderId, UnixMillis};
use welkin_records::{
    Fence, Lines, LogRow, Moved, Numbered, Peers, Project, Records, RunId, RunLine, RunRow, Since, Standing,
    StepKey, StoreError, Told, Use, Which, Write, Written,
};
use welkin_units::Bytes;

/// What a store is opened with.
#[derive(Clone)]
pub struct Options {
    /// Where the database is.
    pub address: Address,
    /// Told in words when the database ceases to answer, and when it answers again.
    pub tell: Tell,
}

impl Options {
    /// A database, and nobody who is told.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self { address, tell: Arc::new(|_| {}) }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Records in a PostgreSQL database, and one broker among those that share it.
#[derive(Debug)]
pub struct Postgres {
    core: Arc<Core>,
    /// Of the thread of the connections.
    runtime: Handle,
    /// The thread ends with it.
    _alive: oneshot::Sender<()>,
}

struct Core {
    way: Arc<Way>,
    writer: Mutex<Writer>,
    looks: Looks,
    heard: Arc<Heard>,
    /// The name of this broker among the others. Whoever was taken for dead gets another.
    broker: RwLock<String>,
}

impl Postgres {
    /// Connects, brings the database to the present schema, and begins to live as a broker.
    ///
    /// # Errors
    /// [`StoreError::Away`] when it does not answer for a while, [`StoreError::NewerSchema`] when a newer version has
    /// shut this one out, and [`StoreError::Database`] when it cannot be used.
    pub fn open(options: Options) -> Result<Self> {
        let io = |source| StoreError::Io { what: "starting", path: "a thread".into(), source };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(io)?;
        let handle = runtime.handle().clone();
        let way = Arc::new(Way::new(options.address, options.tell)?);
        let (opened, (sender, alive)) = (std::sync::mpsc::channel(), oneshot::channel());
        let work = move || {
            runtime.block_on(async move {
                drop(opened.0.send(Core::open(way).await));
                // Nothing is ever sent.
                drop(alive.await);
            });
            runtime.shutdown_background();
        };
        thread::Builder::new().name("records".to_owned()).spawn(work).map_err(io)?;
        let core = opened.1.recv().map_err(|_| io(std::io::Error::other("it has ended")))??;
        Ok(Self { core, runtime: handle, _alive: sender })
    }

    /// Does something on the thread of the connections. It is done also when nobody waits for it any more.
    async fn there<T, F>(&self, work: impl FnOnce(Arc<Core>) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send,
    {
        let core = Arc::clone(&self.core);
        self.runtime
            .spawn(async move { work(core).await })
            .await
            .expect("it neither panics nor is called off")
    }
}

impl Core {
    async fn open(way: Arc<Way>) -> Result<Arc<Self>> {
        let mut first = way.link(Instant::now() + PATIENCE).await?;
        schema::migrate(&mut first.client).await?;
        let looks = Looks::default();
        let broker = RwLock::new(peers::register(&looks, &way).await?);
        let mut writer = Writer::default();
        writer.keep(first);
        let core = Arc::new(Self { way, writer: Mutex::new(writer), looks, heard: Arc::default(), broker });
        let own = {
            let core = Arc::clone(&core);
            move |name: &str| core.name() == name
        };
        tokio::spawn(ear::listen(Arc::clone(&core.way), Arc::clone(&core.heard), own));
        Ok(core)
    }

    fn name(&self) -> String {
        self.broker.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn look(&self) -> Look<'_> {
        Look { looks: &self.looks, way: &self.way }
    }

    async fn stand(&self) -> Result<Standing> {
        if let Some(standing) = peers::stand(&self.looks, &self.way, &self.writer, &self.name()).await? {
            return Ok(standing);
        }
        let name = peers::register(&self.looks, &self.way).await?;
        *self.broker.write().unwrap_or_else(PoisonError::into_inner) = name;
        Ok(Standing { buried: true, ..Standing::default() })
    }
}

#[async_trait]
impl Records for Postgres {
    async fn commit(&self, writes: Vec<Write>) -> Vec<Result<Written>> {
        if writes.is_empty() {
            return Vec::new();
        }
        self.there(async move |core| {
            let mut writer = core.writer.lock().await;
            let name = core.name();
            writer.commit(&core.way, &name, &writes).await
        })
        .await
    }

    async fn identity(&self, key: &str) -> Result<Option<String>> {
        let key = key.to_owned();
        self.there(async move |core| core.look().identity(&key).await).await
    }

    async fn is_free(&self, run: &RunId) -> Result<bool> {
        let run = run.clone();
        self.there(async move |core| core.look().is_free(&run).await).await
    }

    async fn runs(&self, which: Which) -> Result<Vec<RunLine>> {
        self.there(async move |core| core.look().runs(&which).await).await
    }

    async fn run_of_token(&self, token: &str) -> Result<Option<RunRow>> {
        let token = token.to_owned();
        self.there(async move |core| core.look().run_of_token(&token).await).await
    }

    async fn story(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Numbered>)>> {
        let run = run.clone();
        self.there(async move |core| core.look().story(&run).await).await
    }

    async fn row(&self, run: &RunId) -> Result<Option<RunRow>> {
        let run = run.clone();
        self.there(async move |core| core.look().run(&run).await).await
    }

    async fn history(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>> {
        let run = run.clone();
        self.there(async move |core| core.look().history(&run, after, limit).await).await
    }

    async fn since(&self, after: u64, limit: u32) -> Result<Since> {
        self.there(async move |core| core.look().since(after, limit).await).await
    }

    async fn told(&self, run: &RunId, step: StepKey) -> Result<Told> {
        let run = run.clone();
        self.there(async move |core| core.look().told(&run, step).await).await
    }

    async fn lines(&self, run: &RunId, step: StepKey) -> Result<Lines> {
        let run = run.clone();
        self.there(async move |core| core.look().lines(&run, step).await).await
    }

    async fn logs(&self, run: &RunId, task: Option<usize>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        let run = run.clone();
        self.there(async move |core| core.look().logs(&run, task, after, limit).await).await
    }

    async fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64> {
        let run = run.clone();
        self.there(async move |core| core.look().tail(&run, task, lines).await).await
    }

    async fn log_bytes(&self, run: &RunId) -> Result<Bytes> {
        let run = run.clone();
        self.there(async move |core| core.look().log_bytes(&run).await).await
    }

    async fn entries(&self, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>> {
        let run = run.clone();
        self.there(async move |core| core.look().entries(&run, skip, limit).await).await
    }

    async fn cancels(&self) -> Result<BTreeSet<RunId>> {
        self.there(async move |core| core.look().cancels().await).await
    }

    async fn moved(&self, month: i32) -> Result<Vec<Moved>> {
        self.there(async move |core| core.look().moved(month).await).await
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        self.there(async move |core| core.look().projects().await).await
    }

    async fn project_use(&self, name: &str) -> Result<Use> {
        let name = name.to_owned();
        self.there(async move |core| core.look().project_use(&name).await).await
    }

    async fn providers_used(&self) -> Result<BTreeSet<ProviderId>> {
        self.there(async move |core| core.look().providers_used().await).await
    }

    async fn newest_of_open(&self) -> Result<Option<UnixMillis>> {
        self.there(async move |core| core.look().newest_of_open().await).await
    }

    /// Whoever runs the database looks after it.
    async fn damage(&self) -> Option<String> {
        None
    }

    async fn size(&self) -> u64 {
        self.there(async move |core| core.look().size().await).await.unwrap_or_default()
    }

    /// The database does so by itself, some time later.
    async fn shrink(&self) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Peers for Postgres {
    async fn take(&self, run: &RunId) -> Result<Option<Fence>> {
        let run = run.clone();
        self.there(async move |core| {
            let mut writer = core.writer.lock().await;
            let name = core.name();
            peers::take(&mut writer, &core.way, &name, &run).await
        })
        .await
    }

    async fn want(&self, run: &RunId) -> Result<()> {
        let run = run.clone();
        self.there(async move |core| peers::want(&core.looks, &core.way, &core.name(), &run).await).await
    }

    async fn give(&self, run: &RunId, fence: Fence) -> Result<()> {
        let run = run.clone();
        self.there(async move |core| {
            let mut writer = core.writer.lock().await;
            let name = core.name();
            peers::give(&mut writer, &core.looks, &core.way, &name, (&run, fence)).await
        })
        .await
    }

    async fn stand(&self) -> Result<Standing> {
        self.there(async move |core| core.stand().await).await
    }

    async fn driven(&self) -> Result<BTreeSet<RunId>> {
        self.there(async move |core| peers::driven(&core.looks, &core.way).await).await
    }

    async fn written(&self) -> Option<BTreeSet<RunId>> {
        // Called off at will, it must not take what it heard with it.
        self.core.heard.next().await
    }

    async fn leave(&self) -> Result<()> {
        self.there(async move |core| peers::leave(&core.looks, &core.way, &core.name()).await).await
    }
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("way", &self.way).field("broker", &self.name()).finish_non_exhaustive()
    }
}
