//! What every store of records promises, as checks that an implementation runs on itself.
//!
//! `welkin_records::conformance!(make)` in a test makes a test of each, where `make` is an expression that gives an empty store and
//! whatever must live as long as it.

mod projects;

pub use projects::{
    a_project_is_changed_by_whoever_has_seen_it_as_it_is,
    a_project_is_removed_when_nothing_of_it_is_under_way_and_nothing_begins_in_it_then,
    of_two_that_ask_for_the_last_dollar_one_is_taken,
    what_is_spent_counts_in_its_months_and_stays_when_runs_are_forgotten,
};

use crate::{
    AttemptId, Change, ClusterRole, Extent, Fence, Gone, LEFT_OUT, LogRow, Open, Phase, Record, Records,
    RunId, RunRow, RunState, Since, StepKey, StoreError, Which, Write,
};
use std::collections::BTreeSet;
use welkin_ledger::{EgressUse, Entry, EntryKind, MeterEvent, MonthToDate, NoPricing, Who, month_of};
use welkin_provider::{Event, EventKind, Exit, Location, Nature, ProviderId, Stream, UnixMillis, exact};
use welkin_units::{Bytes, Usd};

/// A test for each promise.
#[macro_export]
macro_rules! conformance {
    ($make:expr) => {
        $crate::conformance! { $make;
            a_write_is_made_whole_or_not_at_all_and_leaves_its_neighbours_alone
            a_write_for_a_run_that_nobody_has_taken_is_refused_with_all_that_belongs_to_it
            a_name_is_given_once_even_after_it_was_forgotten
            histories_grow_and_are_read_from_anywhere
            what_happened_since_a_look_is_all_of_it_or_said_to_be_gone
            lists_show_states_and_forget_secrets_of_what_is_over
            what_nodes_tell_is_kept_once_and_lines_leave_as_asked
            long_outputs_are_read_from_both_ends_and_are_what_was_written
            money_counts_once_and_months_add_up
            requests_are_seen_until_the_run_is_over
            a_cluster_has_one_holder_and_takes_work_as_long_as_it_is_held
            of_two_that_ask_for_the_last_dollar_one_is_taken
            what_is_spent_counts_in_its_months_and_stays_when_runs_are_forgotten
            a_project_is_changed_by_whoever_has_seen_it_as_it_is
            a_project_is_removed_when_nothing_of_it_is_under_way_and_nothing_begins_in_it_then
        }
    };
    ($make:expr; $($check:ident)+) => {
        $(#[tokio::test]
        async fn $check() {
            let (records, _alive) = $make;
            $crate::conformance::$check(&records).await;
        })+
    };
}

const AT: UnixMillis = UnixMillis(1_790_000_000_000);

fn run(name: &str) -> RunId {
    RunId(name.to_owned())
}

/// A run that is planned, of nobody's project and on no cluster, for tests.
#[must_use]
pub fn planned(name: &str) -> RunRow {
    RunRow {
        id: run(name),
        name: "job".to_owned(),
        plan: "{}".to_owned(),
        job: None,
        base_dir: "/".to_owned(),
        state: RunState::Planned.name().to_owned(),
        submitted: AT,
        cluster: None,
        project: None,
    }
}

/// Its submission, under no key and on no provider.
#[must_use]
pub fn submitted(row: RunRow) -> Change {
    Change::Submitted { row: Box::new(row), client_token: None, providers: BTreeSet::new() }
}

fn submission(name: &str, at: u64) -> Change {
    let row = RunRow { job: Some("secret".to_owned()), submitted: UnixMillis(at), ..planned(name) };
    let providers = BTreeSet::from([ProviderId::from_static("aws")]);
    Change::Submitted { row: Box::new(row), client_token: Some(format!("token of {name}")), providers }
}

fn fact(name: &str, record: Record) -> Change {
    Change::Recorded { run: run(name), at: AT, record }
}

