use super::clerk::Source;
use super::*;
use crate::send::Sent;
use crate::spans::tests::{began, fresh, id, lines, requested, spans, story};
use crate::spans::{Span, Trace};
use std::cell::RefCell;
use welkin_broker::{HistoryLine, Record, StoreError};

/// Runs that all have one history.
struct Shelf {
    lines: Vec<HistoryLine>,
    away: RefCell<u32>,
}

impl Shelf {
    fn of(records: Vec<Record>) -> Self {
        Self { lines: lines(records), away: RefCell::new(0) }
    }

    fn last(&self) -> u64 {
        self.lines.last().map_or(0, |line| line.seq)
    }
}

impl Source for Shelf {
    fn trace(&self, run: &RunId) -> Result<Trace, StoreError> {
        match run.0.as_str() {
            "gone" => Err(StoreError::NoSuchRun { run: run.clone() }),
            _ => Ok(fresh()),
        }
    }

    fn page(&self, _: &RunId, after: u64, limit: u32) -> Result<Vec<HistoryLine>, StoreError> {
        let mut away = self.away.borrow_mut();
        if *away > 0 {
            *away -= 1;
            return Err(StoreError::Away { place: "db.example".to_owned(), source: "broken pipe".into() });
        }
        Ok(self.lines.iter().filter(|line| line.seq > after).take(limit as usize).cloned().collect())
    }
}

fn run(name: &str) -> RunId {
    RunId(name.to_owned())
}

fn note(desk: &Desk, name: &str, first: u64, last: u64) {
    desk.note(&run(name), Written { first, last, records: 1 });
}

fn end(desk: &Desk) {
    desk.waiting().ending = true;
}

