//! The broker: owns a state directory, takes plans, drives runs to their end.

use crate::among::{Hold, Taken, held_elsewhere};
use crate::brought::{not_elsewhere, of_this_machine};
use crate::cancels::Cancels;
use crate::drive::{RunOutcome, drive};
use crate::error::{OpenError, RunError, StoreError, SubmitError, WishError};
use crate::known::Plans;
use crate::limits::REQUEST_POLL;
use crate::lines::InLine;
use crate::live::{Driven, Live, OWNER, SALT, World};
use crate::lock::Lock;
use crate::now::block_on;
use crate::observe::Progress;
use crate::options::BrokerOptions;
use crate::place;
use crate::projects::{self, Projects};
use crate::reader::Reader;
use crate::refusals::{refusals, refusals_elsewhere};
use crate::rng::Rng;
use crate::snapshot::Snapshots;
use crate::stage::Roots;
use crate::store::Store;
use crate::view::PlaceView;
use crate::wishes::{self, Inboxes, Wish, unstoppable};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::time::timeout;
use welkin_job::wire::{Mirror, v1};
use welkin_job::{Job, Secret};
use welkin_ledger::{Entry, EntryKind};
use welkin_placement::Plan;
use welkin_provider::{Owner, ProviderId, UnixMillis};
use welkin_records::{
    Change, Claim, ClusterRole, Manner, Record, Records, RunId, RunRow, RunState, Which, Write,
};
use welkin_units::Usd;

/// The folder of a job file that is on another machine: nothing can be below a device.
const NOWHERE: &str = "/dev/null/elsewhere";

/// A plan to be run.
#[derive(Debug, Clone)]
pub struct Submission<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The job it was made from, with the values of its secrets.
    pub job: &'a Job,
    /// The folder its paths are relative to.
    pub base_dir: PathBuf,
    /// Submitting again with the same token returns the same run.
    pub client_token: Option<String>,
    /// How it is to be driven.
    pub manner: Manner,
    /// What it has to do with a cluster, if anything.
    pub cluster: Option<ClusterRole>,
    /// The project it is of: that of the cluster it is on, or the default one, when absent.
    pub project: Option<String>,
}

/// Drives runs. At most one for each state directory at any time.
///
/// All futures it returns may be dropped at any point; what they were doing goes on from the record
/// with [`Broker::run`] or [`Broker::resume`], in this process or another.
pub struct Broker {
    world: Arc<World>,
    dir: PathBuf,
}

impl Broker {
    /// Opens the state directory, making it if need be, and takes it over.
    ///
    /// # Errors
    /// [`OpenError::InUse`] while another broker owns it; [`OpenError::Store`] when the store cannot
    /// be used, among others because a newer version wrote it.
    pub fn open(dir: &Path, options: BrokerOptions) -> Result<Self, OpenError> {
        place::make_dir(dir).map_err(OpenError::Store)?;
        let lock = Lock::take(dir)?;
        let lock = Arc::new(lock);
        let records = match &options.records {
            Some(records) => Arc::clone(records),
            None => place::open(dir, options.durability).map_err(OpenError::Store)?,
        };
        let mut rng = Rng::new(options.seed);
        let salt =
            identity(&*records, SALT, || format!("{:010x}", rng.next() >> 24)).map_err(OpenError::Store)?;
        let tag = || options.owner.clone().map_or_else(|| format!("welkin-{salt}"), |owner| owner.0);
        let owner = Owner(identity(&*records, OWNER, tag).map_err(OpenError::Store)?);
        let snapshots = Snapshots::new(dir);
        sweep(&*records, options.peers.is_some(), &snapshots, dir).map_err(OpenError::Store)?;
        let store = Store::new(records, Arc::clone(&lock), options.after_record.clone());
        let world = World {
            options,
            store,
            snapshots,
            lock,
            owner,
            salt,
            rng: Mutex::new(rng),
            shelves: Mutex::new(BTreeMap::new()),
            lines: Arc::default(),
            metering: tokio::sync::Mutex::new(()),
            driven: Mutex::new(BTreeSet::new()),
            taken: Taken::default(),
            cancels: Cancels::default(),
            projects: Projects::default(),
            names: Mutex::new(BTreeSet::new()),
            plans: Plans::default(),
            inboxes: Inboxes::default(),
            requests: watch::Sender::new(0),
            left: watch::Sender::new(0),
        };
        Ok(Self { world: Arc::new(world), dir: dir.to_owned() })
    }

