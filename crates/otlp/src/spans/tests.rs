use super::*;
use welkin_broker::{Phase, TreeRef};
use welkin_provider::{ErrorKind, LeaseId};
use welkin_units::{Bytes, Span as Time};

/// A run of two tasks nothing of whose history was taken in.
pub(crate) fn fresh() -> Trace {
    let task = |name: &str| Task { name: name.to_owned(), places: Arc::from(Vec::new()), begun: None };
    Trace {
        id: TraceId::from_bytes([7; 16]),
        submitted: UnixMillis(500),
        about: vec![("welkin.run", "r".into()), ("welkin.plan", "p".into())],
        tasks: vec![task("one"), task("two")],
        attempts: BTreeMap::new(),
        waits: true,
        into: None,
        events: Events::default(),
    }
}

/// Records with numbers and times of their own: the first is 10, at second 1.
pub(crate) fn lines(records: Vec<Record>) -> Vec<HistoryLine> {
    let line = |(place, record)| HistoryLine { seq: 10 * place, at: UnixMillis(1000 * place), record };
    (1_u64..).zip(records).map(line).collect()
}

pub(crate) fn id(task: usize, number: u32) -> AttemptId {
    AttemptId { task, number }
}

pub(crate) fn began(attempt: AttemptId) -> Record {
    Record::AttemptBegan { attempt, placement: 0, nature: Nature::Emulated }
}

pub(crate) fn requested(attempt: AttemptId) -> Record {
    Record::LeaseRequested { attempt, lease: LeaseId("l".to_owned()), started: UnixMillis(0) }
}

fn tree() -> TreeRef {
    TreeRef { prefix: "p".to_owned(), digest: "d".to_owned(), bytes: Bytes::new(9) }
}

fn ending(into: RunState) -> Record {
    Record::RunEnding { into, reason: (into != RunState::Succeeded).then(|| "why".to_owned()) }
}

/// A run whose first task is refused once and then succeeds.
pub(crate) fn story() -> Vec<Record> {
    let (refused, made) = (id(0, 1), id(0, 2));
    let end = AttemptEnd::Refused { kind: ErrorKind::NoCapacity, message: "full".to_owned() };
    vec![
        Record::RunStarted,
        began(refused),
        Record::LeaseRefused { attempt: refused },
        Record::AttemptEnded { attempt: refused, end },
        began(made),
        requested(made),
        Record::DataStaged { attempt: made, path: "w".to_owned(), tree: tree(), from: None },
        Record::LeaseReady { attempt: made, nodes: Vec::new() },
        Record::PhaseBegan { attempt: made, phase: Phase::Prepare },
        Record::PhaseBegan { attempt: made, phase: Phase::Run },
        Record::PublishBegan { attempt: made },
        Record::TaskCommitted { attempt: made, outputs: BTreeMap::new() },
        Record::LeaseReleasing { attempt: made },
        Record::DeadlineMissed { task: None, deadline: Time::from_secs(1) },
        ending(RunState::Succeeded),
        Record::LeaseReleased { attempt: made },
        Record::RunEnded,
    ]
}

pub(crate) fn spans(trace: &mut Trace, lines: &[HistoryLine]) -> Vec<Span> {
    lines.iter().flat_map(|line| trace.take(line)).collect()
}

/// `name FROM-TO below PARENT`, with times in seconds.
fn told(spans: &[Span]) -> Vec<String> {
    let name_of = |id: SpanId| spans.iter().find(|span| span.id == id).map_or("?", |span| span.name);
    let line = |span: &Span| {
        let failed = if span.failed.is_some() { " failed" } else { "" };
        let below = span.parent.map(|parent| format!(" below {}", name_of(parent))).unwrap_or_default();
        format!("{} {}-{}{below}{failed}", span.name, span.from.0 / 1000, span.to.0 / 1000)
    };
    spans.iter().map(line).collect()
}

#[test]
fn each_step_is_a_span_below_what_it_is_a_step_of() {
    let mut trace = fresh();
    let spans = spans(&mut trace, &lines(story()));
    assert_eq!(
        told(&spans),
        [
            "wait 0-1 below run",
            "acquire 2-3 below attempt failed",
            "attempt 2-4 below task failed",
            "acquire 5-6 below attempt",
            "boot 6-8 below attempt",
            "stage 8-9 below attempt",
            "setup 9-10 below attempt",
            "script 10-11 below attempt",
            "publish 11-12 below attempt",
            "attempt 5-12 below task",
            "task 2-12 below run",
            "release 13-16 below attempt",
            "run 0-17",
        ]
    );
    let of = |name| spans.iter().rev().find(|span| span.name == name).expect("it is there");
    let events = |name| of(name).events.iter().map(|event| event.name).collect::<Vec<_>>();
    assert_eq!((events("attempt"), events("run")), (vec!["data staged"], vec!["deadline missed"]));
    assert_eq!(of("release").parent, Some(of("attempt").id));
    assert!(trace.attempts.is_empty(), "{trace:?}");
}

