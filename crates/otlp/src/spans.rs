//! What a run's records are as spans.
//!
//! ```text
//! run
//! ├─ wait                                        until somebody begins it
//! └─ task                                        for each task that was tried
//!    └─ attempt                                  for each place that was asked
//!       ├─ acquire, boot, stage, setup, script, publish
//!       ├─ stop, stopped, start                  where its machines rest
//!       └─ release                               which may end after its attempt
//! ```
//! A step of an attempt lasts from the record that begins it to the next that follows from it, so that together they fill the
//! attempt. Records that are no step (data that arrived, a notice that machines go) are events of the attempt's span, or of the
//! run's.
//!
//! *Guarantee:* spans are a function of the records. A span's id follows from the trace and from the number of the record that
//! began it, so whoever ends it gives it the same one.

use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_broker::{
    AttemptEnd, AttemptId, ClusterRole, HistoryLine, PlaceView, Record, RunState, RunView, TraceId,
};
use welkin_provider::{Nature, Tier, UnixMillis};

/// Events of one span, at most, as other tracers have it; those beyond are counted.
const MOST_EVENTS: usize = 128;

/// Bytes of a text, at most: reasons may hold what a script wrote.
const MOST_TEXT_BYTES: usize = 1024;

/// What is told of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Number(u64),
}

impl From<String> for Value {
    fn from(mut text: String) -> Self {
        if text.len() > MOST_TEXT_BYTES {
            let end = (0..=MOST_TEXT_BYTES).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or_default());
            text.push('…');
        }
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

pub(crate) type Attributes = Vec<(&'static str, Value)>;

/// The id of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SpanId(pub(crate) u64);

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happened {
    pub(crate) at: UnixMillis,
    pub(crate) name: &'static str,
    pub(crate) attributes: Attributes,
}

/// A span that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) trace: TraceId,
    pub(crate) id: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) name: &'static str,
    pub(crate) from: UnixMillis,
    pub(crate) to: UnixMillis,
    pub(crate) attributes: Attributes,
    pub(crate) events: Vec<Happened>,
    /// Events beyond the bound.
    pub(crate) left_out: u32,
    /// Why it failed, if it did.
    pub(crate) failed: Option<String>,
    /// The number of the record that ended it.
    pub(crate) ended_by: u64,
}

/// A bounded list of events.
#[derive(Debug, Clone, Default)]
struct Events {
    kept: Vec<Happened>,
    left_out: u32,
}

impl Events {
    fn add(&mut self, at: UnixMillis, name: &'static str, attributes: Attributes) {
        match self.kept.len() < MOST_EVENTS {
            true => self.kept.push(Happened { at, name, attributes }),
            false => self.left_out = self.left_out.saturating_add(1),
        }
    }
}

/// Something that has begun.
#[derive(Debug, Clone, Copy)]
struct Begun {
    name: &'static str,
    /// By which record.
    by: u64,
    at: UnixMillis,
}

/// An attempt whose lease is not over, or that is not.
#[derive(Debug)]
struct Attempt {
    begun: Begun,
    placement: usize,
    nature: Nature,
    step: Option<Begun>,
    /// What was under way before its machines were to be stopped.
    before: Option<&'static str>,
    events: Events,
    over: bool,
    lease_over: bool,
}

/// A task as its plan has it.
#[derive(Debug)]
struct Task {
    name: String,
    places: Arc<[PlaceView]>,
    begun: Option<Begun>,
}

/// The record that a span ends with.
#[derive(Clone, Copy)]
struct End {
    by: u64,
    at: UnixMillis,
}

/// A run's spans, as far as they are known.
#[derive(Debug)]
pub(crate) struct Trace {
    id: TraceId,
    submitted: UnixMillis,
    about: Attributes,
    tasks: Vec<Task>,
    attempts: BTreeMap<AttemptId, Attempt>,
    waits: bool,
    into: Option<(RunState, Option<String>)>,
    events: Events,
}

