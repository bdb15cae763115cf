//! Output of steps that write much: frames of lines in files, found by an index in the database.
//!
//! 1. Lines come as rows of `node_event`, as everything does that nodes tell.
//! 2. When those of a step would be [`FRAME_BYTES`] or more, they become a frame: their bytes go to a file of the step, and one
//!    row of `frame` says where they lie, which numbers they have and what their sum is.
//! 3. Whoever reads a page, or the last lines, finds the frame that holds its first line by that index, and reads no other.
//!
//! So a step that says little is a few rows, written with everything else of its transaction; and one that says a lot costs a
//! row for thousands of lines. *Guarantee:* a line is on record once or not at all, with the events it came with, whatever dies
//! when: rows and index are of one transaction, and bytes of a file that no row tells of do not count. What is read is held
//! against its sum; lines that do not stand the test are said to be damaged, in their place.
//!
//! *Rejected:* lines in the database alone, which writes each byte twice and keeps its size when they go; files alone, whose
//! index would have to be made to agree with the records after every death.

mod files;
mod frame;
mod page;

pub(crate) use files::Files;
pub(crate) use page::{Missing, page, tail};

use crate::text::{Result, failed, millis, signed};
use files::{SEGMENT_BYTES, Spot};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use frame::read;
pub(crate) use frame::{Frame, Line, Stream};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::path::PathBuf;
use welkin_provider::{Event, exact};
use welkin_records::{AttemptId, Extent, Gone, LEFT_OUT, Phase, RunId, StepKey, StoreError, line_of};

/// Lines of a step become a frame when they have so many bytes: a thousand lines and more for each row of the index, and as
/// much is read to see one of them, which takes less than a millisecond.
const FRAME_BYTES: u64 = 256 << 10;

/// What a line takes besides its text, as far as that matters here.
const LINE_BYTES: u64 = 16;

/// A step with frames.
#[derive(Debug)]
struct Output {
    id: i64,
    step: StepKey,
    end: Spot,
    /// Places of lines that were left out.
    gone: Option<(u64, u64)>,
}

const COLUMNS: &str = "id, task, attempt, phase, rank, segment, length, gone_from, gone_to";

fn output_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Output> {
    let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let gone = |column| row.get::<_, Option<i64>>(column).map(|seq| seq.map(i64::unsigned_abs));
    let phase: String = row.get(3)?;
    Ok(Output {
        id: row.get(0)?,
        step: StepKey {
            attempt: AttemptId {
                task: usize::try_from(number(1)?).unwrap_or(usize::MAX),
                number: u32::try_from(number(2)?).unwrap_or(u32::MAX),
            },
            phase: if phase == Phase::Prepare.name() { Phase::Prepare } else { Phase::Run },
            rank: u32::try_from(number(4)?).unwrap_or(u32::MAX),
        },
        end: Spot { segment: number(5)?, at: number(6)? },
        gone: gone(7)?.zip(gone(8)?),
    })
}

fn find(db: &Connection, run: &RunId, step: StepKey) -> Result<Option<Output>> {
    let StepKey { attempt, phase, rank } = step;
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM output WHERE run = ?1 AND task = ?2 AND attempt = ?3 AND phase = ?4 AND rank = ?5"
    ))
    .and_then(|mut statement| {
        let key = params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank];
        statement.query_row(key, output_of).optional()
    })
    .map_err(|source| failed("looking for the output of a step", source))
}

/// The steps of a run with frames, of one task or all.
fn all(db: &Connection, run: &RunId, task: Option<usize>) -> Result<Vec<Output>> {
    let sql = |source| failed("looking for the outputs of a run", source);
    let mut statement = db
        .prepare_cached(&format!("SELECT {COLUMNS} FROM output WHERE run = ?1 AND (?2 IS NULL OR task = ?2)"))
        .map_err(sql)?;
    let rows = statement.query_map(params![run.0, task.map(|task| signed(task as u64))], output_of);
    rows.map_err(sql)?.collect::<rusqlite::Result<_>>().map_err(sql)
}

