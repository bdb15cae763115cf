//! Reading lines, those that are rows and those in frames, in the order of their numbers.
//!
//! Numbers of a step grow from frame to frame, and frames of several steps lie between one another. So of each step the next
//! frame is at hand, and of these the one that begins first is read, until what has been read is enough and lies before
//! whatever has not. Backwards it is the one that ends last.

use super::frame::{self, Frame, Line};
use super::{Files, Output, Spot, all, damaged, row};
use crate::text::{Result, failed, signed};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::io;
use welkin_provider::{UnixMillis, exact};
use welkin_records::{LEFT_OUT, LogRow, RunId, StoreError, cut_page};

/// Where a frame lies, and what it holds.
#[derive(Debug, Clone, Copy)]
struct Entry {
    first: u64,
    last: u64,
    lines: u64,
    spot: Spot,
    length: u64,
    sum: i64,
}

const COLUMNS: &str = "first, last, lines, segment, at, length, sum";

fn entry_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    let number = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    Ok(Entry {
        first: number(0)?,
        last: number(1)?,
        lines: number(2)?,
        spot: Spot { segment: number(3)?, at: number(4)? },
        length: number(5)?,
        sum: row.get(6)?,
    })
}

/// One frame of a step: the first that ends after a line, or the last that ends before it.
fn entry(db: &Connection, output: &Output, line: u64, forwards: bool) -> Result<Option<Entry>> {
    let (such, order) = if forwards { (">", "ASC") } else { ("<", "DESC") };
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM frame WHERE output = ?1 AND last {such} ?2 ORDER BY last {order} LIMIT 1"
    ))
    .and_then(|mut statement| statement.query_row(params![output.id, signed(line)], entry_of).optional())
    .map_err(|source| failed("looking for lines", source))
}

/// What becomes of a file that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Looking fails: it may have been removed since the index was looked at.
    Fails,
    /// That is said in place of its lines.
    IsSaid,
}

/// What is read of some lines.
struct Reading<'a> {
    files: &'a Files,
    run: &'a RunId,
    missing: Missing,
}

impl Reading<'_> {
    /// Lines of a frame after a number, at most so many.
    fn lines(&self, output: &Output, entry: &Entry, after: u64, most: usize) -> Result<Vec<Line>> {
        let path = || self.files.segment(self.run, output.step, entry.spot.segment);
        let written = self
            .files
            .read(self.run, output.step, entry.spot, entry.length)
            .map_err(|source| StoreError::Io { what: "reading", path: path(), source })?;
        if Frame::sum(&written) != entry.sum {
            return Err(damaged(path(), "it was changed since it was written"));
        }
        let (from, to) = output.gone.unwrap_or((u64::MAX, 0));
        let wanted = |id: u64, seq: u64| id > after && !(from..=to).contains(&seq);
        let lines = frame::read(&written, most, wanted);
        lines.map(Vec::from).ok_or_else(|| damaged(path(), "it is of another version"))
    }

    /// The same as rows of a log. What cannot be read any more is said in their place.
    fn rows(&self, output: &Output, entry: &Entry, after: u64, most: usize) -> Result<Vec<LogRow>> {
        let step = output.step;
        let row = |id, at, stream: &str, line| LogRow {
            id,
            attempt: step.attempt,
            phase: step.phase.name().to_owned(),
            rank: step.rank,
            at: UnixMillis(at),
            stream: stream.to_owned(),
            line,
        };
        match self.lines(output, entry, after, most) {
            Ok(lines) => {
                let of = |line: Line| row(line.id, line.at, line.stream.name(), exact::text(&line.bytes));
                Ok(lines.into_iter().map(of).collect())
            }
            Err(StoreError::Io { source, what, path })
                if source.kind() == io::ErrorKind::NotFound && self.missing == Missing::Fails =>
            {
                Err(StoreError::Io { source, what, path })
            }
            Err(error) => {
                let words = format!("{} lines cannot be read any more: {}", entry.lines, error.chain());
                Ok(vec![row(entry.last, 0, LEFT_OUT, words)])
            }
        }
    }
}