impl Trace {
    /// Of a run nothing of whose history was taken in yet.
    pub(crate) fn new(run: &RunView) -> Self {
        let mut about: Attributes = vec![("welkin.run", run.id.0.clone().into())];
        about.push(("welkin.plan", run.plan.clone().into()));
        about.push(("welkin.project", run.project.clone().unwrap_or_else(|| "default".to_owned()).into()));
        match &run.cluster {
            Some(ClusterRole::Holds(name)) => about.push(("welkin.cluster", name.clone().into())),
            Some(ClusterRole::On(holder)) => about.push(("welkin.cluster.run", holder.0.clone().into())),
            None => {}
        }
        let task = |task: &welkin_broker::TaskView| Task {
            name: task.name.clone(),
            places: Arc::clone(task.places()),
            begun: None,
        };
        Self {
            id: run.trace_id(),
            submitted: run.submitted,
            about,
            tasks: run.tasks.iter().map(task).collect(),
            attempts: BTreeMap::new(),
            waits: true,
            into: None,
            events: Events::default(),
        }
    }

    /// Takes one record in; gives the spans that end with it.
    pub(crate) fn take(&mut self, line: &HistoryLine) -> Vec<Span> {
        let mut ended = Vec::new();
        let end = End { by: line.seq, at: line.at };
        match &line.record {
            Record::RunStarted if std::mem::take(&mut self.waits) => {
                let wait = Begun { name: "wait", by: 0, at: self.submitted };
                ended.push(self.span(wait, Some(self.root()), end, Vec::new(), None));
            }
            Record::RunEnding { into, reason } => {
                self.into = Some((*into, reason.clone()));
                self.end_all(end, &mut ended);
            }
            Record::RunEnded => ended.push(self.end_of_run(end)),
            Record::TaskFailed { task, reason } => self.end_task(*task, end, Some(reason), &mut ended),
            Record::TaskHeld { .. }
            | Record::BudgetUsed { .. }
            | Record::DeadlineMissed { .. }
            | Record::OutputDelivered { .. } => self.happened(line),
            record => {
                if let Some(attempt) = record.attempt() {
                    self.of_attempt(attempt, line, &mut ended);
                }
            }
        }
        ended
    }

    /// Whether nothing more can come.
    pub(crate) fn is_over(record: &Record) -> bool {
        *record == Record::RunEnded
    }

    fn root(&self) -> SpanId {
        self.span_id("run", 0)
    }

    fn span_id(&self, name: &str, by: u64) -> SpanId {
        let mut hash = blake3::Hasher::new();
        hash.update(self.id.bytes()).update(name.as_bytes()).update(&by.to_le_bytes());
        let mut id = [0; 8];
        id.copy_from_slice(&hash.finalize().as_bytes()[..8]);
        // Zero is no id.
        SpanId(u64::from_be_bytes(id).max(1))
    }

    fn span(
        &self,
        begun: Begun,
        parent: Option<SpanId>,
        end: End,
        attributes: Attributes,
        failed: Option<String>,
    ) -> Span {
        let about = self.about.first().cloned().into_iter().chain(attributes).collect();
        Span {
            trace: self.id,
            id: self.span_id(begun.name, begun.by),
            parent,
            name: begun.name,
            from: begun.at,
            // Clocks that were set back make no span that ends before it begins.
            to: end.at.max(begun.at),
            attributes: about,
            events: Vec::new(),
            left_out: 0,
            failed,
            ended_by: end.by,
        }
    }

    fn end_of_run(&mut self, end: End) -> Span {
        let (state, reason) = self.into.clone().unwrap_or((RunState::Succeeded, None));
        let mut attributes: Attributes = self.about.iter().skip(1).cloned().collect();
        attributes.push(("welkin.state", state.name().into()));
        attributes.extend(reason.clone().map(|reason| ("welkin.reason", reason.into())));
        let failed = (state == RunState::Failed).then(|| reason.unwrap_or_default());
        let run = Begun { name: "run", by: 0, at: self.submitted };
        let mut span = self.span(run, None, end, attributes, failed);
        let Events { kept, left_out } = std::mem::take(&mut self.events);
        (span.events, span.left_out) = (kept, left_out);
        span
    }

    /// Puts down what is no step of an attempt.
    fn happened(&mut self, line: &HistoryLine) {
        let task = |task: &usize| ("welkin.task", Value::from(self.name(*task)));
        let (name, attributes) = match &line.record {
            Record::TaskHeld { task: index, reason } => {
                ("held", vec![task(index), ("welkin.reason", reason.clone().into())])
            }
            Record::BudgetUsed { percent, .. } => {
                ("budget used", vec![("welkin.percent", u64::from(*percent).into())])
            }
            Record::DeadlineMissed { task: index, deadline } => {
                let of = index.as_ref().map(task).into_iter();
                let given = ("welkin.deadline", Value::from(deadline.to_string()));
                ("deadline missed", of.chain([given]).collect())
            }
            Record::OutputDelivered { task: index, output } => {
                ("output delivered", vec![task(index), ("welkin.output", output.clone().into())])
            }
            _ => return,
        };
        self.events.add(line.at, name, attributes);
    }