async fn done(records: &dyn Records, changes: impl IntoIterator<Item = Change>) -> crate::Written {
    let mut answers = records.commit(vec![Write(changes.into_iter().collect())]).await;
    answers.pop().expect("each write has an answer").expect("it is made")
}

/// Of three writes that are committed together the second contradicts itself.
pub async fn a_write_is_made_whole_or_not_at_all_and_leaves_its_neighbours_alone(records: &dyn Records) {
    let spoilt = Write(vec![submission("b", 1), fact("b", Record::RunStarted), submission("a", 2)]);
    let third = Write(vec![submission("c", 3)]);
    let answers = records.commit(vec![Write(vec![submission("a", 1)]), spoilt.clone(), third]).await;
    let made: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(made, [true, false, true]);
    assert!(matches!(&answers[1], Err(StoreError::Taken { run }) if run.0 == "a"));
    // Alone it is no different.
    assert!(records.commit(vec![spoilt]).await.iter().all(Result::is_err));
    let names: Vec<String> =
        records.runs(Which::All).await.unwrap_or_default().into_iter().map(|run| run.id.0).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(records.history(&run("b"), 0, 9).await.ok(), Some(Vec::new()));
    assert!(records.commit(Vec::new()).await.is_empty());
}

/// Whoever says that it has a run, and has it not, writes nothing.
pub async fn a_write_for_a_run_that_nobody_has_taken_is_refused_with_all_that_belongs_to_it(
    records: &dyn Records,
) {
    done(records, [submission("a", 1)]).await;
    let held = Change::Held { run: run("a"), fence: Fence(7) };
    let writes = vec![Write(vec![held, fact("a", Record::RunStarted)]), Write::from(submission("b", 2))];
    let answers = records.commit(writes).await;
    assert!(matches!(&answers[0], Err(StoreError::NotHeld { run }) if run.0 == "a"));
    assert!(answers[1].is_ok());
    assert_eq!(records.history(&run("a"), 0, 9).await.ok(), Some(Vec::new()));
}

/// Leases are asked for by the names of runs.
pub async fn a_name_is_given_once_even_after_it_was_forgotten(records: &dyn Records) {
    assert_eq!(records.is_free(&run("a")).await.ok(), Some(true));
    done(records, [submission("a", 1), fact("a", Record::RunStarted)]).await;
    assert_eq!(records.is_free(&run("a")).await.ok(), Some(false));
    let found = records.run_of_token("token of a").await.ok().flatten();
    assert_eq!(found.map(|row| row.id), Some(run("a")));
    done(records, [Change::Forgotten { run: run("a") }]).await;
    assert_eq!(records.is_free(&run("a")).await.ok(), Some(false));
    assert!(records.story(&run("a")).await.is_ok_and(|story| story.is_none()));
    assert!(records.history(&run("a"), 0, 9).await.is_ok_and(|history| history.is_empty()));
    let again = records.commit(vec![Write::from(submission("a", 2))]).await;
    assert!(again.iter().all(Result::is_err));
    // What the plans of forgotten runs named may still hold something.
    assert_eq!(records.providers_used().await.ok(), Some(BTreeSet::from([ProviderId::from_static("aws")])));
    done(records, [Change::Identity { key: "salt", value: "one".to_owned() }]).await;
    done(records, [Change::Identity { key: "salt", value: "two".to_owned() }]).await;
    assert_eq!(records.identity("salt").await.ok().flatten().as_deref(), Some("one"));
}

