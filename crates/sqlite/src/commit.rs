//! Writes that are committed together.
//!
//! Each has a savepoint of its own, so that one that fails leaves nothing of itself and its neighbours stay. A
//! write that is alone needs none.

use crate::output::{self, Files};
use crate::text::{Result, failed};
use crate::{history, ledger, meta, projects, requests, runs, sums, told};
use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};
use std::path::PathBuf;
use welkin_records::{Change, StoreError, Write, Written};

/// Commits writes in one transaction, in their order; one answer each.
pub(crate) fn all(db: &mut Connection, files: &Files, writes: &[Write]) -> Vec<Result<Written>> {
    let mut done = Vec::with_capacity(writes.len());
    let mut doomed = Vec::new();
    let applied = apply(db, files, writes, &mut done, &mut doomed);
    if applied.is_err() || done.iter().any(Result::is_err) {
        // What was counted may not be there.
        files.waiting().clear();
    }
    let Err((what, error)) = applied else {
        // Nothing on record leads to them any more.
        Files::remove(&doomed);
        return done;
    };
    let undone = |answer: Option<Result<Written>>| match answer {
        // Its own failure says more than that of the others.
        Some(Err(own)) => Err(own),
        _ => Err(failed(what, again(&error))),
    };
    let mut done = done.into_iter();
    writes.iter().map(|_| undone(done.next())).collect()
}

fn apply(
    db: &mut Connection,
    files: &Files,
    writes: &[Write],
    done: &mut Vec<Result<Written>>,
    doomed: &mut Vec<PathBuf>,
) -> std::result::Result<(), (&'static str, rusqlite::Error)> {
    let begun = db.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = begun.map_err(|error| ("beginning a write", error))?;
    match writes {
        [alone] => {
            let answer = one(&transaction, files, alone, doomed);
            let failed = answer.is_err();
            done.push(answer);
            if failed {
                // It is undone, and what it would have removed is on record still.
                doomed.clear();
                return Ok(());
            }
        }
        many => {
            for write in many {
                let answer = apart(&transaction, files, write, doomed).map_err(|error| ("writing", error))?;
                done.push(answer);
            }
        }
    }
    transaction.commit().map_err(|error| ("committing a write", error))
}

/// One write of many.
fn apart(
    transaction: &Transaction<'_>,
    files: &Files,
    write: &Write,
    doomed: &mut Vec<PathBuf>,
) -> rusqlite::Result<Result<Written>> {
    run(transaction, "SAVEPOINT one")?;
    let before = doomed.len();
    let answer = one(transaction, files, write, doomed);
    if answer.is_err() {
        doomed.truncate(before);
        files.waiting().clear();
        run(transaction, "ROLLBACK TO one")?;
    }
    run(transaction, "RELEASE one")?;
    Ok(answer)
}

fn run(transaction: &Transaction<'_>, sql: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached(sql)?.execute([]).map(drop)
}

fn one(
    transaction: &Transaction<'_>,
    files: &Files,
    write: &Write,
    doomed: &mut Vec<PathBuf>,
) -> Result<Written> {
    let mut written = Written::default();
    write.0.iter().try_for_each(|change| make(transaction, files, change, &mut written, doomed))?;
    Ok(written)
}

fn make(
    db: &Transaction<'_>,
    files: &Files,
    change: &Change,
    written: &mut Written,
    doomed: &mut Vec<PathBuf>,
) -> Result<()> {
    match change {
        Change::Held { run, .. } => Err(StoreError::NotHeld { run: run.clone() }),
        Change::Identity { key, value } => meta::set(db, key, value),
        Change::Submitted { row, client_token, providers } => {
            runs::insert(db, row, client_token.as_deref())?;
            sums::remember_providers(db, providers)
        }
        Change::Project { was, project } => projects::set(db, *was, project),
        Change::Claimed { run, at, lease, claim, judged } => {
            projects::claim(db, run, lease.as_deref(), claim.as_ref(), judged.then_some(*at))
        }
        Change::Recorded { run, at, record } => {
            written.records.push(history::append(db, run, *at, record)?);
            Ok(())
        }
        Change::State { run, state } => {
            runs::set_state(db, run, *state)?;
            if state.is_over() { projects::release(db, run) } else { Ok(()) }
        }
        Change::Told { run, step, events, gone } => {
            told::append_events(db, files, run, *step, events)?;
            gone.iter().try_for_each(|gone| told::leave_out(db, files, run, *step, gone, doomed))
        }
        Change::Booked { at, entry } => ledger::append_entry(db, *at, entry),
        Change::CancelRequested { run, at } => requests::cancel(db, run, *at),
        Change::LinesForgotten { run, most } => {
            written.lines += told::forget_lines(db, run, *most)?;
            Ok(())
        }
        Change::Forgotten { run } => {
            output::forget_run(db, run)?;
            runs::forget(db, run)?;
            doomed.push(files.of_run(run));
            Ok(())
        }
    }
}

/// The same error once more: each who waits is told.
fn again(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => rusqlite::Error::SqliteFailure(*code, text.clone()),
        other => rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_ERROR), Some(other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;
    use welkin_records::{Fence, RunId};

    #[test]
    fn a_commit_that_fails_is_told_to_everybody_and_leaves_nothing() {
        let mut db = Connection::open_in_memory().unwrap();
        schema::migrate(&mut db).unwrap();
        // What SQLite finds out only when it commits.
        db.execute_batch(
            "PRAGMA foreign_keys = ON; CREATE TABLE never (n INTEGER PRIMARY KEY);
            CREATE TABLE late (n INTEGER REFERENCES never (n) DEFERRABLE INITIALLY DEFERRED);
            CREATE TRIGGER fails AFTER INSERT ON meta WHEN NEW.key = 'b' BEGIN INSERT INTO late VALUES (1); END",
        )
        .unwrap();
        let files = Files::beside(std::path::Path::new("/nowhere/db"), false);
        let write = |key| Write::from(Change::Identity { key, value: "x".to_owned() });
        assert!(all(&mut db, &files, &[write("a"), write("b")]).into_iter().all(|answer| answer.is_err()));
        assert_eq!(meta::get(&db, "a").unwrap(), None);
        assert!(all(&mut db, &files, &[write("a")]).into_iter().all(|answer| answer.is_ok()));
    }

    #[test]
    fn a_write_that_fails_removes_no_files() {
        let mut db = Connection::open_in_memory().unwrap();
        schema::migrate(&mut db).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let files = Files::beside(&dir.path().join("db"), false);
        let run = RunId("r".to_owned());
        std::fs::create_dir_all(files.of_run(&run)).unwrap();
        let forgotten = Change::Forgotten { run: run.clone() };
        let refused = Change::Held { run: run.clone(), fence: Fence(1) };
        let both = Write(vec![forgotten.clone(), refused]);
        for writes in [vec![both.clone()], vec![both.clone(), both]] {
            assert!(all(&mut db, &files, &writes).into_iter().all(|answer| answer.is_err()));
            assert!(files.of_run(&run).exists(), "{} at once", writes.len());
        }
        assert!(all(&mut db, &files, &[Write(vec![forgotten])]).into_iter().all(|answer| answer.is_ok()));
        assert!(!files.of_run(&run).exists());
    }
}