    fn name(&self, task: usize) -> &str {
        self.tasks.get(task).map_or("", |task| task.name.as_str())
    }

    fn of_attempt(&mut self, id: AttemptId, line: &HistoryLine, ended: &mut Vec<Span>) {
        let end = End { by: line.seq, at: line.at };
        let begun = |name| Begun { name, by: line.seq, at: line.at };
        match &line.record {
            Record::AttemptBegan { placement, nature, .. } => {
                if let Some(task) = self.tasks.get_mut(id.task) {
                    task.begun.get_or_insert(begun("task"));
                }
                let attempt = Attempt {
                    begun: begun("attempt"),
                    placement: *placement,
                    nature: *nature,
                    step: Some(begun("acquire")),
                    before: None,
                    events: Events::default(),
                    over: false,
                    lease_over: false,
                };
                self.attempts.insert(id, attempt);
            }
            Record::TaskCommitted { .. } => {
                self.end_attempt(id, end, &AttemptEnd::Committed, ended);
                self.end_task(id.task, end, None, ended);
            }
            Record::AttemptEnded { end: how, .. } => self.end_attempt(id, end, how, ended),
            Record::KeysReleased { kind, .. } => {
                self.note(id, line.at, "keys released", vec![("welkin.evidence", kind.clone().into())]);
            }
            Record::Presented { .. } => self.note(id, line.at, "presented", Vec::new()),
            Record::PreemptionNoticed { at, .. } => {
                self.note(id, line.at, "preemption noticed", vec![("welkin.at_ms", at.0.into())]);
            }
            Record::DataStaged { path, tree, from, .. } => {
                let mut about: Attributes =
                    vec![("welkin.path", path.clone().into()), ("welkin.bytes", tree.bytes.get().into())];
                about.extend(from.as_ref().map(|place| ("welkin.from", place.to_string().into())));
                self.note(id, line.at, "data staged", about);
            }
            record => {
                let over = self.attempts.get(&id).is_none_or(|attempt| attempt.over);
                let before = self.attempts.get(&id).and_then(|attempt| attempt.before);
                let (next, failed) = follows(record, over, before);
                self.end_step(id, end, failed, ended);
                let Some(attempt) = self.attempts.get_mut(&id) else { return };
                if matches!(record, Record::LeaseStopping { .. }) {
                    attempt.before = ended.last().map(|step| step.name).filter(|_| !over);
                }
                attempt.step = next.map(begun);
                attempt.lease_over |= matches!(
                    record,
                    Record::LeaseRefused { .. } | Record::LeaseReleased { .. } | Record::LeaseLost { .. }
                );
                self.forget(id);
            }
        }
    }

    fn note(&mut self, id: AttemptId, at: UnixMillis, name: &'static str, about: Attributes) {
        if let Some(attempt) = self.attempts.get_mut(&id) {
            attempt.events.add(at, name, about);
        }
    }

    /// What is over in every way is not looked at again.
    fn forget(&mut self, id: AttemptId) {
        if self.attempts.get(&id).is_some_and(|attempt| attempt.over && attempt.lease_over) {
            self.attempts.remove(&id);
        }
    }

    fn end_step(&mut self, id: AttemptId, end: End, failed: Option<String>, ended: &mut Vec<Span>) {
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        let Some(step) = attempt.step.take() else { return };
        let parent = self.attempts.get(&id).map(|attempt| self.span_id("attempt", attempt.begun.by));
        ended.push(self.span(step, parent, end, self.about_attempt(id), failed));
    }

    fn end_attempt(&mut self, id: AttemptId, end: End, how: &AttemptEnd, ended: &mut Vec<Span>) {
        let failed = match how {
            AttemptEnd::Committed | AttemptEnd::Cancelled => None,
            other => Some(other.to_string()),
        };
        self.end_step(id, end, failed.clone(), ended);
        let (about, parent) = (self.about_place(id), self.parent_of_attempt(id));
        let Some(attempt) = self.attempts.get_mut(&id) else { return };
        attempt.over = true;
        let (begun, events) = (attempt.begun, std::mem::take(&mut attempt.events));
        let mut attributes = self.about_attempt(id);
        attributes.extend(about);
        attributes.push(("welkin.end", how.to_string().into()));
        let mut span = self.span(begun, Some(parent), end, attributes, failed);
        (span.events, span.left_out) = (events.kept, events.left_out);
        ended.push(span);
        self.forget(id);
    }