/// Records of several runs lie between one another.
pub async fn histories_grow_and_are_read_from_anywhere(records: &dyn Records) {
    done(records, [submission("a", 1), submission("b", 1)]).await;
    let first = done(records, [fact("a", Record::RunStarted), fact("b", Record::RunStarted)]).await;
    let ending = Record::RunEnding { into: RunState::Failed, reason: Some("so".to_owned()) };
    let second = done(records, [fact("a", ending.clone()), fact("a", Record::RunEnded)]).await;
    assert!(first.records.len() == 2 && first.records[1] < second.records[0]);
    assert!(second.records.is_sorted());
    let Ok(Some((row, history))) = records.story(&run("a")).await else { panic!("it is there") };
    assert_eq!((row.plan.as_str(), row.submitted), ("{}", UnixMillis(1)));
    let facts: Vec<Record> = history.iter().map(|(_, _, record)| record.clone()).collect();
    assert_eq!(facts, [Record::RunStarted, ending, Record::RunEnded]);
    let later = records.history(&run("a"), first.records[0], 9).await.unwrap_or_default();
    assert_eq!(later, history[1..]);
    assert_eq!(records.history(&run("a"), 0, 2).await.unwrap_or_default(), history[..2]);
    assert_eq!(records.row(&run("a")).await.ok().flatten(), Some(row));
    assert!(records.row(&run("none")).await.is_ok_and(|none| none.is_none()));
    assert_eq!(records.newest_of_open().await.ok().flatten(), Some(AT));
}

/// Whoever watches all runs sees each record once, or is told that some are gone.
pub async fn what_happened_since_a_look_is_all_of_it_or_said_to_be_gone(records: &dyn Records) {
    assert_eq!(records.since(0, 10).await.expect("it can be read"), Since::default());
    for name in ["a", "b"] {
        done(records, [submission(name, 1), fact(name, Record::RunStarted)]).await;
    }
    done(records, [fact("a", Record::RunEnded)]).await;
    let all = records.since(0, 10).await.expect("it can be read");
    let told: Vec<_> = all.records.iter().map(|(run, (_, _, record))| (run.0.as_str(), record)).collect();
    let expected = [("a", &Record::RunStarted), ("b", &Record::RunStarted), ("a", &Record::RunEnded)];
    assert_eq!((told, all.forgotten), (expected.to_vec(), 0));
    let numbers: Vec<u64> = all.records.iter().map(|(_, (number, ..))| *number).collect();
    assert!(numbers.is_sorted() && numbers.last() == Some(&all.last), "{numbers:?}");
    let rest = records.since(numbers[0], 1).await.expect("it can be read");
    assert_eq!((rest.records, rest.last), (all.records[1..2].to_vec(), all.last));
    done(records, [Change::Forgotten { run: run("a") }]).await;
    let left = records.since(0, 10).await.expect("it can be read");
    assert_eq!((left.records, left.last), (all.records[1..2].to_vec(), all.last));
    assert_eq!(left.forgotten, all.last, "a look from before that is told to begin anew");
    done(records, [fact("b", Record::RunEnded)]).await;
    assert!(
        records.since(all.last, 10).await.expect("it can be read").last > all.last,
        "no number is given twice"
    );
}

/// Lists are of the same moment as what they are of.
pub async fn lists_show_states_and_forget_secrets_of_what_is_over(records: &dyn Records) {
    for (name, at) in [("late", 3), ("early", 1), ("middle", 2)] {
        done(records, [submission(name, at)]).await;
    }
    let over = Change::State { run: run("middle"), state: RunState::Succeeded };
    done(records, [fact("middle", Record::RunEnded), over]).await;
    done(records, [Change::State { run: run("late"), state: RunState::Running }]).await;
    let list = |which| async {
        let runs = records.runs(which).await.unwrap_or_default();
        runs.into_iter().map(|run| format!("{} {}", run.id, run.state)).collect::<Vec<_>>()
    };
    assert_eq!(list(Which::All).await, ["early planned", "middle succeeded", "late running"]);
    assert_eq!(list(Which::Open).await, ["early planned", "late running"]);
    assert_eq!(list(Which::Latest(None)).await, ["late running"]);
    assert_eq!(list(Which::Latest(Some("job".to_owned()))).await, ["late running"]);
    assert!(list(Which::Latest(Some("other".to_owned()))).await.is_empty());
    assert_eq!(list(Which::One(run("middle"))).await, ["middle succeeded"]);
    assert!(list(Which::One(run("none"))).await.is_empty());
    assert_eq!(list(Which::Before(None, 2)).await, ["late running", "middle succeeded"]);
    assert_eq!(list(Which::Before(Some(run("middle")), 2)).await, ["early planned"]);
    assert_eq!(list(Which::After(None, 2)).await, ["early planned", "middle succeeded"]);
    assert_eq!(list(Which::After(Some(run("middle")), 2)).await, ["late running"]);
    assert!(list(Which::After(Some(run("none")), 2)).await.is_empty());
    let job = |story: Option<(RunRow, _)>| story.and_then(|(row, _): (RunRow, Vec<_>)| row.job);
    assert_eq!(job(records.story(&run("middle")).await.ok().flatten()), None);
    assert_eq!(job(records.story(&run("late")).await.ok().flatten()).as_deref(), Some("secret"));
}

