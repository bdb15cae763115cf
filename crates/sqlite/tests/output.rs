//! Output of steps that write much: the files beside the database, and what may become of them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail, in its helpers too")]

use rusqlite::Connection;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use welkin_provider::{Event, EventKind, Stream, UnixMillis};
use welkin_records::conformance::{planned, submitted};
use welkin_records::{
    AttemptId, Change, Gone, LEFT_OUT, LogRow, Phase, Records, RunId, StepKey, StoreError, Write,
};
use welkin_sqlite::{Durability, Sqlite};

const STEP: StepKey = StepKey { attempt: AttemptId { task: 0, number: 1 }, phase: Phase::Run, rank: 0 };

fn run() -> RunId {
    RunId("a".to_owned())
}

fn submission() -> Change {
    submitted(planned("a"))
}

fn told(from: u64, to: u64) -> Change {
    told_of(from, to, 80)
}

fn told_of(from: u64, to: u64, length: usize) -> Change {
    let line = |seq: u64| {
        let kind =
            EventKind::Log { stream: Stream::Stdout, line: format!("line {seq} {}", "x".repeat(length)) };
        Event { seq, at: UnixMillis(seq), kind }
    };
    Change::Told { run: run(), step: STEP, events: (from..to).map(line).collect(), gone: None }
}

async fn write(store: &Sqlite, changes: impl IntoIterator<Item = Change>) -> Result<(), StoreError> {
    let write = Write(changes.into_iter().collect());
    store.commit(vec![write]).await.pop().unwrap().map(drop)
}

/// A store with so many lines.
async fn with(lines: u64) -> (TempDir, PathBuf, Sqlite) {
    with_of(lines, 80).await
}

async fn with_of(lines: u64, length: usize) -> (TempDir, PathBuf, Sqlite) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("records.sqlite3");
    let store = Sqlite::open(&path, Durability::PowerCut).unwrap();
    write(&store, [submission()]).await.unwrap();
    for from in (0..lines).step_by(1000) {
        write(&store, [told_of(from, (from + 1000).min(lines), length)]).await.unwrap();
    }
    (dir, path, store)
}

async fn all(store: &Sqlite) -> Vec<LogRow> {
    let mut rows: Vec<LogRow> = Vec::new();
    loop {
        let page = store.logs(&run(), None, rows.last().map_or(0, |row| row.id), 1000).await.unwrap();
        if page.is_empty() {
            return rows;
        }
        rows.extend(page);
    }
}

fn places(rows: &[LogRow]) -> Vec<u64> {
    rows.iter().map(|row| row.at.0).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let folder = dir.join("logs/a/0-1-run-0");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).map_or_else(|_| vec![], |list| list.map(|file| file.unwrap().path()).collect());
    files.sort();
    files
}