    /// The tag on everything this broker owns.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.world.owner
    }

    /// A view of the store, as any process can have it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn reader(&self) -> Result<Reader, StoreError> {
        match &self.world.options.records {
            Some(records) => {
                Ok(Reader::of(Arc::clone(records), &self.dir).among(self.world.options.peers.clone()))
            }
            None => Reader::open(&self.dir),
        }
    }

    /// Takes a plan. Nothing is asked of any provider yet.
    ///
    /// # Errors
    /// [`SubmitError`] when the plan cannot be run by this broker.
    pub async fn submit(&self, submission: Submission<'_>) -> Result<RunId, SubmitError> {
        self.take(submission, None).await
    }

    /// The same from another machine, which has packed what the job brings along into a folder (see
    /// [`crate::pack`]): no path of the job is looked for on this one. The folder is moved.
    ///
    /// # Errors
    /// [`SubmitError`], also when the job reads or delivers what is on that machine alone.
    pub async fn submit_from_elsewhere(
        &self,
        submission: Submission<'_>,
        brought: Option<PathBuf>,
    ) -> Result<RunId, SubmitError> {
        if let Some(what) = not_elsewhere(submission.job) {
            return Err(SubmitError::Elsewhere { what });
        }
        // Nothing can be there.
        let submission = Submission { base_dir: PathBuf::from(NOWHERE), ..submission };
        self.take(submission, Some(brought)).await
    }

    /// Takes a plan; `elsewhere` holds what another machine has packed, if this comes from one.
    async fn take(
        &self,
        submission: Submission<'_>,
        elsewhere: Option<Option<PathBuf>>,
    ) -> Result<RunId, SubmitError> {
        self.check(&submission, elsewhere.is_none())?;
        let Submission { plan, job, base_dir, client_token, manner, cluster, project } = submission;
        let text = plan.to_json();
        let records = self.world.store.records().await.map_err(SubmitError::Store)?;
        let project = projects::of_submission(records, project, cluster.as_ref()).await?;
        let before = Before {
            token: client_token.as_deref(),
            text: &text,
            plan,
            project: project.as_deref(),
            cluster: cluster.as_ref(),
            base_dir: &base_dir,
        };
        if let Some(run) = before.run(records).await? {
            return Ok(run);
        }
        projects::may_fit(records, project.as_deref(), plan).await?;
        let roots = Roots { base_dir: base_dir.clone(), home: self.world.options.home.clone() };
        let nonce = self.world.rng.lock().unwrap_or_else(PoisonError::into_inner).next();
        let snapshots = &self.world.snapshots;
        let draft = match elsewhere {
            None => snapshots.take(job, &roots, nonce).await?,
            Some(None) if of_this_machine(job).is_empty() => None,
            Some(folder) => Some(snapshots.adopt(folder.unwrap_or_default(), job, &roots).await?),
        };
        let now = self.world.options.clock.now();
        let id = loop {
            let name = Name::choose(&self.world, &job.name, now).await.map_err(SubmitError::Store)?;
            let id = name.id().clone();
            let row = RunRow {
                id: id.clone(),
                name: job.name.clone(),
                plan: text.clone(),
                job: Some(self.sealed(job, &id).map_err(SubmitError::Store)?),
                base_dir: base_dir.to_string_lossy().into_owned(),
                state: RunState::Planned.name().to_owned(),
                submitted: now,
                cluster: cluster.clone(),
                project: project.clone(),
            };
            // Before the run is on record: one that is has what it brings along.
            if let Some(draft) = &draft {
                match self.world.snapshots.keep(draft, &id) {
                    // Another broker's, which has the name by now.
                    Err(_) if self.has_peers() && snapshots.has(&id) => continue,
                    kept => kept.map_err(SubmitError::Store)?,
                }
            }
            let write = submitted(row.clone(), client_token.clone(), plan, job.policy.budget, manner);
            let done = tokio::select! {
                done = self.world.store.write(write) => done,
                () = self.world.store.died() => std::future::pending().await,
            };
            let Err(error) = done else { break id };
            // It may be on record all the same, where only the answer was lost: then it needs what it brings along. Where
            // nobody can tell, that stays until somebody can: the next opening looks.
            match records.row(&id).await {
                Ok(Some(kept)) if is_of(&row, &kept) => break id,
                Ok(_) => {}
                Err(_) => return Err(SubmitError::of_store(error)),
            }
            if let Some(draft) = &draft {
                snapshots.take_back(draft, &id).map_err(SubmitError::Store)?;
            }
            // Another broker may have been given the same submission, or the same name to another one, meanwhile.
            if let Some(run) = before.run(records).await? {
                return Ok(run);
            }
            if !(self.has_peers() && matches!(error, StoreError::Taken { .. })) {
                return Err(SubmitError::of_store(error));
            }
        };
        for what in draft.iter().flat_map(|draft| &draft.left_out) {
            let message = format!("left out: {what}");
            self.world.options.observer.notice(&Progress::Noted { run: id.clone(), message });
        }
        Ok(id)
    }

    /// The job as its row has it: sealed, where there is something to hide and a key.
    fn sealed(&self, job: &Job, id: &RunId) -> Result<String, StoreError> {
        let text = serde_json::to_string(&v1::Job::of(job)).map_err(|source| StoreError::Body { source })?;
        let has_secrets = job.tasks.iter().any(|task| !task.secrets.is_empty());
        match self.world.options.seal.as_ref().filter(|_| has_secrets) {
            Some(key) => key.seal(id, text),
            None => Ok(text),
        }
    }

    /// Refuses before anything is recorded what could only fail later.
    fn check(&self, submission: &Submission<'_>, looks: bool) -> Result<(), SubmitError> {
        let mut open = submission.job.clone();
        for task in &mut open.tasks {
            for secret in task.secrets.values_mut() {
                *secret = Secret::new(String::new());
            }
        }
        if open != submission.plan.job {
            return Err(SubmitError::OtherJob);
        }
        for task in &submission.plan.tasks {
            let places = std::iter::once(&task.choice).chain(&task.alternatives);
            if let Some(place) =
                places.into_iter().find(|place| self.world.provider(&place.place.provider).is_err())
            {
                let (task, provider) = (task.task.clone(), place.place.provider.clone());
                return Err(SubmitError::NoProvider { task, provider });
            }
        }
        if submission.manner.stops {
            let places =
                submission.plan.tasks.iter().flat_map(|task| {
                    std::iter::once(&task.choice).chain(&task.alternatives).map(PlaceView::of)
                });
            if let Some(what) = places.into_iter().find_map(|place| unstoppable(&self.world, &place)) {
                return Err(SubmitError::CannotStop { what });
            }
        }
        let home = self.world.options.home.clone();
        let mut refused = match looks {
            true => refusals(submission.job, &submission.base_dir, home),
            false => refusals_elsewhere(submission.job, &submission.base_dir),
        };
        match refused.len() {
            0 => Ok(()),
            1 => Err(refused.remove(0)),
            _ => Err(SubmitError::Several { refused }),
        }
    }

    /// Gives a run that is to be driven its place among those on the same cluster: it asks for a part of the machines when
    /// nobody who was given a place before it still has to. Whoever calls this drives the run, and lets the place go when
    /// it is no longer driven.
    #[must_use]
    pub fn line_up(&self, run: &RunId, cluster: &RunId) -> InLine {
        self.world.lines.join(cluster, run)
    }

    /// Drives a run to its end from wherever it is. A run that is over is answered from the record.
    ///
    /// # Errors
    /// [`RunError`]: never because a task failed, which is an outcome.
    pub async fn run(&self, run: &RunId) -> Result<RunOutcome, RunError> {
        let Some(mut driven) = Driven::begin(&self.world, run) else {
            return Err(RunError::AlreadyDriven { run: run.clone() });
        };
        let Some(mut hold) = self.world.taken.take(&self.world, run).await? else {
            // Another broker has it, or it is over.
            let live = Live::load(&self.world, run, Hold::default()).await?;
            let outcome = RunOutcome::of(&live.view.borrow());
            let elsewhere = RunError::AlreadyDriven { run: run.clone() };
            return if outcome.state.is_over() { Ok(outcome) } else { Err(elsewhere) };
        };
        let left = hold.left();
        let work = async { drive(&Live::load(&self.world, run, hold).await?, &mut driven.inbox).await };
        tokio::select! {
            biased;
            () = self.world.store.died() => Err(RunError::Crashed),
            () = left => Err(RunError::AlreadyDriven { run: run.clone() }),
            outcome = work => {
                if outcome.is_ok() {
                    self.world.taken.forget(run);
                }
                outcome.map_err(|error| held_elsewhere(run, error))
            }
        }
    }

    /// Drives every run that is not over to its end, all at once. Oldest first in the answer.
    ///
    /// # Errors
    /// [`StoreError`] when the runs cannot be listed.
    pub async fn resume(&self) -> Result<Vec<(RunId, Result<RunOutcome, RunError>)>, StoreError> {
        let unfinished = self.unfinished().await?;
        let runs = unfinished.into_iter().map(|run| async {
            let outcome = self.run(&run).await;
            (run, outcome)
        });
        Ok(futures::future::join_all(runs).await)
    }

    /// Runs that are not over, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the runs cannot be listed.
    pub async fn unfinished(&self) -> Result<Vec<RunId>, StoreError> {
        let open = self.world.store.records().await?.runs(Which::Open).await?;
        Ok(open.into_iter().map(|run| run.id).collect())
    }

    /// Ends a run and waits until nothing of it costs anything: whether it is being driven here or by
    /// nobody. A run that is over stays as it is.
    ///
    /// # Errors
    /// [`RunError`] as for [`Broker::run`].
    pub async fn cancel(&self, run: &RunId) -> Result<RunOutcome, RunError> {
        let mut requests = self.world.requests.subscribe();
        let mut left = self.world.left.subscribe();
        self.request_cancel(run).await?;
        loop {
            while self.is_driven(run) {
                // The sender lives in `self`.
                let _ = left.changed().await;
            }
            match self.run(run).await {
                // By another broker, which looks for requests as often.
                Err(RunError::AlreadyDriven { .. }) if self.has_peers() => {
                    drop(timeout(REQUEST_POLL.duration(), requests.changed()).await);
                }
                done => return done,
            }
        }
    }

    /// Says how the cluster that a run holds is to be; on record when this returns. Somebody has to drive the run here.
    ///
    /// # Errors
    /// [`WishError`] when it holds none, or cannot be asked at present.
    pub async fn wish(&self, run: &RunId, wish: Wish) -> Result<(), WishError> {
        self.world.store.run(run).await.map_err(WishError::Store)?;
        wishes::ask(&self.world, run, wish).await
    }

    /// Puts on record that a run is to be cancelled, and wakes whoever drives it here.
    ///
    /// # Errors
    /// [`RunError`] when there is no such run, or the store fails.
    pub async fn request_cancel(&self, run: &RunId) -> Result<(), RunError> {
        let at = self.world.options.clock.now();
        self.world.store.run(run).await?;
        self.world.store.write(Change::CancelRequested { run: run.clone(), at }).await?;
        self.world.requests.send_modify(|count| *count += 1);
        Ok(())
    }

    /// The present moment, as runs are driven by it.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.world.options.clock.now()
    }

    /// Makes a write that is about no run.
    ///
    /// # Errors
    /// [`StoreError`] when it is refused, or the records cannot be written.
    pub async fn write(&self, write: Write) -> Result<(), StoreError> {
        self.world.store.write(write).await.map(drop)
    }

    fn is_driven(&self, run: &RunId) -> bool {
        self.world.driven.lock().unwrap_or_else(PoisonError::into_inner).contains(run)
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.world
    }
}