/// The number of the event after the last line in a frame of a step.
pub(crate) fn next(db: &Connection, run: &RunId, step: StepKey) -> Result<u64> {
    let Some(output) = find(db, run, step)? else { return Ok(0) };
    db.prepare_cached("SELECT last_seq + 1 FROM frame WHERE output = ?1 ORDER BY last DESC LIMIT 1")
        .and_then(|mut statement| statement.query_row([output.id], |row| row.get::<_, i64>(0)).optional())
        .map(|next| next.unwrap_or_default().unsigned_abs())
        .map_err(|source| failed("looking for the last line of a step", source))
}

/// Makes frames of the lines of a step when there are enough of them: of those that are rows, and of those among `events`
/// that are new. Gives whether it did; then no line among `events` is left to be written.
pub(crate) fn frames(
    db: &Transaction<'_>,
    files: &Files,
    run: &RunId,
    step: StepKey,
    events: &[Event],
) -> Result<bool> {
    let lines = || events.iter().filter_map(|event| Some((event, line_of(&event.kind)?)));
    let new: u64 = lines().map(|(_, (_, text))| text.len() as u64 + LINE_BYTES).sum();
    if new == 0 {
        return Ok(false);
    }
    let key = (run.clone(), step);
    let known = files.waiting().get(&key).copied();
    let waiting = match known {
        Some(bytes) => bytes,
        None => in_rows(db, run, step)?,
    };
    if waiting + new < FRAME_BYTES {
        files.waiting().insert(key, waiting + new);
        return Ok(false);
    }
    let mut rows = take_rows(db, run, step)?;
    let seen = rows.last().map_or(0, |row| row.seq + 1).max(next(db, run, step)?);
    let first = numbers(db, lines().count() as u64)?;
    let new = lines().filter(|(event, _)| event.seq >= seen);
    rows.extend((first..).zip(new).map(|(id, (event, (stream, text)))| Line {
        id,
        seq: event.seq,
        at: event.at.0,
        stream: Stream::of(&stream).expect("every stream of an event is known"),
        bytes: exact::bytes(text).into_owned(),
    }));
    files.waiting().insert(key, 0);
    write(db, files, run, step, &rows)?;
    Ok(true)
}

/// Forgets what was known of rows: the transaction that they were of was not made, or the step is over.
pub(crate) fn forget_waiting(files: &Files, run: &RunId, step: StepKey) {
    files.waiting().remove(&(run.clone(), step));
}

/// Bytes of the lines of a step that are rows.
fn in_rows(db: &Connection, run: &RunId, step: StepKey) -> Result<u64> {
    let StepKey { attempt, phase, rank } = step;
    let task = signed(attempt.task as u64);
    db.prepare_cached(
        "SELECT coalesce(sum(length(CAST(body AS BLOB)) + ?6), 0) FROM node_event WHERE run = ?1 AND task = ?2
         AND attempt = ?3 AND phase = ?4 AND rank = ?5 AND stream IS NOT NULL AND stream != ?7",
    )
    .and_then(|mut statement| {
        let key = params![run.0, task, attempt.number, phase.name(), rank, signed(LINE_BYTES), LEFT_OUT];
        statement.query_row(key, |row| row.get::<_, i64>(0))
    })
    .map(i64::unsigned_abs)
    .map_err(|source| failed("measuring the log of a step", source))
}

