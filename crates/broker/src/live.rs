//! A run while this process drives it: its plan, its state, and the one way to put facts on record.

use crate::accounts::Accounts;
use crate::among::{Hold, Taken};
use crate::cancels::Cancels;
use crate::claims;
use crate::egress::UnderWay;
use crate::error::StoreError;
use crate::known::{Known, Plans};
use crate::lines::Lines;
use crate::lock::Lock;
use crate::observe::Progress;
use crate::options::BrokerOptions;
use crate::projects::Projects;
use crate::rng::Rng;
use crate::seal;
use crate::snapshot::Snapshots;
use crate::stage::Roots;
use crate::store::Store;
use crate::view::{AttemptView, RunView};
use crate::wishes::{Inbox, Inboxes};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use welkin_job::Job;
use welkin_job::wire::{Mirror, v1};
use welkin_ledger::{Entry, EntryKind};
use welkin_placement::{Placement, Plan};
use welkin_provider::{ErrorKind, Event, EventKind, Owner, Provider, ProviderError, Token, UnixMillis};
use welkin_records::{
    AttemptEnd, AttemptId, Change, ClusterRole, Gone, Record, Records, RunId, RunRow, RunState, StepKey,
    Write, Written,
};

/// Locks by store and prefix.
type Shelves = BTreeMap<(String, String), Arc<tokio::sync::Mutex<()>>>;

/// What all runs of a broker share.
pub(crate) struct World {
    pub(crate) options: BrokerOptions,
    pub(crate) store: Store,
    pub(crate) snapshots: Snapshots,
    pub(crate) lock: Arc<Lock>,
    pub(crate) owner: Owner,
    /// Tells the tokens of this state directory from those of any other.
    pub(crate) salt: String,
    pub(crate) rng: Mutex<Rng>,
    /// Prefixes of stores that are being written, so that no two writers meet at one.
    pub(crate) shelves: Mutex<Shelves>,
    pub(crate) driven: Mutex<BTreeSet<RunId>>,
    /// Those that it has among other brokers.
    pub(crate) taken: Taken,
    /// In which order those on a cluster ask for its machines.
    pub(crate) lines: Arc<Lines>,
    /// Held while egress is priced and booked.
    pub(crate) metering: tokio::sync::Mutex<()>,
    /// Which runs are to be cancelled.
    pub(crate) cancels: Cancels,
    /// What is in use of projects.
    pub(crate) projects: Projects,
    /// Names of runs that are being submitted.
    pub(crate) names: Mutex<BTreeSet<RunId>>,
    /// Plans of those that are driven.
    pub(crate) plans: Plans,
    /// Where those that are driven take wishes.
    pub(crate) inboxes: Inboxes,
    /// Changes whenever this process requests something of a run. Every run that is driven listens.
    pub(crate) requests: watch::Sender<u64>,
    /// Changes whenever a run is no longer driven. None that is driven listens: a thousand would be woken a thousand times.
    pub(crate) left: watch::Sender<u64>,
}

impl World {
    pub(crate) fn provider(&self, name: &str) -> Result<&Arc<dyn Provider>, ProviderError> {
        self.options.providers.get(name).ok_or_else(|| {
            ProviderError::new(name, "looking it up", ErrorKind::NotFound, "this provider is not set up")
        })
    }
}

/// What can be put on record.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    /// History of the run.
    Record(Record),
    /// What a node told, and what leaves the store for it.
    Told(StepKey, Vec<Event>, Option<Gone>),
    /// A row of the ledger.
    Booked(EntryKind),
}

impl Fact {
    fn as_record(&self) -> Option<&Record> {
        if let Self::Record(record) = self { Some(record) } else { None }
    }
}

/// How long facts that nobody waits for lie before they are written: what follows them mostly comes sooner, and shares its
/// write with them.
const SOON: Duration = Duration::from_millis(5);

/// Facts that are in the state, and are to be written together.
struct Part {
    at: UnixMillis,
    facts: Vec<Fact>,
    /// That of the run, if it has changed with them.
    state: Option<RunState>,
    claims: Vec<Change>,
}