/// A run that is put on record, and what goes with it.
fn submitted(
    row: RunRow,
    client_token: Option<String>,
    plan: &Plan,
    budget: Option<Usd>,
    manner: Manner,
) -> Write {
    let (id, run, at) = (row.id.clone(), row.id.0.clone(), row.submitted);
    let providers = providers_of(plan);
    let claim = Some(Claim::Run { expected: plan.cost });
    let mut changes = vec![
        Change::Submitted { row: Box::new(row), client_token, providers },
        Change::Claimed { run: id.clone(), at, lease: None, claim, judged: true },
    ];
    if manner != Manner::default() {
        changes.push(Change::Recorded { run: id, at, record: Record::MannerChosen { manner } });
    }
    if let Some(amount) = budget {
        changes.push(Change::Booked { at, entry: Entry { run, kind: EntryKind::Fund { amount } } });
    }
    Write(changes)
}

/// The providers that a plan names.
fn providers_of(plan: &Plan) -> BTreeSet<ProviderId> {
    let places = plan.tasks.iter().flat_map(|task| std::iter::once(&task.choice).chain(&task.alternatives));
    let mut names = BTreeSet::new();
    for place in places {
        if !names.contains(&place.place.provider) {
            names.insert(place.place.provider.clone());
        }
    }
    names
}