/// Takes the lines of a step out of their rows.
fn take_rows(db: &Transaction<'_>, run: &RunId, step: StepKey) -> Result<Vec<Line>> {
    let sql = |source| failed("reading the log of a step", source);
    let StepKey { attempt, phase, rank } = step;
    let of_step = "run = ?1 AND task = ?2 AND attempt = ?3 AND phase = ?4 AND rank = ?5
                   AND stream IS NOT NULL AND stream != ?6";
    let key = params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank, LEFT_OUT];
    let mut statement = db
        .prepare_cached(&format!(
            "SELECT id, seq, at, stream, body FROM node_event WHERE {of_step} ORDER BY seq"
        ))
        .map_err(sql)?;
    let line = |row: &rusqlite::Row<'_>| {
        let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        // A stream that is not known is one of a later version, which this one does not open.
        let stream = Stream::of(&row.get::<_, String>(3)?).ok_or(rusqlite::Error::InvalidQuery)?;
        let bytes = exact::bytes(&row.get::<_, String>(4)?).into_owned();
        Ok(Line { id: number(0)?, seq: number(1)?, at: number(2)?, stream, bytes })
    };
    let rows = statement.query_map(key, line).map_err(sql)?;
    let mut lines: Vec<Line> = rows.collect::<rusqlite::Result<_>>().map_err(sql)?;
    db.prepare_cached(&format!("DELETE FROM node_event WHERE {of_step}"))
        .and_then(|mut delete| delete.execute(key))
        .map_err(sql)?;
    // An earlier release may have left out of order what its clock had out of order; numbers count.
    lines.sort_by_key(|line| line.seq);
    Ok(lines)
}

/// Numbers for lines that are no rows: those of rows go on after them.
fn numbers(db: &Transaction<'_>, count: u64) -> Result<u64> {
    let sql = |source| failed("numbering lines", source);
    let last = db
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'node_event'")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)).optional())
        .map_err(sql)?;
    let statement = match last {
        Some(_) => "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'node_event'",
        None => "INSERT INTO sqlite_sequence (name, seq) VALUES ('node_event', ?1)",
    };
    let last = last.unwrap_or_default().unsigned_abs();
    db.prepare_cached(statement)
        .and_then(|mut statement| statement.execute([signed(last + count)]))
        .map_err(sql)?;
    Ok(last + 1)
}

fn write(db: &Transaction<'_>, files: &Files, run: &RunId, step: StepKey, lines: &[Line]) -> Result<()> {
    let sql = |source| failed("writing the index of an output", source);
    let mut output = match find(db, run, step)? {
        Some(output) => output,
        None => make(db, run, step)?,
    };
    let mut lines = lines.iter().peekable();
    while lines.peek().is_some() {
        let mut frame = Frame::default();
        while let Some(line) = lines.next_if(|_| (frame.written.len() as u64) < FRAME_BYTES) {
            frame.push(line);
        }
        // What somebody took away is damaged when it is read; it is no reason to keep nothing more.
        while output.end.at >= SEGMENT_BYTES || !files.takes(run, step, output.end) {
            output.end = Spot { segment: output.end.segment + 1, at: 0 };
        }
        files.write(run, step, output.end, &frame.written)?;
        let length = frame.written.len() as u64;
        db.prepare_cached(
            "INSERT INTO frame (output, last, first, first_seq, last_seq, lines, bytes, segment, at, length, sum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )
        .and_then(|mut insert| {
            insert.execute(params![
                output.id,
                signed(frame.ids.1),
                signed(frame.ids.0),
                signed(frame.seqs.0),
                signed(frame.seqs.1),
                signed(frame.lines),
                signed(frame.bytes),
                signed(output.end.segment),
                signed(output.end.at),
                signed(length),
                Frame::sum(&frame.written),
            ])
        })
        .map_err(sql)?;
        output.end.at += length;
    }
    db.prepare_cached("UPDATE output SET segment = ?2, length = ?3 WHERE id = ?1")
        .and_then(|mut update| {
            update.execute(params![output.id, signed(output.end.segment), signed(output.end.at)])
        })
        .map(drop)
        .map_err(sql)
}

fn make(db: &Transaction<'_>, run: &RunId, step: StepKey) -> Result<Output> {
    let StepKey { attempt, phase, rank } = step;
    db.prepare_cached(
        "INSERT INTO output (run, task, attempt, phase, rank, segment, length) VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)",
    )
    .and_then(|mut insert| {
        insert.execute(params![run.0, signed(attempt.task as u64), attempt.number, phase.name(), rank])
    })
    .map_err(|source| failed("beginning the index of an output", source))?;
    Ok(Output { id: db.last_insert_rowid(), step, end: Spot { segment: 0, at: 0 }, gone: None })
}

/// What is kept in frames of a step, in order.
pub(crate) fn extents(db: &Connection, run: &RunId, step: StepKey) -> Result<Vec<Extent>> {
    let sql = |source| failed("measuring the output of a step", source);
    let Some(output) = find(db, run, step)? else { return Ok(Vec::new()) };
    let mut statement = db
        .prepare_cached("SELECT first_seq, last_seq, lines, bytes FROM frame WHERE output = ?1 ORDER BY last")
        .map_err(sql)?;
    let extent = |row: &rusqlite::Row<'_>| {
        let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
        Ok(Extent { first: number(0)?, last: number(1)?, lines: number(2)?, bytes: number(3)? })
    };
    let rows = statement.query_map([output.id], extent).map_err(sql)?;
    let mut extents: Vec<Extent> = rows.collect::<rusqlite::Result<_>>().map_err(sql)?;
    if let Some(gone) = output.gone {
        extents = extents.into_iter().flat_map(|extent| left_of(extent, gone)).collect();
    }
    Ok(extents)
}

