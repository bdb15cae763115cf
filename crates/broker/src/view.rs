//! The state of a run: a fold over its records, the same for the broker that writes them and for any
//! process that reads them.

use crate::domain::Refusals;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use welkin_name::Name;
use welkin_placement::{Node, Placement, Plan};
use welkin_provider::{LeaseId, Location, Nature, NodeAddress, Presented, Tier, UnixMillis};
use welkin_records::{
    AttemptEnd, AttemptId, ClusterRole, LeaseState, Manner, Phase, Record, RunId, RunState, TaskState,
    TreeRef,
};
use welkin_units::{Span, Usd};

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// Id of its plan.
    pub plan: String,
    /// State.
    pub state: RunState,
    /// Why it ended so.
    pub reason: Option<String>,
    /// When it was submitted.
    pub submitted: UnixMillis,
    /// When it was over.
    pub ended: Option<UnixMillis>,
    /// What it has to do with a cluster, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterRole>,
    /// Its project, unless that is the default one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// How much of the money of its project was gone when it was last told of, in hundredths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_used: Option<u8>,
    /// Deadlines that passed before what they are for was over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missed_deadlines: Vec<MissedDeadline>,
    /// One entry a task, in the order of the plan.
    pub tasks: Vec<TaskView>,
    /// How it is to be driven.
    #[serde(skip)]
    pub(crate) manner: Manner,
    /// When that was last said.
    #[serde(skip)]
    chosen: Option<UnixMillis>,
    /// The decided end while leases are given back.
    #[serde(skip)]
    pub(crate) into: Option<RunState>,
    /// What was told of the money of its project: see [`Record::BudgetUsed`].
    #[serde(skip)]
    pub(crate) told: BTreeSet<(Option<i32>, u8, bool)>,
    /// Places that said no, and when.
    #[serde(skip)]
    pub(crate) refusals: Refusals,
    /// Attempts whose lease is not over: all that has to be looked at when something changes, however
    /// many there were.
    #[serde(skip)]
    open: BTreeSet<AttemptId>,
}

/// A deadline that was missed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissedDeadline {
    /// The task it is for; none for the run as a whole.
    pub task: Option<String>,
    /// The time that was given.
    pub deadline: Span,
    /// When that was noticed.
    pub at: UnixMillis,
}

/// A task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskView {
    /// Its name.
    pub name: String,
    /// State.
    pub state: TaskState,
    /// Why it failed.
    pub reason: Option<String>,
    /// What its project has not enough of for the next attempt, while it waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    /// Committed outputs by name.
    pub outputs: BTreeMap<String, TreeRef>,
    /// Outputs delivered to the place their `uri` names.
    pub delivered: BTreeSet<String>,
    /// Every attempt, by number.
    pub attempts: Vec<AttemptView>,
    #[serde(skip)]
    pub(crate) places: Arc<[PlaceView]>,
}

/// One way to run a task, as the plan has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlaceView {
    /// Where.
    pub location: Location,
    /// The provider's name of the machine type.
    pub instance_type: String,
    /// On demand or spot.
    pub tier: Tier,
    /// Nodes.
    pub nodes: u32,
    /// Price of one node per hour.
    pub hourly: Usd,
    /// What one node is.
    #[serde(skip)]
    pub(crate) node: Node,
}