/// The name of a run that is being submitted: no other submission takes it meanwhile.
struct Name<'a> {
    world: &'a World,
    id: RunId,
}

impl<'a> Name<'a> {
    /// One that is free.
    async fn choose(world: &'a World, job: &str, at: UnixMillis) -> Result<Self, StoreError> {
        for later in 0.. {
            let id = RunId::new(job, at, later);
            if !world.names.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone()) {
                continue;
            }
            let name = Self { world, id };
            if world.store.records().await?.is_free(&name.id).await? {
                return Ok(name);
            }
        }
        unreachable!("a store does not hold 2^64 runs of one name")
    }

    const fn id(&self) -> &RunId {
        &self.id
    }
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        self.world.names.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

/// A submission that may have been made before.
struct Before<'a> {
    token: Option<&'a str>,
    text: &'a str,
    plan: &'a Plan,
    project: Option<&'a str>,
    cluster: Option<&'a ClusterRole>,
    base_dir: &'a Path,
}

impl Before<'_> {
    /// The run that its token was used for.
    async fn run(&self, records: &dyn Records) -> Result<Option<RunId>, SubmitError> {
        let Some(token) = self.token else { return Ok(None) };
        let Some(row) = records.run_of_token(token).await.map_err(SubmitError::Store)? else {
            return Ok(None);
        };
        // Another version may have written the same plan in another form.
        let same = row.plan == self.text || Plan::read(&row.plan).is_ok_and(|kept| kept.id == self.plan.id);
        let same = same
            && row.project.as_deref() == self.project
            && row.cluster.as_ref() == self.cluster
            && row.base_dir == self.base_dir.to_string_lossy();
        match same {
            true => Ok(Some(row.id)),
            false => Err(SubmitError::TokenReused { run: row.id }),
        }
    }
}

