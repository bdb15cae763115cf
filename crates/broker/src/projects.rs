//! The project of a run: whether it has room for what comes next, and how much of its money is gone.
//!
//! *How it works.* What takes of a project is put on record by a write that the store judges, before the thing itself: if
//! there is not enough left, the task waits and says so. Whoever waits, and whoever watches the money, looks at what is in
//! use by one look for all runs of this broker, which is some seconds old at most; what is decided is decided by the store.
//!
//! *Guarantee:* no lease is asked for, and none is started again, that its project has no room for, however many brokers ask
//! at once. What runs passes a budget by what it costs in the pause between two looks.

use crate::claims::{asked, claimed, is_part};
use crate::error::{StoreError, SubmitError};
use crate::limits::{BUDGET_LOOK, PROJECT_LOOK};
use crate::live::{Fact, Live, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};
use welkin_ledger::month_of;
use welkin_placement::{Placement, Plan};
use welkin_records::{
    AttemptId, Claim, ClaimRow, ClusterRole, DEFAULT_PROJECT, InUse, Limits, Over, Record, Records, RunId,
    Use, Which, Write,
};
use welkin_units::{Span, Usd};

/// Of how much of the money runs are told, in hundredths, from the most on.
const MARKS: [u8; 2] = [100, 80];

/// What is in use of projects, as it was last looked at.
#[derive(Debug, Default)]
pub(crate) struct Projects(Mutex<BTreeMap<String, (Instant, Arc<Use>)>>);

impl Projects {
    /// What is in use of a project, some moments ago at most; nothing of one that nobody has limited.
    async fn look(&self, world: &World, name: &str) -> Result<Arc<Use>, StoreError> {
        let mut looks = self.0.lock().await;
        if let Some((at, used)) = looks.get(name)
            && at.elapsed() < PROJECT_LOOK.duration() / 2
        {
            return Ok(Arc::clone(used));
        }
        let records = world.store.records().await?;
        let used = match limited(records, name).await? {
            true => records.project_use(name).await?,
            false => Use::default(),
        };
        let used = Arc::new(used);
        looks.insert(name.to_owned(), (Instant::now(), Arc::clone(&used)));
        Ok(used)
    }
}

/// Whether somebody has made the project.
async fn limited(records: &dyn Records, name: &str) -> Result<bool, StoreError> {
    Ok(records.projects().await?.iter().any(|project| project.name == name))
}

fn name(live: &Live) -> String {
    live.view.borrow().project.clone().unwrap_or_else(|| DEFAULT_PROJECT.to_owned())
}

/// Which project a submission is of.
pub(crate) async fn of_submission(
    records: &dyn Records,
    said: Option<String>,
    cluster: Option<&ClusterRole>,
) -> Result<Option<String>, SubmitError> {
    let Some(ClusterRole::On(run)) = cluster else { return Ok(said.filter(|name| name != DEFAULT_PROJECT)) };
    let holder = records.runs(Which::One(run.clone())).await.map_err(SubmitError::Store)?.pop();
    let of_holder = holder.and_then(|holder| holder.project);
    match said {
        Some(name) if name != of_holder.as_deref().unwrap_or(DEFAULT_PROJECT) => {
            Err(SubmitError::OtherProject { run: run.clone() })
        }
        _ => Ok(of_holder),
    }
}

/// Refuses a plan with a task for which the project has never enough accelerators, at none of its places.
pub(crate) async fn may_fit(
    records: &dyn Records,
    project: Option<&str>,
    plan: &Plan,
) -> Result<(), SubmitError> {
    let name = project.unwrap_or(DEFAULT_PROJECT);
    let projects = records.projects().await.map_err(SubmitError::Store)?;
    let Some(project) = projects.into_iter().find(|project| project.name == name) else { return Ok(()) };
    let alone = Use { project: Some(project), ..Use::default() };
    for task in &plan.tasks {
        let mut places = std::iter::once(&task.choice).chain(&task.alternatives);
        let verdict = |place: &Placement| {
            let judged =
                alone.judge(lease_row(RunId(String::new()), String::new(), place), Default::default());
            judged.err().filter(|over| over.limit.is_for_ever())
        };
        if let Some(over) = verdict(&task.choice)
            && places.all(|place| verdict(place).is_some())
        {
            return Err(SubmitError::Over(Box::new(over)));
        }
    }
    Ok(())
}

fn lease_row(run: RunId, lease: String, place: &Placement) -> ClaimRow {
    ClaimRow { run, lease: Some(lease), claim: Claim::Lease(asked(place)), spent: Usd::ZERO }
}

/// Waits until the project has room for an attempt, which is taken when this returns; the limit, where it never has.
pub(crate) async fn room(
    live: &Live,
    attempt: AttemptId,
    place: &Placement,
) -> Result<Result<(), Box<Over>>, StoreError> {
    let name = name(live);
    if is_part(place) || !limited(live.world.store.records().await?, &name).await? {
        return Ok(Ok(()));
    }
    loop {
        match take(live, attempt, place).await {
            Ok(()) => return Ok(Ok(())),
            Err(StoreError::Over(over)) if over.limit.is_for_ever() => return Ok(Err(over)),
            Err(StoreError::Over(over)) => wait(live, attempt, place, &name, &over).await?,
            Err(error) => return Err(error),
        }
    }
}