/// An attempt and its lease.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttemptView {
    /// Its id.
    pub id: AttemptId,
    /// 0 = the plan's choice, n = its n-th alternative.
    pub placement: usize,
    /// Where and on what.
    pub place: PlaceView,
    /// What was asked for by its name, and since a lease was accepted that lease; none where the provider's own
    /// words cannot stand in a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// What stands behind the place; what is not real must say so wherever it is shown.
    pub nature: Nature,
    /// When it began.
    pub began: UnixMillis,
    /// When it ended.
    pub ended: Option<UnixMillis>,
    /// How it ended.
    pub end: Option<AttemptEnd>,
    /// State of its lease.
    pub lease: LeaseState,
    /// The provider's id of the lease.
    pub lease_id: Option<LeaseId>,
    /// When the lease began to cost; none while its machines are stopped.
    pub lease_started: Option<UnixMillis>,
    /// Since when its machines are stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<UnixMillis>,
    /// Why they were last not stopped, or not started, though that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest_refused: Option<String>,
    /// Addresses by rank, once ready.
    pub nodes: Vec<NodeAddress>,
    /// When the provider said it will take the machines away.
    pub preemption_notice: Option<UnixMillis>,
    /// Data in the store of the place, by path on the node.
    pub staged: BTreeMap<String, TreeRef>,
    /// What the engine of a sealed task is told, with keys that are sealed for it.
    #[serde(skip)]
    pub(crate) sealed_run: Option<String>,
    /// Who its script is to the others of its training.
    #[serde(skip)]
    pub(crate) presented: Option<Presented>,
    /// The phase every node has started.
    pub phase: Option<Phase>,
    /// Whether outputs are being published.
    pub publishing: bool,
}

impl AttemptView {
    /// Whether its machines are there and its scripts may run.
    #[must_use]
    pub fn is_at_work(&self) -> bool {
        self.end.is_none() && self.lease == LeaseState::Active
    }
}

impl PlaceView {
    /// From the plan's words.
    #[must_use]
    pub fn of(placement: &Placement) -> Self {
        Self {
            location: placement.place.clone(),
            instance_type: placement.node.instance_type.clone(),
            // A plan has decided: `Any` does not occur, and full price is the safe reading of it.
            tier: match placement.market {
                welkin_job::Market::Spot => Tier::Spot,
                _ => Tier::OnDemand,
            },
            nodes: placement.nodes,
            hourly: placement.hourly,
            node: placement.node.clone(),
        }
    }

    /// What one node is.
    #[must_use]
    pub const fn node(&self) -> &Node {
        &self.node
    }

    /// The name of what is asked for.
    fn name(&self) -> Option<Name> {
        self.node.name_at(&self.location, self.tier == Tier::Spot)
    }
}

impl RunView {
    /// A run of `plan` nothing has happened to yet.
    #[must_use]
    pub fn new(id: RunId, plan: &Plan, submitted: UnixMillis) -> Self {
        let tasks = plan.tasks.iter().map(|task| TaskView {
            name: task.task.clone(),
            state: TaskState::Waiting,
            reason: None,
            held: None,
            outputs: BTreeMap::new(),
            delivered: BTreeSet::new(),
            attempts: Vec::new(),
            places: std::iter::once(&task.choice).chain(&task.alternatives).map(PlaceView::of).collect(),
        });
        Self {
            id,
            plan: plan.id.clone(),
            state: RunState::Planned,
            reason: None,
            submitted,
            ended: None,
            cluster: None,
            project: None,
            budget_used: None,
            missed_deadlines: Vec::new(),
            tasks: tasks.collect(),
            manner: Manner::default(),
            chosen: None,
            into: None,
            told: BTreeSet::new(),
            refusals: Refusals::default(),
            open: BTreeSet::new(),
        }
    }

    /// Every attempt of every task.
    pub fn attempts(&self) -> impl Iterator<Item = &AttemptView> {
        self.tasks.iter().flat_map(|task| &task.attempts)
    }

    /// An attempt.
    #[must_use]
    pub fn attempt(&self, id: AttemptId) -> Option<&AttemptView> {
        self.tasks.get(id.task)?.attempts.get(usize::try_from(id.number).ok()?.checked_sub(1)?)
    }

    /// Attempts whose lease is not over: what costs money, or may.
    pub fn open(&self) -> impl Iterator<Item = &AttemptView> {
        self.open.iter().filter_map(|id| self.attempt(*id))
    }

    /// Attempts that are over while their lease is not: what has to be given back.
    pub fn unsettled(&self) -> impl Iterator<Item = &AttemptView> {
        self.open().filter(|attempt| attempt.end.is_some())
    }

    /// Of a run that holds a cluster: how long nothing may be under way there before it ends, or stops, by itself.
    #[must_use]
    pub const fn idle(&self) -> Option<Span> {
        self.manner.idle
    }