#[test]
fn ids_differ_within_a_trace_and_between_traces() {
    let spans_of = |byte| {
        let mut trace = Trace { id: TraceId::from_bytes([byte; 16]), ..fresh() };
        spans(&mut trace, &lines(story()))
    };
    let (one, other) = (spans_of(1), spans_of(2));
    let ids: std::collections::BTreeSet<SpanId> = one.iter().chain(&other).map(|span| span.id).collect();
    assert_eq!(ids.len(), one.len() + other.len());
}

/// Whenever a run ends, nothing that has begun stays open, and every parent is told of.
#[test]
fn a_run_that_is_cancelled_after_any_record_leaves_nothing_open() {
    let story = story();
    for cut in 1..story.len() - 2 {
        let mut records = story[..cut].to_vec();
        if !matches!(records.last(), Some(Record::RunEnding { .. })) {
            records.push(ending(RunState::Cancelled));
        }
        let asked = records.iter().filter_map(|record| match record {
            Record::AttemptBegan { attempt, .. } => Some(*attempt),
            _ => None,
        });
        for attempt in asked.collect::<Vec<_>>() {
            let is_over = |record: &Record| {
                matches!(record, Record::LeaseRefused { .. } | Record::LeaseReleased { .. })
                    && record.attempt() == Some(attempt)
            };
            if !records.iter().any(is_over) {
                records.push(Record::LeaseRefused { attempt });
            }
        }
        records.push(Record::RunEnded);
        let mut trace = fresh();
        let spans = spans(&mut trace, &lines(records));
        assert!(trace.attempts.is_empty() && trace.tasks.iter().all(|task| task.begun.is_none()), "{cut}");
        for span in &spans {
            let known = |parent| spans.iter().any(|other| other.id == parent);
            assert!(span.parent.is_none_or(known), "{cut}: {}", span.name);
        }
        assert_eq!(spans.iter().filter(|span| span.parent.is_none()).count(), 1, "{cut}");
    }
}

#[test]
fn machines_that_rest_are_steps_too() {
    let at = id(1, 1);
    let run = |attempt| Record::PhaseBegan { attempt, phase: Phase::Run };
    let mut records =
        vec![began(at), requested(at), Record::LeaseReady { attempt: at, nodes: Vec::new() }, run(at)];
    records.extend([
        Record::LeaseStopping { attempt: at },
        Record::StopRefused { attempt: at, reason: "no".to_owned() },
        Record::LeaseStopping { attempt: at },
        Record::LeaseStopped { attempt: at, since: UnixMillis(0) },
        Record::LeaseStarting { attempt: at },
        Record::StartRefused { attempt: at, reason: "no".to_owned() },
        Record::LeaseStarting { attempt: at },
        Record::LeaseStarted { attempt: at, started: UnixMillis(0) },
        Record::LeaseReady { attempt: at, nodes: Vec::new() },
        Record::LeaseLost { attempt: at, reason: "gone".to_owned(), preempted: true },
        Record::AttemptEnded {
            attempt: at,
            end: AttemptEnd::Lost { reason: "gone".to_owned(), preempted: true },
        },
        Record::TaskFailed { task: 1, reason: "gone".to_owned() },
    ]);
    let mut trace = fresh();
    let spans = spans(&mut trace, &lines(records));
    let names: Vec<String> = told(&spans).iter().map(|line| line.replace(" below attempt", "")).collect();
    assert_eq!(
        names,
        [
            "acquire 1-2",
            "boot 2-3",
            "stage 3-4",
            "script 4-5",
            "stop 5-6 failed",
            "script 6-7",
            "stop 7-8",
            "stopped 8-9",
            "start 9-10 failed",
            "stopped 10-11",
            "start 11-12",
            "boot 12-13",
            "stage 13-14 failed",
            "attempt 1-15 below task failed",
            "task 1-16 below ? failed",
        ]
    );
    assert!(trace.attempts.is_empty());
}

#[test]
fn what_is_told_is_bounded() {
    let at = id(0, 1);
    let mut records = vec![began(at)];
    for number in 0..MOST_EVENTS + 3 {
        let path = format!("{number}");
        records.push(Record::DataStaged { attempt: at, path, tree: tree(), from: None });
    }
    let message = "é".repeat(MOST_TEXT_BYTES);
    records.push(Record::AttemptEnded { attempt: at, end: AttemptEnd::Unstaged { message } });
    let spans = spans(&mut fresh(), &lines(records));
    let attempt = spans.last().expect("it ended");
    assert_eq!((attempt.events.len(), attempt.left_out), (MOST_EVENTS, 3));
    for (_, value) in &attempt.attributes {
        let Value::Text(text) = value else { continue };
        assert!(text.len() <= MOST_TEXT_BYTES + '…'.len_utf8(), "{} bytes", text.len());
    }
}