/// Lines keep their order over all steps of a run, and some leave for others.
pub async fn what_nodes_tell_is_kept_once_and_lines_leave_as_asked(records: &dyn Records) {
    let (step, other) = (0..2)
        .map(|task| StepKey { attempt: AttemptId { task, number: 1 }, phase: Phase::Run, rank: 0 })
        .fold((None, None), |(_, last), step| (last, Some(step)));
    let (Some(step), Some(other)) = (step, other) else { panic!("there are two") };
    let line = |seq: u64| {
        let kind = EventKind::Log { stream: Stream::Stdout, line: format!("line {seq}") };
        Event { seq, at: AT, kind }
    };
    let end = Event { seq: 6, at: AT, kind: EventKind::Finished { exit: Exit::Success } };
    let tell = |step, events, gone| Change::Told { run: run("a"), step, events, gone };
    done(records, [submission("a", 1), tell(step, (0..4).map(line).collect(), None)]).await;
    done(records, [tell(other, vec![line(0)], None)]).await;
    // Told again with more: a broker that was killed reads on from what it has.
    let gone = Gone { mark: 1, from: 1, to: 2, lines: 2 };
    let events = (2..6).map(line).chain([end.clone()]).collect();
    done(records, [tell(step, events, Some(gone))]).await;
    let told = records.told(&run("a"), step).await.ok();
    assert_eq!(told.map(|told| (told.events, told.next)), Some((vec![end.kind], 7)));
    let lines = records.lines(&run("a"), step).await.unwrap_or_default();
    let kept = [0, 3, 4, 5].map(|seq| Extent::line(seq, 6));
    assert_eq!((lines.kept, lines.gone), (kept.to_vec(), Some((1, 2))));
    let logs = records.logs(&run("a"), None, 0, 100).await.unwrap_or_default();
    let text: Vec<&str> = logs.iter().map(|row| row.line.split(" are").next().unwrap_or_default()).collect();
    assert_eq!(text, ["line 0", "2 lines", "line 3", "line 0", "line 4", "line 5"]);
    for last in [0_u32, 1, 2, 5, 6, 600] {
        let before = logs.iter().rev().nth(last as usize).map_or(0, |row| row.id);
        assert_eq!(records.tail(&run("a"), None, last).await.ok(), Some(before), "{last}");
    }
    let rest = records.logs(&run("a"), Some(0), logs[0].id, 2).await.unwrap_or_default();
    assert_eq!(rest, logs[1..3]);
    assert!(records.log_bytes(&run("a")).await.is_ok_and(|bytes| bytes > Bytes::new(30)));
    let went = done(records, [Change::LinesForgotten { run: run("a"), most: 4 }]).await;
    assert_eq!(went.lines, 4);
    let went = done(records, [Change::LinesForgotten { run: run("a"), most: 100 }]).await;
    assert_eq!(went.lines, 3);
}