/// What is left of an extent before and behind places that are gone.
fn left_of(extent: Extent, (from, to): (u64, u64)) -> impl Iterator<Item = Extent> {
    let part = move |first: u64, last: u64| {
        let lines = (last.checked_sub(first)? + 1).min(extent.lines);
        let bytes = extent.bytes * lines / extent.lines.max(1);
        Some(Extent { first, last, lines, bytes })
    };
    let before = part(extent.first, extent.last.min(from.saturating_sub(1)));
    let behind = part(extent.first.max(to.saturating_add(1)), extent.last);
    before.into_iter().chain(behind)
}

/// Takes lines out of frames, from `gone.from` to `gone.to`, and makes a row of the first that was ever left out, which says so.
/// Frames that hold nothing else go; files that hold no frame are added to `doomed`.
pub(crate) fn leave_out(
    db: &Transaction<'_>,
    files: &Files,
    run: &RunId,
    step: StepKey,
    gone: &Gone,
    doomed: &mut Vec<PathBuf>,
) -> Result<()> {
    let sql = |source| failed("shortening the output of a step", source);
    let Some(output) = find(db, run, step)? else { return Ok(()) };
    if output.gone.is_none() {
        page::make_row(db, files, run, &output, gone.mark)?;
    }
    let numbers = params![output.id, signed(gone.mark), signed(gone.to)];
    db.prepare_cached("UPDATE output SET gone_from = ?2, gone_to = ?3 WHERE id = ?1")
        .and_then(|mut update| update.execute(numbers))
        .map_err(sql)?;
    let of_them = "WHERE output = ?1 AND first_seq >= ?2 AND last_seq <= ?3";
    let mut statement =
        db.prepare_cached(&format!("SELECT DISTINCT segment FROM frame {of_them}")).map_err(sql)?;
    let segments = statement.query_map(numbers, |row| row.get::<_, i64>(0)).map_err(sql)?;
    let segments: Vec<i64> = segments.collect::<rusqlite::Result<_>>().map_err(sql)?;
    db.prepare_cached(&format!("DELETE FROM frame {of_them}"))
        .and_then(|mut delete| delete.execute(numbers))
        .map_err(sql)?;
    for segment in segments {
        let left: i64 = db
            .prepare_cached("SELECT count(*) FROM frame WHERE output = ?1 AND segment = ?2")
            .and_then(|mut count| count.query_row(params![output.id, segment], |row| row.get(0)))
            .map_err(sql)?;
        if left == 0 && segment.unsigned_abs() != output.end.segment {
            doomed.push(files.segment(run, step, segment.unsigned_abs()));
        }
    }
    Ok(())
}