/// Lines of a run, of one task or all, after row `after`, at most `limit`.
pub(crate) fn page(
    db: &Connection,
    (files, missing): (&Files, Missing),
    run: &RunId,
    task: Option<usize>,
    (after, limit): (u64, u32),
    mut found: Vec<LogRow>,
) -> Result<Vec<LogRow>> {
    let (reading, most) = (Reading { files, run, missing }, usize::try_from(limit).unwrap_or(usize::MAX));
    let mut heads = Vec::new();
    for output in all(db, run, task)? {
        if let Some(entry) = entry(db, &output, after, true)? {
            heads.push((output, entry));
        }
    }
    while let Some(next) = (0..heads.len()).min_by_key(|at| heads[*at].1.first) {
        let (output, head) = &mut heads[next];
        if most == 0 || found.get(most - 1).is_some_and(|row| row.id < head.first) {
            break;
        }
        found.extend(reading.rows(output, head, after, most)?);
        found.sort_by_key(|row| row.id);
        found.truncate(most);
        match entry(db, output, head.last, true)? {
            Some(entry) => *head = entry,
            None => drop(heads.swap_remove(next)),
        }
    }
    cut_page(&mut found);
    Ok(found)
}

/// The row after which the last `lines` lines begin; `ids` are those of the last lines that are rows, the latest first.
pub(crate) fn tail(
    db: &Connection,
    files: &Files,
    run: &RunId,
    task: Option<usize>,
    lines: u32,
    mut ids: Vec<u64>,
) -> Result<u64> {
    let missing = Missing::IsSaid;
    let (reading, lines) = (Reading { files, run, missing }, usize::try_from(lines).unwrap_or(usize::MAX));
    let mut heads = Vec::new();
    for output in all(db, run, task)? {
        if let Some(entry) = entry(db, &output, i64::MAX.unsigned_abs(), false)? {
            heads.push((output, entry));
        }
    }
    while let Some(next) = (0..heads.len()).max_by_key(|at| heads[*at].1.last) {
        let (output, head) = &mut heads[next];
        if ids.get(lines).is_some_and(|id| *id > head.last) {
            break;
        }
        match reading.lines(output, head, 0, usize::MAX) {
            Ok(lines) => ids.extend(lines.iter().map(|line| line.id)),
            // It is one row that says so.
            Err(_) => ids.push(head.last),
        }
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.truncate(lines.saturating_add(1));
        match entry(db, output, head.last, false)? {
            Some(entry) => *head = entry,
            None => drop(heads.swap_remove(next)),
        }
    }
    Ok(ids.get(lines).copied().unwrap_or(0))
}

/// Makes a row of a line that is in a frame, which says that it and others are gone.
pub(super) fn make_row(
    db: &Transaction<'_>,
    files: &Files,
    run: &RunId,
    output: &Output,
    seq: u64,
) -> Result<()> {
    let found = db
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM frame WHERE output = ?1 AND first_seq <= ?2 AND last_seq >= ?2 LIMIT 1"
        ))
        .and_then(|mut statement| statement.query_row(params![output.id, signed(seq)], entry_of).optional())
        .map_err(|source| failed("looking for a line", source))?;
    let Some(entry) = found else { return Ok(()) };
    let lines = Reading { files, run, missing: Missing::IsSaid }.lines(output, &entry, 0, usize::MAX);
    // Of a frame that is damaged the first number is as good as any in it.
    let line = lines.ok().and_then(|lines| lines.into_iter().find(|line| line.seq == seq));
    match line {
        Some(line) => row(db, run, output.step, &line),
        None => {
            let stream = frame::Stream::of("agent").expect("it is known");
            row(db, run, output.step, &Line { id: entry.first, seq, at: 0, stream, bytes: Vec::new() })
        }
    }
}