/// Facts as changes of the records.
fn changes(run: &RunId, part: &Part) -> Vec<Change> {
    let Part { at, facts, state, claims } = part;
    let at = *at;
    let change = |fact: &Fact| {
        let run = run.clone();
        match fact.clone() {
            Fact::Record(record) => Change::Recorded { run, at, record },
            Fact::Told(step, events, gone) => Change::Told { run, step, events, gone },
            Fact::Booked(kind) => Change::Booked { at, entry: Entry { run: run.0, kind } },
        }
    };
    let state = state.map(|state| Change::State { run: run.clone(), state });
    facts.iter().map(change).chain(state).chain(claims.iter().cloned()).collect()
}

/// What to tell of facts once they are durable.
fn told(
    run: &RunId,
    at: UnixMillis,
    facts: Vec<Fact>,
    numbers: &mut impl Iterator<Item = u64>,
) -> Vec<Progress> {
    let tell = |fact| {
        let run = run.clone();
        match fact {
            Fact::Record(record) => {
                let seq = numbers.next().expect("each record has a number");
                Progress::Recorded { run, seq, at, record }
            }
            Fact::Told(StepKey { attempt, phase, rank }, events, _) => {
                Progress::Told { run, attempt, phase, rank, events }
            }
            Fact::Booked(kind) => Progress::Booked { entry: Entry { run: run.0, kind } },
        }
    };
    facts.into_iter().map(tell).collect()
}

/// Why work on an attempt stops before its commit.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The store failed: nothing more can be done.
    Store(StoreError),
    /// The attempt is over, and these facts are recorded with its end, in one write.
    End(AttemptEnd, Vec<Fact>),
}

impl Halt {
    pub(crate) const fn end(end: AttemptEnd) -> Self {
        Self::End(end, Vec::new())
    }
}

impl From<StoreError> for Halt {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Live {
    /// Whether the homes of its nodes are those of other runs too.
    pub(crate) fn shares_home(&self) -> bool {
        matches!(self.view.borrow().cluster, Some(ClusterRole::On(_)))
    }

    /// Where on a node something is that is of an attempt alone: a path in the node's home.
    pub(crate) fn beside(&self, id: AttemptId, path: String) -> String {
        if !self.shares_home() {
            return path;
        }
        format!("jobs/{}/{}-{}/{path}", self.id, id.task, id.number)
    }
}

pub(crate) struct Live {
    pub(crate) world: Arc<World>,
    pub(crate) id: RunId,
    pub(crate) plan: Arc<Plan>,
    /// With secrets, unless the run is over.
    pub(crate) job: Arc<Job>,
    /// Others that are driven and have the same plan find it as long as this lives.
    _known: Arc<Known>,
    pub(crate) roots: Roots,
    pub(crate) view: watch::Sender<RunView>,
    /// Data that is being moved.
    pub(crate) under_way: UnderWay,
    hold: Hold,
    accounts: Mutex<Accounts>,
    /// What nobody waits for.
    waiting: Mutex<Vec<Part>>,
    /// Told whenever there is more of it.
    more: Notify,
}

impl Live {
    /// Reads a run from the store.
    pub(crate) async fn load(world: &Arc<World>, id: &RunId, hold: Hold) -> Result<Self, StoreError> {
        let records = world.store.records().await?;
        let Story { row, plan, mut view } = read(records, id).await?;
        let accounts = Mutex::new(Accounts::replay(&records.entries(id, 0, u32::MAX).await?));
        let job = match &row.job {
            Some(stored) => {
                let text = seal::open(world.options.seal.as_ref(), id, stored)?;
                let job: v1::Job =
                    serde_json::from_str(&text).map_err(|source| StoreError::Body { source })?;
                Some(job.domain())
            }
            None => None,
        };
        let known = world.plans.share(plan, &mut view);
        Ok(Self {
            world: Arc::clone(world),
            id: id.clone(),
            plan: Arc::clone(&known.plan),
            job: known.job(job),
            _known: known,
            roots: Roots { base_dir: PathBuf::from(row.base_dir), home: world.options.home.clone() },
            view: watch::Sender::new(view),
            under_way: UnderWay::default(),
            hold,
            accounts,
            waiting: Mutex::default(),
            more: Notify::new(),
        })
    }