    fn end_task(&mut self, index: usize, end: End, why: Option<&String>, ended: &mut Vec<Span>) {
        let Some(begun) = self.tasks.get_mut(index).and_then(|task| task.begun.take()) else { return };
        let about = vec![("welkin.task", self.name(index).into())];
        ended.push(self.span(begun, Some(self.root()), end, about, why.cloned()));
    }

    /// The end of the run is decided: what is under way is cancelled with it.
    fn end_all(&mut self, end: End, ended: &mut Vec<Span>) {
        let open: Vec<AttemptId> =
            self.attempts.iter().filter(|(_, attempt)| !attempt.over).map(|(id, _)| *id).collect();
        for attempt in open {
            self.end_attempt(attempt, end, &AttemptEnd::Cancelled, ended);
        }
        for task in 0..self.tasks.len() {
            self.end_task(task, end, None, ended);
        }
    }

    fn parent_of_attempt(&self, id: AttemptId) -> SpanId {
        let task = self.tasks.get(id.task).and_then(|task| task.begun);
        task.map_or_else(|| self.root(), |task| self.span_id("task", task.by))
    }

    fn about_attempt(&self, id: AttemptId) -> Attributes {
        vec![("welkin.task", self.name(id.task).into()), ("welkin.attempt", u64::from(id.number).into())]
    }

    /// Where an attempt was, and on what.
    fn about_place(&self, id: AttemptId) -> Attributes {
        let Some(attempt) = self.attempts.get(&id) else { return Vec::new() };
        let nature = match attempt.nature {
            Nature::Real => "real",
            Nature::Emulated => "emulated",
            Nature::Local => "local",
        };
        let mut about: Attributes = vec![("welkin.nature", nature.into())];
        let place = self.tasks.get(id.task).and_then(|task| task.places.get(attempt.placement));
        let Some(PlaceView { location, instance_type, tier, nodes, .. }) = place else { return about };
        let tier = match tier {
            Tier::OnDemand => "on-demand",
            Tier::Spot => "spot",
        };
        about.push(("cloud.provider", location.provider.to_string().into()));
        about.push(("cloud.region", location.region.clone().into()));
        about.extend(location.zone.clone().map(|zone| ("cloud.availability_zone", zone.into())));
        about.push(("host.type", instance_type.clone().into()));
        about.push(("welkin.tier", tier.into()));
        about.push(("welkin.nodes", u64::from(*nodes).into()));
        about
    }
}

/// What begins with a record, and whether what was under way until then has failed. `before` was under way before machines
/// were to be stopped.
fn follows(
    record: &Record,
    over: bool,
    before: Option<&'static str>,
) -> (Option<&'static str>, Option<String>) {
    match record {
        // Of a lease that was asked for by an attempt that is over, what follows is that it is given back.
        Record::LeaseRequested { .. } => ((!over).then_some("boot"), None),
        Record::LeaseStarted { .. } => (Some("boot"), None),
        Record::LeaseReady { .. } => (Some("stage"), None),
        Record::PhaseBegan { phase, .. } => match phase {
            welkin_broker::Phase::Prepare => (Some("setup"), None),
            welkin_broker::Phase::Run => (Some("script"), None),
        },
        Record::PublishBegan { .. } => (Some("publish"), None),
        Record::LeaseStopping { .. } => (Some("stop"), None),
        Record::LeaseStopped { .. } => (Some("stopped"), None),
        Record::LeaseStarting { .. } => (Some("start"), None),
        Record::StopRefused { reason, .. } => (before, Some(reason.clone())),
        Record::StartRefused { reason, .. } => (Some("stopped"), Some(reason.clone())),
        Record::LeaseReleasing { .. } => (Some("release"), None),
        Record::LeaseLost { reason, .. } => (None, Some(reason.clone())),
        Record::LeaseRefused { .. } if !over => (None, Some("refused".to_owned())),
        _ => (None, None),
    }
}

#[cfg(test)]
pub(crate) mod tests;