/// Bytes in the lines of a run's frames.
pub(crate) fn bytes(db: &Connection, run: &RunId) -> Result<u64> {
    let query = "SELECT coalesce(sum(frame.bytes), 0) FROM output, frame
                 WHERE output.run = ?1 AND frame.output = output.id";
    db.query_row(query, [&run.0], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
        .map_err(|source| failed("measuring the outputs of a run", source))
}

/// Bytes of all files that are on record.
pub(crate) fn size(db: &Connection) -> Result<u64> {
    db.query_row("SELECT coalesce(sum(length), 0) FROM frame", [], |row| row.get::<_, i64>(0))
        .map(i64::unsigned_abs)
        .map_err(|source| failed("measuring outputs", source))
}

/// Takes frames of a run out, as many as have about so many lines; gives how many lines went. Their files go with the run.
pub(crate) fn forget(db: &Transaction<'_>, run: &RunId, most: u32) -> Result<u64> {
    let sql = |source| failed("deleting the outputs of a run", source);
    let mut went = 0;
    for output in all(db, run, None)? {
        let frames = (u64::from(most).saturating_sub(went) / 1000).max(1);
        let mut statement = db
            .prepare_cached("SELECT last, lines FROM frame WHERE output = ?1 ORDER BY last LIMIT ?2")
            .map_err(sql)?;
        let rows = statement
            .query_map(params![output.id, signed(frames)], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
            .map_err(sql)?;
        let frames: Vec<(i64, i64)> = rows.collect::<rusqlite::Result<_>>().map_err(sql)?;
        for (last, lines) in frames {
            db.prepare_cached("DELETE FROM frame WHERE output = ?1 AND last = ?2")
                .and_then(|mut delete| delete.execute(params![output.id, last]))
                .map_err(sql)?;
            went += lines.unsigned_abs();
        }
        if went >= u64::from(most) {
            break;
        }
    }
    Ok(went)
}

/// Takes the index of a run out; its files are of nobody then.
pub(crate) fn forget_run(db: &Transaction<'_>, run: &RunId) -> Result<()> {
    let frames = "DELETE FROM frame WHERE output IN (SELECT id FROM output WHERE run = ?1)";
    [frames, "DELETE FROM output WHERE run = ?1"]
        .into_iter()
        .try_for_each(|sql| db.execute(sql, [&run.0]).map(drop))
        .map_err(|source| failed("deleting the outputs of a run", source))
}

/// Removes the files of runs that are not on record.
pub(crate) fn sweep(db: &Connection, files: &Files) {
    let there = |run: &RunId| {
        let found = db.query_row("SELECT 1 FROM run WHERE id = ?1", [&run.0], |_| Ok(())).optional();
        // What cannot be looked for is not removed.
        found.map_or(true, |found| found.is_some())
    };
    files.sweep(there);
}

/// A row of `node_event` for a line that says something in place of others.
fn row(db: &Transaction<'_>, run: &RunId, step: StepKey, line: &Line) -> Result<()> {
    let StepKey { attempt, phase, rank } = step;
    db.prepare_cached(
        "INSERT OR IGNORE INTO node_event (id, run, task, attempt, phase, rank, seq, at, stream, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, '')",
    )
    .and_then(|mut insert| {
        insert.execute(params![
            signed(line.id),
            run.0,
            signed(attempt.task as u64),
            attempt.number,
            phase.name(),
            rank,
            signed(line.seq),
            millis(welkin_provider::UnixMillis(line.at)),
            LEFT_OUT,
        ])
    })
    .map(drop)
    .map_err(|source| failed("shortening the output of a step", source))
}

/// That a frame is not what was written.
fn damaged(path: PathBuf, why: impl Into<String>) -> StoreError {
    StoreError::Io { what: "reading", path, source: std::io::Error::other(why.into()) }
}