    /// Puts facts on record, all or none, with all that were to be written soon. When this returns they are durable.
    pub(crate) async fn record(&self, facts: Vec<Fact>) -> Result<(), StoreError> {
        let part = self.part(facts)?;
        self.write(Some(part)).await
    }

    /// Puts facts on record with what is recorded next, or some milliseconds later. They are in the state when this returns, and
    /// not durable yet: it is for what nothing outside of the records rests on before something else is recorded, and what
    /// would come out the same if it had to be done again.
    pub(crate) fn soon(&self, facts: Vec<Fact>) -> Result<(), StoreError> {
        let part = self.part(facts)?;
        self.waiting().push(part);
        self.more.notify_one();
        Ok(())
    }

    /// Writes what was to be written soon. Returns only when that fails.
    pub(crate) async fn keep_up(&self) -> Result<Infallible, StoreError> {
        loop {
            self.more.notified().await;
            sleep(SOON).await;
            self.write(None).await?;
        }
    }

    /// Takes facts into the state.
    fn part(&self, facts: Vec<Fact>) -> Result<Part, StoreError> {
        let at = self.world.options.clock.now();
        let facts: Vec<Fact> = facts.into_iter().map(|fact| self.masked(fact)).collect();
        let state = self.apply(&facts, at)?;
        let claims = claims::of(self, &facts, at);
        Ok(Part { at, facts, state, claims })
    }

    /// Writes what was to be written soon.
    pub(crate) async fn flush(&self) -> Result<(), StoreError> {
        self.write(None).await
    }

