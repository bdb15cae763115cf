//! What a journal keeps, and what it says of the rest.

use super::*;
use welkin_provider::{Exit, Stream};

const LIMIT: u64 = 64 << 20;

fn log(line: &str) -> EventKind {
    EventKind::Log { stream: Stream::Stdout, line: line.to_owned() }
}

fn journal(folder: &Path) -> Journal {
    Journal::open(folder, LIMIT).unwrap()
}

#[test]
fn events_survive_and_a_torn_line_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    journal(folder.path()).append(UnixMillis(1), vec![EventKind::Started, log("a\nb")]).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, [&whole[..], &whole[..9]].concat()).unwrap();
    let mut again = journal(folder.path());
    assert_eq!(again.len(), 2);
    again.append(UnixMillis(2), vec![log("c")]).unwrap();
    let lines = journal(folder.path()).read(1).unwrap();
    assert_eq!(lines.iter().map(|event| event.kind.clone()).collect::<Vec<_>>(), [log("a\nb"), log("c")]);
    assert_eq!(lines.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn nothing_follows_the_last_event() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    journal.append(UnixMillis(1), vec![EventKind::Finished { exit: Exit::Success }]).unwrap();
    journal.append(UnixMillis(2), vec![log("late")]).unwrap();
    journal.finish_in_memory(UnixMillis(2), log("later"));
    assert_eq!((journal.len(), journal.is_over()), (1, true));
}

#[test]
fn a_full_disk_still_ends_the_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    journal.append(UnixMillis(1), vec![EventKind::Started]).unwrap();
    journal.finish_in_memory(UnixMillis(2), EventKind::Finished { exit: Exit::Stopped });
    assert_eq!(journal.read(0).unwrap().len(), 1);
    assert_eq!(journal.read(1).unwrap()[0].seq, 1);
    assert!(journal.read(2).unwrap().is_empty());
}

#[test]
fn a_step_without_a_file_still_has_an_end() {
    let mut journal = Journal::without_file(Path::new("/nowhere"), LIMIT);
    assert!(journal.append(UnixMillis(1), vec![EventKind::Started]).is_err());
    journal.finish_in_memory(UnixMillis(2), EventKind::Finished { exit: Exit::Stopped });
    assert_eq!(journal.read(0).unwrap().iter().map(|event| event.seq).collect::<Vec<_>>(), [0]);
}

#[test]
fn an_answer_is_bounded_and_never_empty() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = journal(folder.path());
    let big = "x".repeat(600 << 10);
    journal.append(UnixMillis(1), vec![log(&big), log(&big), log(&big.repeat(3))]).unwrap();
    assert_eq!(journal.read(0).unwrap().len(), 1);
    assert_eq!(journal.read(2).unwrap().len(), 1);
    assert!(journal.read(3).unwrap().is_empty());
}

/// Everything that a reader who comes late is told.
fn all(journal: &Journal) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    loop {
        let more = journal.read(events.last().map_or(0, |last| last.seq + 1)).unwrap();
        if more.is_empty() {
            return events;
        }
        events.extend(more);
    }
}

#[test]
fn the_beginning_and_the_end_are_kept_and_the_gap_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), 16_000).unwrap();
    for number in 0..2_000 {
        let next = journal.len();
        journal.append(UnixMillis(1), vec![log(&format!("line {number}"))]).unwrap();
        // Whoever keeps up misses nothing.
        assert_eq!(journal.read(next).unwrap()[0].kind, log(&format!("line {number}")));
    }
    let size: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 18_000, "{size}");
    let told = all(&journal);
    let at = told.iter().position(|event| matches!(event.kind, EventKind::LeftOut { .. })).unwrap();
    let EventKind::LeftOut { events } = told[at].kind else { panic!() };
    assert_eq!(told.len() as u64 - 1 + events, 2_000);
    assert_eq!(told[at].seq + 1, told[at + 1].seq);
    assert_eq!(told[at - 1].seq + events, told[at].seq);
    assert_eq!(told.last().unwrap().kind, log("line 1999"));
    // The same after the death of the agent, and the step goes on where it was.
    let mut again = Journal::open(folder.path(), 16_000).unwrap();
    assert_eq!(all(&again), told);
    again.append(UnixMillis(2), vec![EventKind::Finished { exit: Exit::Success }]).unwrap();
    assert_eq!(all(&Journal::open(folder.path(), 16_000).unwrap()).last().unwrap().seq, 2_000);
}

/// The agent died of it when it was asked for what it had.
#[test]
fn a_file_without_events_behind_a_damaged_one_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("events.jsonl"), b"torn").unwrap();
    std::fs::write(folder.path().join("events-2.jsonl"), b"").unwrap();
    let mut journal = Journal::open(folder.path(), 1 << 20).unwrap();
    assert_eq!(journal.read(0).unwrap(), []);
    journal.append(UnixMillis(1), vec![EventKind::Started]).unwrap();
    let numbers: Vec<u64> = journal.read(0).unwrap().iter().map(|event| event.seq).collect();
    assert_eq!(numbers, [1, 2], "and what is missing is told");
}