/// Enough for a store to keep it in another way than a few lines, of two steps that write in turn.
pub async fn long_outputs_are_read_from_both_ends_and_are_what_was_written(records: &dyn Records) {
    let step = |task| StepKey { attempt: AttemptId { task, number: 1 }, phase: Phase::Run, rank: 0 };
    // As long as its number says, with what would end lines elsewhere, and bytes that are no text.
    let words =
        |seq: u64| exact::text(&[&[0xFF, 0, b'\n', b'\r'][..], &vec![b'x'; seq as usize % 90]].concat());
    let line = |seq: u64| {
        let kind = match seq % 3 {
            0 => EventKind::Piece {
                stream: Stream::Stderr,
                text: words(seq),
                last: seq.is_multiple_of(2),
                unended: seq.is_multiple_of(4),
            },
            _ => EventKind::Log { stream: Stream::Stdout, line: words(seq) },
        };
        Event { seq, at: UnixMillis(AT.0 + seq), kind }
    };
    let tell = |task, from: u64, to: u64| Change::Told {
        run: run("a"),
        step: step(task),
        events: (from..to).map(line).collect(),
        gone: None,
    };
    done(records, [submission("a", 1)]).await;
    let mut expected = Vec::new();
    for round in 0..20_u64 {
        let (from, to) = (round * 500, (round + 1) * 500);
        // Some of it was told before, by a broker that is dead.
        done(records, [tell(0, from.saturating_sub(7), to)]).await;
        expected.extend((from..to).map(|seq| (0, seq)));
        if round.is_multiple_of(4) {
            done(records, [tell(1, round / 4 * 300, (round / 4 + 1) * 300)]).await;
            expected.extend((round / 4 * 300..(round / 4 + 1) * 300).map(|seq| (1, seq)));
        }
    }
    let mut rows = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row: &LogRow| row.id);
        let page = records.logs(&run("a"), None, after, 700).await.expect("it can be read");
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 700 && last.id > after);
        rows.extend(page);
    }
    let told = |row: &LogRow| (row.attempt.task, row.at.0 - AT.0);
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), expected);
    assert!(rows.iter().all(|row| row.line == words(row.at.0 - AT.0)), "every byte is as it was written");
    assert!(
        rows.iter().all(|row| row.stream.ends_with(['>', '<', '.']) == (row.at.0 - AT.0).is_multiple_of(3))
    );
    for (task, last) in
        [(None, 1_u32), (None, 1000), (None, 11_400), (Some(1), 40), (Some(1), 9999), (None, 50_000)]
    {
        let of_task: Vec<&LogRow> =
            rows.iter().filter(|row| task.is_none_or(|task| task == row.attempt.task)).collect();
        let before = of_task.iter().rev().nth(last as usize).map_or(0, |row| row.id);
        assert_eq!(records.tail(&run("a"), task, last).await.ok(), Some(before), "{task:?} {last}");
        let page = records.logs(&run("a"), task, before, last.min(1000)).await.unwrap_or_default();
        let from = of_task.len().saturating_sub(last as usize);
        assert!(
            page.iter().eq(of_task[from..].iter().take(last.min(1000) as usize).copied()),
            "{task:?} {last}"
        );
    }
    let told = records.told(&run("a"), step(0)).await.expect("it can be read");
    assert_eq!((told.events.len(), told.next), (0, 10_000));
    let lines = records.lines(&run("a"), step(0)).await.expect("it can be read");
    assert_eq!(lines.kept.iter().map(|extent| extent.lines).sum::<u64>(), 10_000);
    // The middle goes, in two portions, and what is said in its place is a line.
    for (from, to) in [(2000, 4999), (5000, 8000)] {
        let gone = Gone { mark: 2000, from, to, lines: to - 1999 };
        done(records, [Change::Told { run: run("a"), step: step(0), events: Vec::new(), gone: Some(gone) }])
            .await;
    }
    let lines = records.lines(&run("a"), step(0)).await.expect("it can be read");
    assert_eq!(lines.gone, Some((2000, 6001)));
    assert_eq!(lines.kept.iter().map(|extent| extent.lines).sum::<u64>(), 2000 + 1999);
    let mut left = Vec::new();
    loop {
        let after = left.last().map_or(0, |row: &LogRow| row.id);
        let page = records.logs(&run("a"), Some(0), after, 1000).await.expect("it can be read");
        if page.is_empty() {
            break;
        }
        left.extend(page);
    }
    let mark = left.iter().position(|row| row.stream == LEFT_OUT).expect("it is said");
    assert!(mark == 2000 && left[mark].line.starts_with("6001 lines"), "{mark} {}", left[mark].line);
    let kept: Vec<u64> =
        left.iter().filter(|row| row.stream != LEFT_OUT).map(|row| row.at.0 - AT.0).collect();
    assert_eq!(kept, (0..2000).chain(8001..10_000).collect::<Vec<_>>());
    assert_eq!(records.tail(&run("a"), Some(0), 2500).await.ok(), Some(left[left.len() - 2501].id));
    let mut went = 1;
    while went > 0 {
        went = done(records, [Change::LinesForgotten { run: run("a"), most: 3000 }]).await.lines;
    }
    assert!(records.logs(&run("a"), None, 0, 10).await.is_ok_and(|rows| rows.is_empty()));
    assert_eq!(records.log_bytes(&run("a")).await.ok(), Some(Bytes::ZERO));
    done(records, [Change::Forgotten { run: run("a") }]).await;
}