#[tokio::test]
async fn a_long_output_lies_in_files_of_its_owner_and_a_short_one_in_the_database() {
    let (dir, path, store) = with(2000).await;
    assert_eq!(files(dir.path()), Vec::<PathBuf>::new());
    write(&store, [told_of(2000, 5000, 4000)]).await.unwrap();
    let found = files(dir.path());
    assert!(found.len() >= 2, "{found:?}");
    assert!(found.iter().all(|file| file.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
    assert_eq!(dir.path().join("logs").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    // Somebody else looks, while it is open and when it is not.
    assert_eq!(places(&all(&Sqlite::look(&path).unwrap()).await), (0..5000).collect::<Vec<_>>());
    drop(store);
    assert_eq!(Sqlite::look(&path).unwrap().tail(&run(), None, 3).await.unwrap(), 4997);
    assert!(path.metadata().unwrap().len() < 1 << 20, "the lines are not in the database too");
}

#[tokio::test]
async fn what_a_killed_broker_left_behind_the_end_is_written_over_and_nothing_is_there_twice() {
    let (dir, path, store) = with(10_000).await;
    let before = store.told(&run(), STEP).await.unwrap().next;
    // Its bytes are in the file, and its transaction was not committed.
    let spoilt = store.commit(vec![Write(vec![told(before, before + 5000), submission()])]).await;
    assert!(spoilt.iter().all(Result::is_err));
    drop(store);
    let last = files(dir.path()).pop().unwrap();
    let mut torn = fs::read(&last).unwrap();
    torn.extend_from_slice(b"half a record");
    fs::write(&last, torn).unwrap();
    let store = Sqlite::open(&path, Durability::PowerCut).unwrap();
    assert_eq!(places(&all(&store).await), (0..10_000).collect::<Vec<_>>());
    assert_eq!(store.told(&run(), STEP).await.unwrap().next, before);
    // The agent delivers again, more of it than was lost.
    write(&store, [told(before - 3000, before + 9000)]).await.unwrap();
    assert_eq!(places(&all(&store).await), (0..19_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn of_two_writes_in_one_commit_the_one_that_fails_leaves_no_line() {
    let (_dir, _, store) = with(10_000).await;
    let spoilt = Write(vec![told(10_000, 15_000), submission()]);
    let sound = Write(vec![told(10_000, 13_000)]);
    let answers = store.commit(vec![spoilt, sound]).await;
    assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, true]);
    assert_eq!(places(&all(&store).await), (0..13_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn files_of_which_nothing_is_left_go_and_those_of_no_run_too() {
    let (dir, path, store) = with_of(10_000, 4000).await;
    let before = files(dir.path());
    assert!(before.len() > 4, "{before:?}");
    let gone = Gone { mark: 1000, from: 1000, to: 9500, lines: 8501 };
    write(&store, [Change::Told { run: run(), step: STEP, events: vec![], gone: Some(gone) }]).await.unwrap();
    assert!(files(dir.path()).len() <= 3, "{:?}", files(dir.path()));
    let rows = all(&store).await;
    assert_eq!(rows.len(), 1000 + 1 + 499);
    assert!(rows[1000].stream == LEFT_OUT && rows[1000].line.starts_with("8501 lines"), "{:?}", rows[1000]);
    // What goes on is behind it.
    write(&store, [told(10_000, 12_000)]).await.unwrap();
    assert_eq!(all(&store).await.len(), 1000 + 1 + 2499);
    fs::create_dir(dir.path().join("logs/forgotten")).unwrap();
    fs::write(dir.path().join("logs/forgotten/000000"), "x").unwrap();
    drop(store);
    let store = Sqlite::open(&path, Durability::PowerCut).unwrap();
    assert!(!dir.path().join("logs/forgotten").exists());
    assert_eq!(all(&store).await.len(), 1000 + 1 + 2499);
    while store
        .commit(vec![Write::from(Change::LinesForgotten { run: run(), most: 10_000 })])
        .await
        .pop()
        .unwrap()
        .unwrap()
        .lines
        > 0
    {}
    write(&store, [Change::Forgotten { run: run() }]).await.unwrap();
    assert!(!dir.path().join("logs/a").exists());
}

#[tokio::test]
async fn a_file_that_was_changed_or_is_gone_is_said_in_its_place() {
    let (dir, _, store) = with_of(5000, 4000).await;
    let found = files(dir.path());
    let mut bytes = fs::read(&found[0]).unwrap();
    bytes[1000] ^= 1;
    fs::write(&found[0], bytes).unwrap();
    let rows = all(&store).await;
    let said = rows.iter().find(|row| row.stream == LEFT_OUT).unwrap();
    assert!(said.line.contains("cannot be read any more") && said.line.contains("changed"), "{}", said.line);
    assert!((4500..5000).contains(&rows.len()), "{}", rows.len());
    assert_eq!(store.tail(&run(), None, 1_000_000).await.unwrap(), 0);
    fs::File::options().write(true).open(&found[1]).unwrap().set_len(100).unwrap();
    assert!(all(&store).await.len() > 2500);
    fs::remove_file(&found[1]).unwrap();
    // It was never left out, so somebody else removed it.
    let rows = all(&store).await;
    assert!(rows.iter().filter(|row| row.stream == LEFT_OUT).count() > 10);
    assert_eq!(rows.last().unwrap().at.0, 4999);
}

/// Of the last file of an output, before more is written to it.
async fn goes_on_after(spoil: impl FnOnce(&Path)) -> (TempDir, Vec<LogRow>) {
    let (dir, _, store) = with(10_000).await;
    spoil(&files(dir.path()).pop().unwrap());
    write(&store, [told(10_000, 20_000)]).await.unwrap();
    assert_eq!(store.told(&run(), STEP).await.unwrap().next, 20_000);
    let rows = all(&store).await;
    let later = rows.iter().filter(|row| row.stream != LEFT_OUT && row.at.0 >= 10_000);
    assert_eq!(later.count(), 10_000);
    (dir, rows)
}

/// What is gone is said.
fn is_said((_, rows): &(TempDir, Vec<LogRow>)) -> bool {
    rows.iter().any(|row| row.stream == LEFT_OUT)
}

#[tokio::test]
async fn a_file_that_is_shorter_than_what_is_on_record_takes_no_more_and_the_next_one_does() {
    let shorter = |file: &Path| fs::File::options().write(true).open(file).unwrap().set_len(10).unwrap();
    let found = goes_on_after(shorter).await;
    assert!(is_said(&found));
    assert_eq!(files(found.0.path())[0].metadata().unwrap().len(), 10);
}

#[tokio::test]
async fn an_output_whose_files_were_taken_away_goes_on_in_new_ones() {
    assert!(is_said(&goes_on_after(|file| fs::remove_dir_all(file.parent().unwrap()).unwrap()).await));
    assert!(is_said(
        &goes_on_after(|file| fs::remove_dir_all(file.ancestors().nth(3).unwrap()).unwrap()).await
    ));
    let (dir, _) = goes_on_after(|file| {
        let elsewhere = file.with_file_name("elsewhere");
        fs::rename(file, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, file).unwrap();
    })
    .await;
    let elsewhere = dir.path().join("logs/a/0-1-run-0/elsewhere");
    assert!(elsewhere.metadata().unwrap().len() < 1_500_000, "nothing was written through the link");
}

#[tokio::test]
async fn lines_that_an_earlier_release_left_as_rows_are_read_and_go_on_in_files() {
    let (dir, path, store) = with(10).await;
    drop(store);
    {
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "DROP TABLE frame; DROP TABLE output; DROP TABLE claim; DROP TABLE spent; DROP TABLE project;
            DROP INDEX run_list; DROP INDEX run_open; DROP INDEX run_in_cluster;
            ALTER TABLE run DROP COLUMN project;
            CREATE INDEX run_list ON run (submitted); CREATE INDEX run_open ON run (submitted);
            CREATE INDEX run_in_cluster ON run (cluster); PRAGMA user_version = 3",
        )
        .unwrap();
        let insert = "INSERT INTO node_event (run, task, attempt, phase, rank, seq, at, stream, body)
                      VALUES ('a', 0, 1, 'run', 0, ?1, ?1, 'stdout', ?2)";
        for seq in 10..20_000 {
            db.prepare_cached(insert).unwrap().execute((seq, "x".repeat(60))).unwrap();
        }
    }
    let looked = Sqlite::look(&path).unwrap();
    assert_eq!(places(&all(&looked).await), (0..20_000).collect::<Vec<_>>());
    assert_eq!(looked.tail(&run(), None, 5).await.unwrap(), 19_995);
    assert_eq!(looked.told(&run(), STEP).await.unwrap().next, 20_000);
    let store = Sqlite::open(&path, Durability::PowerCut).unwrap();
    assert_eq!(places(&all(&store).await), (0..20_000).collect::<Vec<_>>());
    write(&store, [told(19_000, 20_100)]).await.unwrap();
    assert_eq!(files(dir.path()).len(), 1);
    assert_eq!(places(&all(&store).await), (0..20_100).collect::<Vec<_>>());
}