/// What the machines of an attempt take that are started again; [`StoreError::Over`] when there is not enough left.
pub(crate) async fn start(live: &Live, attempt: AttemptId) -> Result<(), StoreError> {
    if !limited(live.world.store.records().await?, &name(live)).await? {
        return Ok(());
    }
    let view = live.attempt(attempt)?;
    take(live, attempt, live.placement(&view)).await
}

async fn take(live: &Live, attempt: AttemptId, place: &Placement) -> Result<(), StoreError> {
    // That the lease before is over may wait to be written: it would be judged as if it had not ended.
    live.flush().await?;
    let at = live.world.options.clock.now();
    let claim = claimed(live, attempt, Some(asked(place)), at, true);
    live.world.store.write(Write(live.held().into_iter().chain([claim]).collect())).await.map(drop)
}

/// Waits until it looks as if there were room.
async fn wait(
    live: &Live,
    attempt: AttemptId,
    place: &Placement,
    name: &str,
    over: &Over,
) -> Result<(), StoreError> {
    if live.view.borrow().tasks[attempt.task].held.is_none() {
        let held = Record::TaskHeld { task: attempt.task, reason: over.to_string() };
        live.record(vec![Fact::Record(held)]).await?;
    }
    loop {
        sleep(PROJECT_LOOK.duration()).await;
        let used = live.world.projects.look(&live.world, name).await?;
        let row = lease_row(live.id.clone(), live.token(attempt).0, place);
        if used.judge(row, live.world.options.clock.now()).is_ok() {
            return Ok(());
        }
    }
}

/// Puts on record how much of the project's money is gone. Returns, with the reason, when the run is to end for it.
pub(crate) async fn watch(live: &Live) -> Result<String, StoreError> {
    let name = name(live);
    loop {
        let used = live.world.projects.look(&live.world, &name).await?;
        let mut pause = PROJECT_LOOK;
        if let Some(limits) = used.project.as_ref().map(|project| &project.limits) {
            let now = live.world.options.clock.now();
            let standing = used.standing(now);
            if let Some((share, monthly)) = limits.share(&standing) {
                let month = monthly.then(|| month_of(now));
                tell(live, share, month, limits.stops).await?;
                if share >= 100 && limits.stops {
                    return Ok(used_up(&name, limits, &standing, monthly));
                }
            }
            pause = pause.min(lasts(limits, &standing));
        }
        sleep(pause.duration()).await;
    }
}

async fn tell(live: &Live, share: u64, month: Option<i32>, stops: bool) -> Result<(), StoreError> {
    let Some(percent) = MARKS.into_iter().find(|mark| share >= u64::from(*mark)) else { return Ok(()) };
    let stops = stops && percent == 100;
    if live.view.borrow().told.contains(&(month, percent, stops)) {
        return Ok(());
    }
    live.record(vec![Fact::Record(Record::BudgetUsed { percent, month, stops })]).await
}

fn used_up(name: &str, limits: &Limits, standing: &InUse, monthly: bool) -> String {
    let (budget, spent, of) = match monthly {
        true => (limits.monthly, standing.month.spent, " a month"),
        false => (limits.total, standing.total.spent, ""),
    };
    let budget = budget.unwrap_or_default();
    format!("the budget of project {name}, {budget}{of}, is used up: {spent} spent")
}

/// How long the money lasts at the pace at which it goes now.
fn lasts(limits: &Limits, standing: &InUse) -> Span {
    const HOUR_MS: i128 = 3_600_000;
    let (Some(left), pace @ 1..) = (limits.left(standing), i128::from(standing.hourly.nanos())) else {
        return Span::MAX;
    };
    // What is left after it is gone is looked at as seldom as anything.
    match i128::from(left.nanos()) {
        left @ 1.. => {
            let millis = left.saturating_mul(HOUR_MS) / pace + 1;
            Span::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)).max(BUDGET_LOOK)
        }
        _ => Span::MAX,
    }
}

impl crate::broker::Broker {
    /// Whether a plan that is handed in would be taken now, under the limits of a project; or was, under this client token.
    ///
    /// # Errors
    /// [`SubmitError`] with what is not enough.
    pub async fn would_take(
        &self,
        project: Option<&str>,
        plan: &Plan,
        client_token: Option<&str>,
    ) -> Result<(), SubmitError> {
        let world = self.world();
        let records = world.store.records().await.map_err(SubmitError::Store)?;
        if let Some(token) = client_token
            && records.run_of_token(token).await.map_err(SubmitError::Store)?.is_some()
        {
            // The submission finds out whether it is the same.
            return Ok(());
        }
        may_fit(records, project.filter(|name| *name != DEFAULT_PROJECT), plan).await?;
        let name = project.unwrap_or(DEFAULT_PROJECT);
        if !limited(records, name).await.map_err(SubmitError::Store)? {
            return match name == DEFAULT_PROJECT {
                true => Ok(()),
                false => Err(SubmitError::NoProject { name: name.to_owned() }),
            };
        }
        let used = records.project_use(name).await.map_err(SubmitError::Store)?;
        if !used.is_open(name) {
            return Err(SubmitError::NoProject { name: name.to_owned() });
        }
        let claim = Claim::Run { expected: plan.cost };
        // No run has this name.
        let row = ClaimRow { run: RunId(String::new()), lease: None, claim, spent: Usd::ZERO };
        used.judge(row, world.options.clock.now()).map_err(|over| SubmitError::Over(Box::new(over)))
    }
}