/// A charge that is booked again, by a broker that was killed before it knew, changes nothing.
pub async fn money_counts_once_and_months_add_up(records: &dyn Records) {
    let place = |provider: &'static str| Location {
        provider: ProviderId::from_static(provider),
        region: "r".to_owned(),
        zone: None,
    };
    let moved = |subject: &str, bytes| {
        let who = Who {
            run: "a".to_owned(),
            task: "t".to_owned(),
            subject: subject.to_owned(),
            place: place("aws"),
            nature: Nature::Emulated,
        };
        let used = EgressUse { to: place("gcp"), bytes: Bytes::new(bytes) };
        let event = MeterEvent::egress(who, AT, used, &NoPricing, &MonthToDate::default());
        Change::Booked { at: AT, entry: Entry { run: "a".to_owned(), kind: EntryKind::Charge { event } } }
    };
    let fund = EntryKind::Fund { amount: Usd::from_cents(5) };
    let fund = Change::Booked { at: AT, entry: Entry { run: "a".to_owned(), kind: fund } };
    done(records, [submission("a", 1), fund.clone(), moved("x", 10)]).await;
    done(records, [fund, moved("x", 10), moved("y", 7)]).await;
    assert_eq!(records.entries(&run("a"), 0, 9).await.map(|rows| rows.len()).ok(), Some(3));
    let all = records.entries(&run("a"), 0, 9).await.unwrap_or_default();
    assert_eq!(records.entries(&run("a"), 1, 1).await.unwrap_or_default(), all[1..2]);
    assert!(records.entries(&run("a"), 3, 9).await.is_ok_and(|rows| rows.is_empty()));
    let month = records.moved(month_of(AT)).await.unwrap_or_default();
    assert_eq!(month.iter().map(|moved| moved.bytes.get()).collect::<Vec<_>>(), [17]);
    assert_eq!((&month[0].source, &month[0].target), (&place("aws"), &place("gcp")));
    assert!(records.moved(month_of(AT) + 1).await.is_ok_and(|none| none.is_empty()));
    // No later run pays less for having forgotten an earlier one.
    done(records, [Change::Forgotten { run: run("a") }]).await;
    assert_eq!(records.moved(month_of(AT)).await.map(|rows| rows.len()).ok(), Some(1));
    assert!(records.entries(&run("a"), 0, 9).await.is_ok_and(|rows| rows.is_empty()));
}

