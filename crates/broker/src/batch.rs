//! Writes that wait for one commit.

use crate::error::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior, ffi};
use tokio::sync::oneshot;

/// A write that somebody waits for.
pub(crate) trait Write: Send {
    /// Writes. What fails leaves nothing of itself behind; the error is for whoever asked.
    ///
    /// # Errors
    /// When the transaction as a whole cannot go on.
    fn apply(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()>;

    /// Says how it went, given how the commit of all of them did.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Asked<F, T> {
    body: Option<F>,
    done: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

/// A write, and where its answer comes.
pub(crate) fn write<T, F>(body: F) -> (Box<dyn Write>, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
{
    let (answer, answered) = oneshot::channel();
    (Box::new(Asked { body: Some(body), done: None, answer }), answered)
}

impl<F, T> Write for Asked<F, T>
where
    T: Send,
    F: FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send,
{
    fn apply(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        let Some(body) = self.body.take() else { return Ok(()) };
        run(transaction, "SAVEPOINT one")?;
        let done = body(transaction);
        if done.is_err() {
            run(transaction, "ROLLBACK TO one")?;
        }
        self.done = Some(done);
        run(transaction, "RELEASE one")
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let done = match (self.done, committed) {
            // Its own failure says more than that of the others.
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(done)), Ok(())) => Ok(done),
            (None, Ok(())) => return,
        };
        // Whoever asked may have gone; what was written stays.
        let _ = self.answer.send(done);
    }
}

fn run(transaction: &Transaction<'_>, sql: &str) -> rusqlite::Result<()> {
    transaction.prepare_cached(sql)?.execute([]).map(drop)
}

/// Says how one write went.
pub(crate) type Answer = Box<dyn FnOnce()>;

/// Commits writes in one transaction, in their order. The answers are to be given afterwards.
pub(crate) fn commit(db: &mut Connection, mut writes: Vec<Box<dyn Write>>) -> Vec<Answer> {
    let committed = apply(db, &mut writes);
    let answer = |write: Box<dyn Write>| {
        let committed =
            committed.as_ref().copied().map_err(|(what, error)| StoreError::sql(what, again(error)));
        Box::new(move || write.answer(committed)) as Answer
    };
    writes.into_iter().map(answer).collect()
}

fn apply(db: &mut Connection, writes: &mut [Box<dyn Write>]) -> Result<(), (&'static str, rusqlite::Error)> {
    let begun = db.transaction_with_behavior(TransactionBehavior::Immediate);
    let transaction = begun.map_err(|error| ("beginning a write", error))?;
    for write in writes {
        write.apply(&transaction).map_err(|error| ("writing", error))?;
    }
    transaction.commit().map_err(|error| ("committing a write", error))
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

    #[test]
    fn a_write_that_fails_does_not_touch_its_neighbours() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY)").unwrap();
        let insert = |numbers: &'static [i64]| {
            write(move |transaction| {
                for number in numbers {
                    let sql = |source| StoreError::sql("inserting", source);
                    transaction.execute("INSERT INTO t VALUES (?1)", [number]).map_err(sql)?;
                }
                Ok(numbers.len())
            })
        };
        let (writes, answers): (Vec<_>, Vec<_>) =
            [insert(&[1, 2]), insert(&[3, 1]), insert(&[4])].into_iter().unzip();
        commit(&mut db, writes).into_iter().for_each(|answer| answer());
        let answers: Vec<_> = answers.into_iter().map(|mut answer| answer.try_recv().unwrap().ok()).collect();
        assert_eq!(answers, [Some(2), None, Some(1)]);
        let sum: i64 = db.query_row("SELECT sum(n) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(sum, 7);
    }

    #[test]
    fn a_commit_that_fails_is_told_to_everybody() {
        let mut db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "PRAGMA foreign_keys = ON; CREATE TABLE a (n INTEGER PRIMARY KEY);
            CREATE TABLE b (n INTEGER REFERENCES a (n) DEFERRABLE INITIALLY DEFERRED)",
        )
        .unwrap();
        let insert = |sql: &'static str| {
            write(move |transaction| {
                transaction.execute(sql, []).map_err(|source| StoreError::sql("inserting", source))
            })
        };
        let (writes, answers): (Vec<_>, Vec<_>) =
            [insert("INSERT INTO a VALUES (1)"), insert("INSERT INTO b VALUES (2)")].into_iter().unzip();
        commit(&mut db, writes).into_iter().for_each(|answer| answer());
        assert!(answers.into_iter().all(|mut answer| answer.try_recv().unwrap().is_err()));
        let rows: i64 = db.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0);
    }
}
