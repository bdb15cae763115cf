//! The broker: owns a state directory, takes plans, drives runs to their end.

use crate::drive::{RunOutcome, drive};
use crate::error::{OpenError, RunError, StoreError, SubmitError};
use crate::id::RunId;
use crate::live::{Driven, Live, SALT, World};
use crate::lock::Lock;
use crate::observe::Progress;
use crate::options::BrokerOptions;
use crate::prune::was_forgotten;
use crate::reader::Reader;
use crate::refusals::refusals;
use crate::rng::Rng;
use crate::runs::{self, RunRow};
use crate::seal::SealKey;
use crate::snapshot::Snapshots;
use crate::stage::Roots;
use crate::state::RunState;
use crate::store::{self, Store};
use crate::{sql, sums};
use rusqlite::Transaction;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use welkin_job::wire::{Mirror, v1};
use welkin_job::{Job, Secret};
use welkin_ledger::{Entry, EntryKind};
use welkin_placement::Plan;
use welkin_provider::Owner;
use welkin_units::Usd;

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
        store::make_dir(dir).map_err(OpenError::Store)?;
        let lock = Lock::take(dir)?;
        let store =
            Store::open(dir, options.durability, options.after_record.clone()).map_err(OpenError::Store)?;
        let mut rng = Rng::new(options.seed);
        let salt =
            identity(&store, SALT, || format!("{:010x}", rng.next() >> 24)).map_err(OpenError::Store)?;
        let tag = || options.owner.clone().map_or_else(|| format!("welkin-{salt}"), |owner| owner.0);
        let owner = Owner(identity(&store, "owner", tag).map_err(OpenError::Store)?);
        let world = World {
            options,
            store,
            snapshots: Snapshots::new(dir),
            lock,
            owner,
            salt,
            rng: Mutex::new(rng),
            shelves: Mutex::new(BTreeMap::new()),
            metering: tokio::sync::Mutex::new(()),
            driven: Mutex::new(BTreeSet::new()),
            requests: watch::Sender::new(0),
        };
        let broker = Self { world: Arc::new(world), dir: dir.to_owned() };
        broker.sweep_snapshots().map_err(OpenError::Store)?;
        Ok(broker)
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
        Reader::open(&self.dir)
    }

    /// Takes a plan. Nothing is asked of any provider yet.
    ///
    /// # Errors
    /// [`SubmitError`] when the plan cannot be run by this broker.
    pub async fn submit(&self, submission: Submission<'_>) -> Result<RunId, SubmitError> {
        self.check(&submission)?;
        let Submission { plan, job, base_dir, client_token } = submission;
        let text = plan.to_json();
        if let Some(token) = &client_token
            && let Some(row) = runs::of_token(&self.world.store.db(), token).map_err(SubmitError::Store)?
        {
            // Another version may have written the same plan in another form.
            let same = row.plan == text || Plan::read(&row.plan).is_ok_and(|kept| kept.id == plan.id);
            return if same { Ok(row.id) } else { Err(SubmitError::TokenReused { run: row.id }) };
        }
        let roots = Roots { base_dir: base_dir.clone(), home: self.world.options.home.clone() };
        let nonce = self.world.rng.lock().unwrap_or_else(PoisonError::into_inner).next();
        let draft = self.world.snapshots.take(job, &roots, nonce).await?;
        let now = self.world.options.clock.now();
        let row = RunRow {
            id: RunId::new(&job.name, now, 0),
            name: job.name.clone(),
            plan: text,
            job: Some(sql::json(&v1::Job::of(job)).map_err(SubmitError::Store)?),
            base_dir: base_dir.to_string_lossy().into_owned(),
            state: RunState::Planned.name().to_owned(),
            submitted: now,
        };
        let has_secrets = job.tasks.iter().any(|task| !task.secrets.is_empty());
        let new = NewRun {
            row,
            client_token,
            budget: job.policy.budget,
            providers: sums::providers_of(plan),
            seal: self.world.options.seal.clone().filter(|_| has_secrets),
        };
        let snapshots = self.world.snapshots.clone();
        let write = self.world.store.write(move |tx| {
            let id = new.insert(tx)?;
            // Before the commit: a run on record has what it brings along.
            draft.iter().try_for_each(|draft| snapshots.keep(draft, &id))?;
            Ok((id, draft))
        });
        let (id, draft) = tokio::select! {
            done = write => done.map_err(SubmitError::Store)?,
            () = self.world.store.died() => std::future::pending().await,
        };
        for what in draft.iter().flat_map(|draft| &draft.left_out) {
            let message = format!("left out: {what}");
            self.world.options.observer.notice(&Progress::Noted { run: id.clone(), message });
        }
        Ok(id)
    }

    fn sweep_snapshots(&self) -> Result<(), StoreError> {
        let wanted = self.unfinished()?.into_iter().map(|run| run.0).collect();
        self.world.snapshots.sweep(&wanted).map_err(|source| StoreError::Io {
            what: "removing what is left of runs in",
            path: self.dir.clone(),
            source,
        })
    }

    /// Refuses before anything is recorded what could only fail later.
    fn check(&self, submission: &Submission<'_>) -> Result<(), SubmitError> {
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
                places.into_iter().find(|place| self.world.provider(&place.provider).is_err())
            {
                let (task, provider) = (task.task.clone(), place.provider.clone());
                return Err(SubmitError::NoProvider { task, provider });
            }
        }
        let home = self.world.options.home.clone();
        let mut refused = refusals(submission.job, &submission.base_dir, home);
        match refused.len() {
            0 => Ok(()),
            1 => Err(refused.remove(0)),
            _ => Err(SubmitError::Several { refused }),
        }
    }

    /// Drives a run to its end from wherever it is. A run that is over is answered from the record.
    ///
    /// # Errors
    /// [`RunError`]: never because a task failed, which is an outcome.
    pub async fn run(&self, run: &RunId) -> Result<RunOutcome, RunError> {
        let Some(_driven) = Driven::begin(&self.world, run) else {
            return Err(RunError::AlreadyDriven { run: run.clone() });
        };
        let live = Live::load(&self.world, run)?;
        tokio::select! {
            biased;
            () = self.world.store.died() => Err(RunError::Crashed),
            outcome = drive(&live) => outcome,
        }
    }

    /// Drives every run that is not over to its end, all at once. Oldest first in the answer.
    ///
    /// # Errors
    /// [`StoreError`] when the runs cannot be listed.
    pub async fn resume(&self) -> Result<Vec<(RunId, Result<RunOutcome, RunError>)>, StoreError> {
        let unfinished = self.unfinished()?;
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
    pub fn unfinished(&self) -> Result<Vec<RunId>, StoreError> {
        Ok(runs::open(&self.world.store.db())?.into_iter().map(|run| run.id).collect())
    }

    /// Ends a run and waits until nothing of it costs anything: whether it is being driven here or by
    /// nobody. A run that is over stays as it is.
    ///
    /// # Errors
    /// [`RunError`] as for [`Broker::run`].
    pub async fn cancel(&self, run: &RunId) -> Result<RunOutcome, RunError> {
        let now = self.world.options.clock.now();
        if !runs::exists(&self.world.store.db(), run)? {
            return Err(StoreError::NoSuchRun { run: run.clone() }.into());
        }
        let mut requests = self.world.requests.subscribe();
        let id = run.clone();
        self.world.store.write(move |tx| sql::request_cancel(tx, &id, now)).await?;
        self.world.requests.send_modify(|count| *count += 1);
        while self.is_driven(run) {
            // Sent again when a run is no longer driven; the sender lives in `self`.
            let _ = requests.changed().await;
        }
        self.run(run).await
    }

    fn is_driven(&self, run: &RunId) -> bool {
        self.world.driven.lock().unwrap_or_else(PoisonError::into_inner).contains(run)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn world(&self) -> &Arc<World> {
        &self.world
    }
}

/// A run that is put on record, and what goes with it.
struct NewRun {
    row: RunRow,
    client_token: Option<String>,
    budget: Option<Usd>,
    providers: BTreeSet<String>,
    /// Seals the job; none where there is nothing to hide.
    seal: Option<SealKey>,
}

impl NewRun {
    /// Under a name that is free.
    fn insert(mut self, tx: &Transaction<'_>) -> Result<RunId, StoreError> {
        for later in 1.. {
            if !runs::exists(tx, &self.row.id)? && !was_forgotten(tx, &self.row.id)? {
                break;
            }
            self.row.id = RunId::new(&self.row.name, self.row.submitted, later);
        }
        let id = self.row.id.clone();
        if let Some(key) = &self.seal {
            self.row.job = self.row.job.map(|text| key.seal(&id, text)).transpose()?;
        }
        runs::insert(tx, &self.row, self.client_token.as_deref())?;
        sums::remember_providers(tx, &self.providers)?;
        if let Some(amount) = self.budget {
            let entry = Entry { run: id.0.clone(), kind: EntryKind::Fund { amount } };
            sql::append_entry(tx, self.row.submitted, &entry)?;
        }
        Ok(id)
    }
}

/// A value made at the first opening and kept.
fn identity(store: &Store, key: &str, make: impl FnOnce() -> String) -> Result<String, StoreError> {
    let db = store.db();
    if let Some(kept) = sql::meta(&db, key)? {
        return Ok(kept);
    }
    let made = make();
    sql::set_meta(&db, key, &made)?;
    Ok(made)
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("dir", &self.dir)
            .field("owner", &self.world.owner)
            .finish_non_exhaustive()
    }
}