/// Anybody may ask, more than once.
pub async fn requests_are_seen_until_the_run_is_over(records: &dyn Records) {
    done(records, [submission("a", 1), submission("b", 2)]).await;
    let ask = |name| Change::CancelRequested { run: run(name), at: AT };
    done(records, [ask("a")]).await;
    done(records, [ask("a"), ask("b")]).await;
    assert_eq!(records.cancels().await.ok(), Some(BTreeSet::from([run("a"), run("b")])));
    done(records, [Change::State { run: run("a"), state: RunState::Cancelled }]).await;
    assert_eq!(records.cancels().await.ok(), Some(BTreeSet::from([run("b")])));
    assert_eq!(records.damage().await, None);
}

fn in_cluster(name: &str, at: u64, role: ClusterRole) -> Change {
    match submission(name, at) {
        Change::Submitted { mut row, client_token, providers } => {
            row.cluster = Some(role);
            Change::Submitted { row, client_token, providers }
        }
        other => other,
    }
}

/// Names are given again, to one run at a time; nothing is left behind on a cluster that ends.
pub async fn a_cluster_has_one_holder_and_takes_work_as_long_as_it_is_held(records: &dyn Records) {
    let (dev, on_a) = (ClusterRole::Holds("dev".to_owned()), ClusterRole::On(run("a")));
    let refused = async |change| records.commit(vec![Write::from(change)]).await.pop().and_then(Result::err);
    let early = refused(in_cluster("j0", 1, on_a.clone())).await;
    assert!(matches!(early, Some(StoreError::NoCluster { run }) if run.0 == "a"));
    // Two that ask at the same time.
    let both = [in_cluster("a", 1, dev.clone()), in_cluster("b", 1, dev.clone())].map(Write::from);
    let answers = records.commit(both.into()).await;
    assert!(answers[0].is_ok());
    assert!(
        matches!(&answers[1], Err(StoreError::ClusterTaken { name, run }) if name == "dev" && run.0 == "a")
    );
    done(records, [in_cluster("j1", 2, on_a.clone()), in_cluster("j2", 3, on_a.clone())]).await;
    // A run that is on a cluster holds none itself.
    let nested = refused(in_cluster("j3", 4, ClusterRole::On(run("j1")))).await;
    assert!(matches!(nested, Some(StoreError::NoCluster { .. })));
    done(records, [Change::State { run: run("j1"), state: RunState::Succeeded }]).await;
    let listed = async |role: &ClusterRole, open| {
        let lines = records.runs(Which::InCluster(role.clone(), open)).await.unwrap_or_default();
        lines.into_iter().map(|line| (line.id.0, line.cluster)).collect::<Vec<_>>()
    };
    let as_on_a = |name: &str| (name.to_owned(), Some(on_a.clone()));
    assert_eq!(listed(&on_a, Open::Only).await, [as_on_a("j2")]);
    assert_eq!(listed(&on_a, Open::OrOver).await, [as_on_a("j1"), as_on_a("j2")]);
    assert_eq!(listed(&dev, Open::Only).await, [("a".to_owned(), Some(dev.clone()))]);
    done(records, [Change::State { run: run("a"), state: RunState::Ending }]).await;
    let late = refused(in_cluster("j4", 5, on_a.clone())).await;
    assert!(matches!(late, Some(StoreError::NoCluster { run }) if run.0 == "a"));
    let taken = refused(in_cluster("b", 5, dev.clone())).await;
    assert!(
        matches!(taken, Some(StoreError::ClusterTaken { .. })),
        "what is ending still holds its machines"
    );
    done(records, [Change::State { run: run("a"), state: RunState::Cancelled }]).await;
    done(records, [in_cluster("b", 6, dev.clone())]).await;
    assert_eq!(listed(&dev, Open::Only).await, [("b".to_owned(), Some(dev.clone()))]);
    let row = records.story(&run("b")).await.ok().flatten().and_then(|(row, _)| row.cluster);
    assert_eq!(row, Some(dev));
}