    /// The first moment from which on it can have been idle, by what is on record of this run.
    #[must_use]
    pub fn idle_since(&self) -> Option<UnixMillis> {
        let there = self.attempts().filter(|attempt| attempt.is_at_work());
        there.filter_map(|attempt| attempt.lease_started).chain(self.chosen).max()
    }

    /// Whether its machines are stopped then, and not given back.
    #[must_use]
    pub const fn stops(&self) -> bool {
        self.manner.stops
    }

    /// What the machines that the run has leased cost in an hour.
    #[must_use]
    pub fn hourly(&self) -> Usd {
        let leased = self.open().filter(|attempt| attempt.lease_started.is_some());
        leased.map(|attempt| attempt.place.hourly.times(u64::from(attempt.place.nodes))).sum()
    }

    /// Whether a task ended because the budget does not cover it, or the run because that of its project is used up.
    #[must_use]
    pub fn stopped_by_budget(&self) -> bool {
        let last = |task: &TaskView| task.attempts.last().and_then(|attempt| attempt.end.clone());
        let failed = self.tasks.iter().filter(|task| task.state == TaskState::Failed);
        let of_project = self.told.iter().any(|(_, _, stops)| *stops);
        of_project || failed.map(last).any(|end| matches!(end, Some(AttemptEnd::OverBudget { .. })))
    }

    /// Takes one record in.
    ///
    /// # Errors
    /// What is wrong when the record cannot follow the ones before: a bug, or a damaged store.
    pub fn apply(&mut self, record: &Record, at: UnixMillis) -> Result<(), String> {
        match record {
            Record::MannerChosen { manner } => (self.manner, self.chosen) = (*manner, Some(at)),
            Record::RunStarted => self.become_state(RunState::Running)?,
            Record::AttemptBegan { attempt, placement, nature } => {
                self.begin(*attempt, *placement, *nature, at)?;
                self.tasks[attempt.task].held = None;
            }
            Record::LeaseRequested { attempt, lease, started } => {
                let attempt = self.lease_becomes(*attempt, LeaseState::Requested)?;
                attempt.lease_id = Some(lease.clone());
                attempt.name = attempt.name.take().and_then(|name| name.with_instance(&lease.0).ok());
                attempt.lease_started = Some(*started);
            }
            Record::LeaseReady { attempt, nodes } => {
                let view = self.lease_becomes(*attempt, LeaseState::Active)?;
                view.nodes.clone_from(nodes);
            }
            Record::PreemptionNoticed { attempt, at } => self.live(*attempt)?.preemption_notice = Some(*at),
            Record::DataStaged { attempt, path, tree, .. } => {
                self.live(*attempt)?.staged.insert(path.clone(), tree.clone());
            }
            Record::KeysReleased { attempt, run, .. } => {
                self.live(*attempt)?.sealed_run = Some(run.clone());
            }
            Record::Presented { attempt, presented } => {
                self.live(*attempt)?.presented = Some(presented.clone());
            }
            Record::PhaseBegan { attempt, phase } => self.live(*attempt)?.phase = Some(*phase),
            Record::PublishBegan { attempt } => self.live(*attempt)?.publishing = true,
            Record::TaskCommitted { attempt, outputs } => {
                self.end_attempt(*attempt, AttemptEnd::Committed, at)?;
                let task = self.open_task(attempt.task)?;
                task.state = TaskState::Succeeded;
                task.outputs.clone_from(outputs);
            }
            Record::AttemptEnded { attempt, end } => {
                self.end_attempt(*attempt, end.clone(), at)?;
                if let AttemptEnd::Refused { kind, .. } = end {
                    let place = self.any(*attempt)?.place.clone();
                    self.refusals.note(*kind, &place, at);
                }
            }
            Record::TaskFailed { task, reason } => {
                let task = self.open_task(*task)?;
                task.state = TaskState::Failed;
                task.reason = Some(reason.clone());
            }
            Record::TaskHeld { task, reason } => self.open_task(*task)?.held = Some(reason.clone()),
            Record::BudgetUsed { percent, month, stops } => {
                self.told.insert((*month, *percent, *stops));
                self.budget_used = Some(*percent);
            }
            Record::DeadlineMissed { task, deadline } => {
                let name =
                    task.map(|task| self.tasks.get(task).map(|task| task.name.clone()).ok_or("no such task"));
                let (task, deadline) = (name.transpose()?, *deadline);
                self.missed_deadlines.push(MissedDeadline { task, deadline, at });
            }
            Record::OutputDelivered { task, output } => {
                let task = self.tasks.get_mut(*task).ok_or("no such task")?;
                task.delivered.insert(output.clone());
            }
            Record::LeaseStopping { .. }
            | Record::LeaseStopped { .. }
            | Record::StopRefused { .. }
            | Record::LeaseStarting { .. }
            | Record::LeaseStarted { .. }
            | Record::StartRefused { .. } => self.rest(record)?,
            Record::LeaseReleasing { attempt } => {
                self.lease_becomes(*attempt, LeaseState::Releasing)?;
            }
            Record::LeaseRefused { attempt } => {
                self.lease_becomes(*attempt, LeaseState::Refused)?;
            }
            Record::LeaseReleased { attempt } => {
                self.lease_becomes(*attempt, LeaseState::Released)?;
            }
            Record::LeaseLost { attempt, .. } => {
                self.lease_becomes(*attempt, LeaseState::Lost)?;
            }
            Record::RunEnding { into, reason } => self.end(*into, reason.clone(), at)?,
            Record::RunEnded => {
                if let Some(attempt) = self.open().next() {
                    return Err(format!("the lease of {:?} is not over", attempt.id));
                }
                self.become_state(self.into.ok_or("no end was decided")?)?;
                self.ended = Some(at);
            }
        }
        if let Some(task) = record.attempt().and_then(|attempt| self.tasks.get_mut(attempt.task)) {
            task.derive_state();
        }
        Ok(())
    }