fn get(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// What a clerk sends that works to the end.
fn sent(desk: &Desk, shelf: &Shelf) -> Vec<Span> {
    let sent = RefCell::new(Vec::new());
    let send = |batch: &[Span]| {
        sent.borrow_mut().extend_from_slice(batch);
        Sent::Taken(0)
    };
    Clerk::new(desk, shelf, send, |_: &str| {}).work(Duration::ZERO);
    sent.into_inner()
}

#[test]
fn brokers_that_follow_each_other_tell_each_span_once() {
    let shelf = Shelf::of(story());
    let whole = spans(&mut fresh(), &shelf.lines);
    for cut in 1..shelf.lines.len() {
        let (first, second) = shelf.lines.split_at(cut);
        let ends = |part: &[HistoryLine]| (part[0].seq, part[part.len() - 1].seq);
        let mut told = Vec::new();
        for (from, to) in [ends(first), ends(second)] {
            let desk = Desk::default();
            note(&desk, "r", from, to);
            end(&desk);
            told.extend(sent(&desk, &shelf));
            assert_eq!(get(&desk.counts.waiting), 0);
        }
        assert_eq!(told, whole, "{cut}");
    }
}

#[test]
fn a_run_that_is_noted_record_by_record_is_told_of_as_one_that_is_noted_at_once() {
    let shelf = Shelf::of(story());
    let desk = Desk::default();
    let told = RefCell::new(Vec::new());
    let send = |batch: &[Span]| {
        told.borrow_mut().extend_from_slice(batch);
        Sent::Taken(0)
    };
    // The clerk knows the run from one record to the next.
    let mut clerk = Clerk::new(&desk, &shelf, send, |_: &str| {});
    for line in &shelf.lines {
        note(&desk, "r", line.seq, line.seq);
        let runs = desk.next(Duration::ZERO).expect("it waits");
        clerk.look(runs);
    }
    assert_eq!(told.into_inner(), spans(&mut fresh(), &shelf.lines));
}

#[test]
fn more_runs_than_there_is_room_for_are_counted_and_those_that_waited_stay() {
    let desk = Desk::default();
    for number in 0..MOST_RUNS + 7 {
        note(&desk, &format!("{number:06}"), 10, 10);
        note(&desk, "000000", 20, 20);
    }
    assert_eq!((get(&desk.counts.waiting), get(&desk.counts.left_out)), (MOST_RUNS as u64, 7));
    let runs = desk.next(Duration::ZERO).expect("they wait");
    let records = 1 + (MOST_RUNS as u64 + 7);
    assert_eq!(runs.get(&run("000000")), Some(&Written { first: 10, last: 20, records }));
}

#[test]
fn what_is_refused_or_left_out_is_counted_and_the_rest_is_sent() {
    let shelf = Shelf::of(story());
    let whole = spans(&mut fresh(), &shelf.lines).len() as u64;
    let desk = Desk::default();
    for name in ["a", "gone", "b"] {
        note(&desk, name, 1, shelf.last());
    }
    end(&desk);
    let said = RefCell::new(Vec::new());
    let say = |words: &str| said.borrow_mut().push(words.to_owned());
    Clerk::new(&desk, &shelf, |_: &[Span]| Sent::Taken(1), say).work(Duration::ZERO);
    // Both runs are one batch.
    assert_eq!((get(&desk.counts.sent), get(&desk.counts.dropped)), (2 * whole - 1, 1));
    assert_eq!(get(&desk.counts.left_out), 1);
    note(&desk, "c", 1, shelf.last());
    let refuse = |_: &[Span]| Sent::Refused("HTTP 400".to_owned());
    Clerk::new(&desk, &shelf, refuse, say).work(Duration::ZERO);
    assert_eq!(get(&desk.counts.dropped), 1 + whole);
    assert_eq!(said.into_inner(), ["HTTP 400"]);
}

/// A collector that is away at the end is asked once, whatever waits, and the rest is counted.
#[test]
fn the_end_waits_for_nobody() {
    let shelf = Shelf::of(story());
    let whole = spans(&mut fresh(), &shelf.lines).len() as u64;
    let desk = Desk::default();
    for number in 0..200 {
        note(&desk, &format!("{number}"), 1, shelf.last());
    }
    end(&desk);
    let asked = RefCell::new(0);
    let away = |_: &[Span]| {
        *asked.borrow_mut() += 1;
        Sent::Later("nobody answers".to_owned(), None)
    };
    Clerk::new(&desk, &shelf, away, |_: &str| {}).work(Duration::ZERO);
    assert_eq!((asked.into_inner(), get(&desk.counts.dropped)), (1, 200 * whole));
}

#[test]
fn a_batch_is_sent_until_it_is_taken_and_that_is_said_once() {
    let shelf = Shelf::of(story());
    let desk = Desk::default();
    note(&desk, "r", 1, shelf.last());
    let (asked, said) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
    let send = |batch: &[Span]| {
        let mut asked = asked.borrow_mut();
        asked.push(batch.to_vec());
        match asked.len() {
            3 => Sent::Taken(0),
            _ => Sent::Later("HTTP 503".to_owned(), Some(Duration::ZERO)),
        }
    };
    let say = |words: &str| said.borrow_mut().push(words.to_owned());
    let runs = desk.next(Duration::ZERO).expect("it waits");
    Clerk::new(&desk, &shelf, send, say).look(runs);
    let asked = asked.into_inner();
    assert!(asked.len() == 3 && asked.iter().all(|batch| *batch == asked[0]));
    assert_eq!(get(&desk.counts.sent), asked[0].len() as u64);
    assert_eq!(said.into_inner(), ["HTTP 503", "they are taken again"]);
}

#[test]
fn a_database_that_is_away_is_asked_again() {
    let shelf = Shelf::of(story());
    *shelf.away.borrow_mut() = 1;
    let desk = Desk::default();
    note(&desk, "r", 1, shelf.last());
    let told = RefCell::new(0);
    let send = |batch: &[Span]| {
        *told.borrow_mut() += batch.len();
        Sent::Taken(0)
    };
    let mut clerk = Clerk::new(&desk, &shelf, send, |_: &str| {});
    for expected in [0, spans(&mut fresh(), &shelf.lines).len()] {
        let runs = desk.next(Duration::ZERO).expect("it waits");
        clerk.look(runs);
        assert_eq!(*told.borrow(), expected);
    }
}

/// Runs with a thousand tries are read in pages and sent in batches.
#[test]
fn a_long_history_is_told_of_whole() {
    let mut records = vec![Record::RunStarted];
    for number in 1..=2000 {
        let at = id(0, number);
        records.extend([began(at), requested(at)]);
        records.push(Record::LeaseReleasing { attempt: at });
        records.push(Record::LeaseReleased { attempt: at });
    }
    let shelf = Shelf::of(records);
    let desk = Desk::default();
    note(&desk, "r", 1, shelf.last());
    end(&desk);
    assert_eq!(sent(&desk, &shelf), spans(&mut fresh(), &shelf.lines));
}