/// Whether a run on record is the one that was to be: another broker may have given its name to another one.
fn is_of(row: &RunRow, kept: &RunRow) -> bool {
    let told = |row: &RunRow| (row.submitted, row.plan.clone(), row.job.clone(), row.base_dir.clone());
    told(row) == told(kept)
}

/// Removes what runs brought along that are over. Where there are other brokers, what is of no run that is known may be of
/// one that is being submitted.
fn sweep(
    records: &dyn Records,
    has_peers: bool,
    snapshots: &Snapshots,
    dir: &Path,
) -> Result<(), StoreError> {
    let open = block_on(records.runs(Which::Open))?;
    let mut wanted: BTreeSet<String> = open.into_iter().map(|run| run.id.0).collect();
    if has_peers {
        for name in snapshots.names() {
            if block_on(records.is_free(&RunId(name.clone())))? {
                wanted.insert(name);
            }
        }
    }
    let path = dir.to_owned();
    let what = "removing what is left of runs in";
    snapshots.sweep(&wanted).map_err(|source| StoreError::Io { what, path, source })
}

/// A value made at the first opening and kept.
fn identity(
    records: &dyn Records,
    key: &'static str,
    make: impl FnOnce() -> String,
) -> Result<String, StoreError> {
    if let Some(kept) = block_on(records.identity(key))? {
        return Ok(kept);
    }
    let value = make();
    let write = Write::from(Change::Identity { key, value: value.clone() });
    block_on(records.commit(vec![write])).into_iter().collect::<Result<Vec<_>, _>>()?;
    // Another broker may have been faster.
    Ok(block_on(records.identity(key))?.unwrap_or(value))
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("dir", &self.dir)
            .field("owner", &self.world.owner)
            .finish_non_exhaustive()
    }
}