    /// Takes in a record of machines that rest.
    fn rest(&mut self, record: &Record) -> Result<(), String> {
        match record {
            Record::LeaseStopping { attempt } => {
                self.lease_becomes(*attempt, LeaseState::Stopping)?.rest_refused = None;
            }
            Record::LeaseStopped { attempt, since } => {
                let view = self.lease_becomes(*attempt, LeaseState::Stopped)?;
                (view.lease_started, view.stopped, view.phase) = (None, Some(*since), None);
                view.presented = None;
                view.nodes.clear();
            }
            Record::StopRefused { attempt, reason } => {
                let view = self.lease_becomes(*attempt, LeaseState::Active)?;
                view.rest_refused = Some(reason.clone());
            }
            Record::LeaseStarting { attempt } => {
                self.lease_becomes(*attempt, LeaseState::Starting)?.rest_refused = None;
            }
            Record::LeaseStarted { attempt, started } => {
                let view = self.lease_becomes(*attempt, LeaseState::Requested)?;
                (view.lease_started, view.stopped) = (Some(*started), None);
            }
            Record::StartRefused { attempt, reason } => {
                let view = self.lease_becomes(*attempt, LeaseState::Stopped)?;
                view.rest_refused = Some(reason.clone());
            }
            _ => {}
        }
        Ok(())
    }

    fn become_state(&mut self, next: RunState) -> Result<(), String> {
        if !self.state.may_become(next) {
            return Err(format!("a run that is {} cannot become {next}", self.state));
        }
        self.state = next;
        Ok(())
    }