    /// Writes what waits, in the order in which it came into the state, and `last`. It is told of once it is durable, whether
    /// or not somebody waits for that still: what ends the work on a run drops such futures at any moment.
    async fn write(&self, last: Option<Part>) -> Result<(), StoreError> {
        let parts: Vec<Part> = std::mem::take(&mut *self.waiting()).into_iter().chain(last).collect();
        if parts.is_empty() {
            return Ok(());
        }
        let changes = parts.iter().flat_map(|part| changes(&self.id, part));
        let write = Write(self.held().into_iter().chain(changes).collect());
        let (run, observer) = (self.id.clone(), Arc::clone(&self.world.options.observer));
        let tell = move |written: &Written| {
            let mut numbers = written.records.iter().copied();
            for Part { at, facts, .. } in parts {
                for progress in told(&run, at, facts, &mut numbers) {
                    observer.notice(&progress);
                }
            }
        };
        self.world.store.write_and(write, Box::new(tell)).await.map(drop)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Part>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands before every write of the run.
    pub(crate) fn held(&self) -> Option<Change> {
        self.hold.change(&self.id)
    }

    /// Takes facts into the state: it is checked first, since a contradiction must not reach the disk.
    /// Gives the new state of the run if that has changed.
    fn apply(&self, facts: &[Fact], at: UnixMillis) -> Result<Option<RunState>, StoreError> {
        let mut changed = None;
        let mut applied = Ok(());
        let mut records = facts.iter().filter_map(Fact::as_record).peekable();
        if records.peek().is_some() {
            self.view.send_modify(|view| {
                let before = view.state;
                applied = records.try_for_each(|record| view.apply(record, at));
                changed = (view.state != before).then_some(view.state);
            });
        }
        applied.map_err(|reason| StoreError::Contradiction { run: self.id.clone(), reason })?;
        let mut accounts = self.accounts();
        for fact in facts {
            if let Fact::Booked(kind) = fact {
                accounts.post(&Entry { run: self.id.0.clone(), kind: kind.clone() });
            }
        }
        Ok(changed)
    }

    /// Waits until the state of the run is such.
    pub(crate) async fn until(&self, such: impl FnMut(&RunView) -> bool) {
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let _ = self.view.subscribe().wait_for(such).await;
    }

    /// An attempt that is known to exist.
    pub(crate) fn attempt(&self, id: AttemptId) -> Result<AttemptView, StoreError> {
        self.view.borrow().attempt(id).cloned().ok_or_else(|| StoreError::Contradiction {
            run: self.id.clone(),
            reason: format!("attempt {} of task {} is missing", id.number, id.task),
        })
    }

    /// What the plan says about the placement of an attempt.
    pub(crate) fn placement(&self, attempt: &AttemptView) -> &Placement {
        let task = &self.plan.tasks[attempt.id.task];
        match attempt.placement {
            0 => &task.choice,
            n => &task.alternatives[n - 1],
        }
    }

    pub(crate) fn token(&self, id: AttemptId) -> Token {
        id.token(&self.id, &self.world.salt)
    }

    pub(crate) fn task_name(&self, task: usize) -> &str {
        &self.plan.tasks[task].task
    }

    /// A text that is the same for each attempt of a task, another one for each task, and on no record.
    pub(crate) fn salt_of(&self, task: &str) -> String {
        let words = format!("{}/{task}", self.id);
        match &self.world.options.seal {
            Some(key) => key.salt(&words),
            None => blake3::hash(format!("{}/{words}", self.world.salt).as_bytes()).to_hex().to_string(),
        }
    }

    /// The accounts of this run.
    pub(crate) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn retrying(&self, message: impl ToString) {
        let (run, message) = (self.id.clone(), message.to_string());
        self.world.options.observer.notice(&Progress::Retrying { run, message });
    }

    /// Something to know of that changes nothing.
    pub(crate) fn noted(&self, message: String) {
        let run = self.id.clone();
        self.world.options.observer.notice(&Progress::Noted { run, message });
    }

    /// Secrets are kept out of the store whatever a script prints. The agent masks them too; this
    /// holds against an agent that does not.
    fn masked(&self, fact: Fact) -> Fact {
        let Fact::Told(step, mut events, gone) = fact else { return fact };
        let secrets = &self.job.tasks[step.attempt.task].secrets;
        for event in &mut events {
            if let EventKind::Log { line, .. } | EventKind::Piece { text: line, .. } = &mut event.kind {
                for secret in secrets.values().map(welkin_job::Secret::reveal) {
                    if secret.len() >= SHORTEST_SECRET && line.contains(secret) {
                        *line = line.replace(secret, "****");
                    }
                }
            }
        }
        Fact::Told(step, events, gone)
    }
}

/// Key under which [`World::salt`] is kept.
pub(crate) const SALT: &str = "salt";

/// Key under which [`World::owner`] is kept.
pub(crate) const OWNER: &str = "owner";

/// Shorter values are not worth the letters that masking them would take out of every line.
const SHORTEST_SECRET: usize = 4;

/// A run as it is on record.
pub(crate) struct Story {
    pub(crate) row: RunRow,
    pub(crate) plan: Plan,
    pub(crate) view: RunView,
}

/// A run's plan and its state, from any records.
pub(crate) async fn read(records: &dyn Records, id: &RunId) -> Result<Story, StoreError> {
    let story = records.story(id).await?;
    let (row, history) = story.ok_or_else(|| StoreError::NoSuchRun { run: id.clone() })?;
    let damaged = |source| StoreError::Plan { run: id.clone(), source: Box::new(source) };
    let plan = Plan::read(&row.plan).map_err(damaged)?;
    let mut view = RunView::new(id.clone(), &plan, row.submitted);
    view.cluster.clone_from(&row.cluster);
    view.project.clone_from(&row.project);
    for (_, at, record) in history {
        view.apply(&record, at).map_err(|reason| StoreError::Contradiction { run: id.clone(), reason })?;
    }
    Ok(Story { row, plan, view })
}

/// Marks a run as driven while it lives.
pub(crate) struct Driven {
    world: Arc<World>,
    run: RunId,
    /// What is asked of it meanwhile.
    pub(crate) inbox: Inbox,
}

impl Driven {
    pub(crate) fn begin(world: &Arc<World>, run: &RunId) -> Option<Self> {
        let mut driven = world.driven.lock().unwrap_or_else(PoisonError::into_inner);
        if !driven.insert(run.clone()) {
            return None;
        }
        // Only for who looks: what they do not see is driven all the same.
        let _ = world.lock.tell(&driven);
        Some(Self { world: Arc::clone(world), run: run.clone(), inbox: world.inboxes.open(run) })
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        let mut driven = self.world.driven.lock().unwrap_or_else(PoisonError::into_inner);
        driven.remove(&self.run);
        self.world.inboxes.close(&self.run);
        let _ = self.world.lock.tell(&driven);
        drop(driven);
        self.world.left.send_modify(|count| *count += 1);
    }
}