    fn begin(
        &mut self,
        id: AttemptId,
        placement: usize,
        nature: Nature,
        at: UnixMillis,
    ) -> Result<(), String> {
        let task = self.open_task(id.task)?;
        if task.attempts.iter().any(|attempt| attempt.end.is_none()) {
            return Err(format!("{} has an attempt already", task.name));
        }
        if usize::try_from(id.number).ok() != Some(task.attempts.len() + 1) {
            return Err(format!("{} is not the next attempt of {}", id.number, task.name));
        }
        let place = task.places.get(placement).cloned().ok_or("the plan has no such placement")?;
        task.attempts.push(AttemptView {
            id,
            placement,
            name: place.name(),
            place,
            nature,
            began: at,
            ended: None,
            end: None,
            lease: LeaseState::Intended,
            lease_id: None,
            lease_started: None,
            stopped: None,
            rest_refused: None,
            nodes: Vec::new(),
            preemption_notice: None,
            staged: BTreeMap::new(),
            sealed_run: None,
            presented: None,
            phase: None,
            publishing: false,
        });
        self.open.insert(id);
        Ok(())
    }

    fn end(&mut self, into: RunState, reason: Option<String>, at: UnixMillis) -> Result<(), String> {
        self.become_state(RunState::Ending)?;
        self.into = Some(into);
        self.reason = reason;
        for task in self.tasks.iter_mut().filter(|task| !task.state.is_over()) {
            task.state = TaskState::Cancelled;
            for attempt in task.attempts.iter_mut().filter(|attempt| attempt.end.is_none()) {
                attempt.end = Some(AttemptEnd::Cancelled);
                attempt.ended = Some(at);
            }
        }
        Ok(())
    }

    fn end_attempt(&mut self, id: AttemptId, end: AttemptEnd, at: UnixMillis) -> Result<(), String> {
        let attempt = self.live(id)?;
        attempt.end = Some(end);
        attempt.ended = Some(at);
        Ok(())
    }

    fn open_task(&mut self, index: usize) -> Result<&mut TaskView, String> {
        let task = self.tasks.get_mut(index).ok_or("no such task")?;
        if task.state.is_over() {
            return Err(format!("{} is {} already", task.name, task.state));
        }
        Ok(task)
    }

    fn any(&mut self, id: AttemptId) -> Result<&mut AttemptView, String> {
        let task = self.tasks.get_mut(id.task).ok_or("no such task")?;
        let at = usize::try_from(id.number).ok().and_then(|number| number.checked_sub(1));
        at.and_then(|at| task.attempts.get_mut(at)).ok_or_else(|| "no such attempt".to_owned())
    }

    fn live(&mut self, id: AttemptId) -> Result<&mut AttemptView, String> {
        let attempt = self.any(id)?;
        match &attempt.end {
            Some(end) => Err(format!("attempt {} ended already: {end}", id.number)),
            None => Ok(attempt),
        }
    }

    fn lease_becomes(&mut self, id: AttemptId, next: LeaseState) -> Result<&mut AttemptView, String> {
        if next.is_over() {
            self.open.remove(&id);
        }
        let attempt = self.any(id)?;
        if !attempt.lease.may_become(next) {
            return Err(format!("a lease that is {} cannot become {next}", attempt.lease));
        }
        attempt.lease = next;
        Ok(attempt)
    }
}

impl TaskView {
    /// The attempt that is not over.
    #[must_use]
    pub fn live(&self) -> Option<&AttemptView> {
        self.attempts.last().filter(|attempt| attempt.end.is_none())
    }

    /// The attempt whose outputs are the task's.
    #[must_use]
    pub fn committed(&self) -> Option<&AttemptView> {
        self.attempts.iter().find(|attempt| attempt.end == Some(AttemptEnd::Committed))
    }

    /// The states of an open task follow from its live attempt.
    fn derive_state(&mut self) {
        if self.state.is_over() {
            return;
        }
        self.state = match self.live() {
            None => TaskState::Waiting,
            Some(attempt) if attempt.lease == LeaseState::Stopped => TaskState::Stopped,
            Some(attempt) if attempt.publishing => TaskState::Publishing,
            Some(attempt) => match (attempt.phase, attempt.lease) {
                (Some(Phase::Run), _) => TaskState::Running,
                (Some(Phase::Prepare), _) => TaskState::Setup,
                (None, LeaseState::Active) => TaskState::Staging,
                (None, _) => TaskState::Acquiring,
            },
        };
    }
}
