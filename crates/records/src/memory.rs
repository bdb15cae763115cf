//! Records in memory: what a store promises, in the fewest words, for tests.

use crate::error::StoreError;
use crate::id::RunId;
use crate::output::{LEFT_OUT, cut_page, left_out_words, line_of};
use crate::port::Records;
use crate::projects::{Claim, ClaimRow, DEFAULT_PROJECT, Project, Use, spent_by};
use crate::rows::{
    ClusterRole, Extent, Gone, Lines, LogRow, Moved, Numbered, Open, RunLine, RunRow, Since, StepKey, Told,
    Which,
};
use crate::state::RunState;
use crate::write::{Change, Write, Written};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use welkin_ledger::{Entry, EntryKind, Usage, month_of};
use welkin_provider::{Event, EventKind, Location, ProviderId, UnixMillis};
use welkin_units::{Bytes, Usd};

type Result<T> = std::result::Result<T, StoreError>;

/// Records that end with the process.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Debug, Default, Clone)]
struct Kept {
    identity: BTreeMap<String, String>,
    runs: Vec<(RunRow, Option<String>)>,
    forgotten: BTreeSet<RunId>,
    records: Vec<(RunId, Numbered)>,
    told: BTreeMap<(RunId, StepKey), BTreeMap<u64, Row>>,
    ledger: Vec<Entry>,
    moved: BTreeMap<(i32, Location, Location), Bytes>,
    providers: BTreeSet<ProviderId>,
    cancels: BTreeSet<RunId>,
    projects: BTreeMap<String, Project>,
    claims: Vec<ClaimRow>,
    spent: BTreeMap<(String, i32), Usd>,
    /// The number that was given last.
    last: u64,
    /// What that was when a run was forgotten.
    horizon: u64,
}

/// An event, with the stream of its line if it is one.
#[derive(Debug, Clone)]
struct Row {
    id: u64,
    at: UnixMillis,
    stream: Option<String>,
    text: String,
    kind: EventKind,
}

impl Memory {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn write(&mut self, write: &Write) -> Result<Written> {
        // On a copy: what fails leaves nothing of itself.
        let mut next = self.clone();
        let mut written = Written::default();
        write.0.iter().try_for_each(|change| next.make(change, &mut written))?;
        *self = next;
        Ok(written)
    }

    fn make(&mut self, change: &Change, written: &mut Written) -> Result<()> {
        match change {
            Change::Held { run, .. } => return Err(StoreError::NotHeld { run: run.clone() }),
            Change::Identity { key, value } => {
                self.identity.entry((*key).to_owned()).or_insert_with(|| value.clone());
            }
            Change::Submitted { row, client_token, providers } => {
                if !self.is_free(&row.id) {
                    return Err(StoreError::Taken { run: row.id.clone() });
                }
                self.check_cluster(row)?;
                self.runs.push(((**row).clone(), client_token.clone()));
                self.providers.extend(providers.iter().cloned());
            }
            Change::Project { was, project } => {
                let name = &project.name;
                if self.projects.get(name).map_or(0, |project| project.version) != *was {
                    return Err(StoreError::ProjectChanged { name: name.clone() });
                }
                if project.removed && !self.used(name).claims.is_empty() {
                    return Err(StoreError::ProjectInUse { name: name.clone() });
                }
                self.projects.insert(name.clone(), (**project).clone());
            }
            Change::Claimed { run, at, lease, claim, judged } => {
                self.claim(run, *at, lease.as_deref(), claim.as_ref(), *judged)?;
            }
            Change::Recorded { run, at, record } => {
                let number = self.number();
                self.records.push((run.clone(), (number, *at, record.clone())));
                written.records.push(number);
            }
            Change::State { run, state } => self.set_state(run, *state),
            Change::Told { run, step, events, gone } => self.tell(run, *step, events, gone.as_ref()),
            Change::Booked { at, entry } => self.book(*at, entry),
            Change::CancelRequested { run, .. } => {
                self.cancels.insert(run.clone());
            }
            Change::LinesForgotten { run, most } => written.lines += self.forget_lines(run, *most),
            Change::Forgotten { run } => {
                self.runs.retain(|(row, _)| row.id != *run);
                self.records.retain(|(of, _)| of != run);
                self.told.retain(|(of, _), _| of != run);
                self.ledger.retain(|entry| entry.run != run.0);
                self.cancels.remove(run);
                self.claims.retain(|row| row.run != *run);
                self.forgotten.insert(run.clone());
                self.horizon = self.last;
            }
        }
        Ok(())
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn is_free(&self, run: &RunId) -> bool {
        !self.forgotten.contains(run) && self.row(run).is_none()
    }

    fn check_cluster(&self, row: &RunRow) -> Result<()> {
        match &row.cluster {
            None => Ok(()),
            Some(role @ ClusterRole::Holds(name)) => {
                let mut open = self.runs.iter().filter(|(other, _)| is_open(other));
                let taken = open.find(|(other, _)| other.cluster.as_ref() == Some(role));
                taken.map_or(Ok(()), |(other, _)| {
                    Err(StoreError::ClusterTaken { name: name.clone(), run: other.id.clone() })
                })
            }
            Some(ClusterRole::On(run)) => match self.row(run) {
                Some(holder) if can_take_work(holder) => Ok(()),
                _ => Err(StoreError::NoCluster { run: run.clone() }),
            },
        }
    }

    fn row(&self, run: &RunId) -> Option<&RunRow> {
        self.runs.iter().map(|(row, _)| row).find(|row| row.id == *run)
    }

    fn set_state(&mut self, run: &RunId, state: RunState) {
        for (row, _) in self.runs.iter_mut().filter(|(row, _)| row.id == *run) {
            row.state = state.name().to_owned();
            if state.is_over() {
                row.job = None;
            }
        }
        if state.is_over() {
            self.claims.retain(|row| row.run != *run);
        }
    }

    fn project_of(&self, run: &RunId) -> Option<String> {
        Some(self.row(run)?.project.clone().unwrap_or_else(|| DEFAULT_PROJECT.to_owned()))
    }

    fn used(&self, name: &str) -> Use {
        let of = |row: &&ClaimRow| self.project_of(&row.run).as_deref() == Some(name);
        let spent = self.spent.iter().filter(|((of, _), _)| of == name);
        Use {
            project: self.projects.get(name).cloned(),
            spent: spent.map(|((_, month), spent)| (*month, *spent)).collect(),
            claims: self.claims.iter().filter(of).cloned().collect(),
        }
    }

    fn claim(
        &mut self,
        run: &RunId,
        at: UnixMillis,
        lease: Option<&str>,
        claim: Option<&Claim>,
        judged: bool,
    ) -> Result<()> {
        let Some(project) = self.project_of(run) else { return Ok(()) };
        let is_it = |row: &ClaimRow| row.run == *run && row.lease.as_deref() == lease;
        let spent = self.claims.iter().find(|row| is_it(row)).map_or(Usd::ZERO, |row| row.spent);
        let row = claim.map(|claim| ClaimRow {
            run: run.clone(),
            lease: lease.map(str::to_owned),
            claim: claim.clone(),
            spent,
        });
        if let Some(row) = row.clone().filter(|_| judged) {
            let used = self.used(&project);
            if !used.is_open(&project) {
                return Err(StoreError::NoProject { name: project });
            }
            used.judge(row, at).map_err(|over| StoreError::Over(Box::new(over)))?;
        }
        self.claims.retain(|row| !is_it(row));
        self.claims.extend(row);
        Ok(())
    }

    fn tell(&mut self, run: &RunId, step: StepKey, events: &[Event], gone: Option<&Gone>) {
        for event in events {
            let id = self.number();
            let line = line_of(&event.kind).map(|(stream, text)| (stream, text.to_owned()));
            let (stream, text) = line.map_or_else(Default::default, |(stream, text)| (Some(stream), text));
            let row = Row { id, at: event.at, stream, text, kind: event.kind.clone() };
            self.told.entry((run.clone(), step)).or_default().entry(event.seq).or_insert(row);
        }
        let (Some(gone), Some(rows)) = (gone, self.told.get_mut(&(run.clone(), step))) else { return };
        rows.retain(|seq, row| {
            row.stream.is_none() || *seq == gone.mark || !(gone.from..=gone.to).contains(seq)
        });
        if let Some(mark) = rows.get_mut(&gone.mark) {
            (mark.stream, mark.text) = (Some(LEFT_OUT.to_owned()), left_out_words(gone.lines));
        }
    }

    fn book(&mut self, at: UnixMillis, entry: &Entry) {
        if self.ledger.iter().any(|other| other.id() == entry.id()) {
            return;
        }
        self.ledger.push(entry.clone());
        let run = RunId(entry.run.clone());
        if let Some(project) = self.project_of(&run) {
            for (month, amount) in spent_by(entry, at) {
                *self.spent.entry((project.clone(), month)).or_default() += amount;
                let own = self.claims.iter_mut().filter(|row| row.run == run && row.lease.is_none());
                own.for_each(|row| row.spent += amount);
            }
        }
        if let EntryKind::Charge { event } = &entry.kind
            && let Usage::Egress(moved) = &event.usage
        {
            let key = (month_of(event.to), event.place.clone(), moved.to.clone());
            *self.moved.entry(key).or_default() += moved.bytes;
        }
    }

    fn forget_lines(&mut self, run: &RunId, most: u32) -> u64 {
        let rows = self.told.iter_mut().filter(|((of, _), _)| of == run);
        let mut ids: Vec<u64> = rows.flat_map(|(_, rows)| rows.values().map(|row| row.id)).collect();
        ids.sort_unstable();
        ids.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        for ((_, _), rows) in self.told.iter_mut().filter(|((of, _), _)| of == run) {
            rows.retain(|_, row| !ids.contains(&row.id));
        }
        ids.len() as u64
    }

    fn history(&self, run: &RunId, after: u64) -> Vec<Numbered> {
        let records = self.records.iter().filter(|(of, (number, ..))| of == run && *number > after);
        records.map(|(_, record)| record.clone()).collect()
    }

    /// Lines of output of a run, with the steps they are of.
    fn output(&self, run: &RunId) -> impl Iterator<Item = (StepKey, u64, &Row)> {
        let steps = self.told.iter().filter(move |((of, _), _)| of == run);
        let rows = steps.flat_map(|((_, step), rows)| rows.iter().map(|(seq, row)| (*step, *seq, row)));
        rows.filter(|(_, _, row)| row.stream.is_some())
    }
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn is_open(row: &RunRow) -> bool {
    let over = [RunState::Succeeded, RunState::Failed, RunState::Cancelled];
    over.iter().all(|state| state.name() != row.state)
}

fn can_take_work(holder: &RunRow) -> bool {
    matches!(holder.cluster, Some(ClusterRole::Holds(_)))
        && is_open(holder)
        && holder.state != RunState::Ending.name()
}

fn line(row: &RunRow) -> RunLine {
    let RunRow { id, name, state, submitted, cluster, project, .. } = row.clone();
    RunLine { id, name, state, submitted, cluster, project }
}

#[async_trait]
impl Records for Memory {
    async fn commit(&self, writes: Vec<Write>) -> Vec<Result<Written>> {
        let mut kept = self.kept();
        writes.iter().map(|write| kept.write(write)).collect()
    }

    async fn identity(&self, key: &str) -> Result<Option<String>> {
        Ok(self.kept().identity.get(key).cloned())
    }

    async fn is_free(&self, run: &RunId) -> Result<bool> {
        Ok(self.kept().is_free(run))
    }

    async fn runs(&self, which: Which) -> Result<Vec<RunLine>> {
        let kept = self.kept();
        let mut rows: Vec<&RunRow> = kept.runs.iter().map(|(row, _)| row).collect();
        rows.sort_by_key(|row| row.submitted);
        match which {
            Which::All => {}
            Which::Open => rows.retain(|row| is_open(row)),
            Which::One(run) => rows.retain(|row| row.id == run),
            Which::Before(before, limit) => {
                rows.reverse();
                if let Some(at) = before.and_then(|run| rows.iter().position(|row| row.id == run)) {
                    rows.drain(..=at);
                }
                rows.truncate(size(limit));
            }
            Which::After(after, limit) => {
                if let Some(run) = after {
                    let at = rows.iter().position(|row| row.id == run).map_or(rows.len(), |at| at + 1);
                    rows.drain(..at);
                }
                rows.truncate(size(limit));
            }
            Which::Latest(name) => {
                rows.retain(|row| name.as_ref().is_none_or(|name| row.name == *name));
                rows.drain(..rows.len().saturating_sub(1));
            }
            Which::InCluster(role, open) => {
                rows.retain(|row| row.cluster.as_ref() == Some(&role));
                rows.retain(|row| open == Open::OrOver || is_open(row));
            }
        }
        Ok(rows.into_iter().map(line).collect())
    }

    async fn run_of_token(&self, token: &str) -> Result<Option<RunRow>> {
        let kept = self.kept();
        Ok(kept.runs.iter().find(|(_, of)| of.as_deref() == Some(token)).map(|(row, _)| row.clone()))
    }

    async fn story(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Numbered>)>> {
        let kept = self.kept();
        Ok(kept.row(run).map(|row| (row.clone(), kept.history(run, 0))))
    }

    async fn row(&self, run: &RunId) -> Result<Option<RunRow>> {
        Ok(self.kept().row(run).cloned())
    }

    async fn history(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>> {
        let mut history = self.kept().history(run, after);
        history.truncate(size(limit));
        Ok(history)
    }

    async fn since(&self, after: u64, limit: u32) -> Result<Since> {
        let kept = self.kept();
        let later = kept.records.iter().filter(|(_, (number, ..))| *number > after);
        let records = later.take(size(limit)).cloned().collect();
        Ok(Since { records, last: kept.last, forgotten: kept.horizon })
    }

    async fn told(&self, run: &RunId, step: StepKey) -> Result<Told> {
        let kept = self.kept();
        let Some(rows) = kept.told.get(&(run.clone(), step)) else {
            return Ok(Told { events: vec![], next: 0 });
        };
        let events = rows.values().filter(|row| row.stream.is_none()).map(|row| row.kind.clone()).collect();
        Ok(Told { events, next: rows.keys().next_back().map_or(0, |seq| seq + 1) })
    }

    async fn lines(&self, run: &RunId, step: StepKey) -> Result<Lines> {
        let kept = self.kept();
        let mut lines = Lines::default();
        for (_, seq, row) in kept.output(run).filter(|(of, ..)| *of == step) {
            if row.stream.as_deref() == Some(LEFT_OUT) {
                lines.gone = Some((seq, crate::output::left_out_count(&row.text)));
            } else {
                lines.kept.push(Extent::line(seq, row.text.len() as u64));
            }
        }
        Ok(lines)
    }

    async fn logs(&self, run: &RunId, task: Option<usize>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        let kept = self.kept();
        let wanted = |(step, _, row): &(StepKey, u64, &Row)| {
            row.id > after && task.is_none_or(|task| step.attempt.task == task)
        };
        let log = |(step, _, row): (StepKey, u64, &Row)| LogRow {
            id: row.id,
            attempt: step.attempt,
            phase: step.phase.name().to_owned(),
            rank: step.rank,
            at: row.at,
            stream: row.stream.clone().unwrap_or_default(),
            line: row.text.clone(),
        };
        let mut rows: Vec<LogRow> = kept.output(run).filter(wanted).map(log).collect();
        rows.sort_by_key(|row| row.id);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        cut_page(&mut rows);
        Ok(rows)
    }

    async fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64> {
        let kept = self.kept();
        let wanted = |step: &StepKey| task.is_none_or(|task| step.attempt.task == task);
        let mut ids: Vec<u64> =
            kept.output(run).filter(|(step, ..)| wanted(step)).map(|(_, _, row)| row.id).collect();
        ids.sort_unstable_by(|one, other| other.cmp(one));
        Ok(ids.get(usize::try_from(lines).unwrap_or(usize::MAX)).copied().unwrap_or(0))
    }

    async fn log_bytes(&self, run: &RunId) -> Result<Bytes> {
        Ok(self.kept().output(run).map(|(_, _, row)| Bytes::new(row.text.len() as u64)).sum())
    }

    async fn entries(&self, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>> {
        let kept = self.kept();
        let entries = kept.ledger.iter().filter(|entry| entry.run == run.0);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Ok(entries.skip(skip).take(size(limit)).cloned().collect())
    }

    async fn cancels(&self) -> Result<BTreeSet<RunId>> {
        let kept = self.kept();
        let open = |run: &&RunId| kept.row(run).is_some_and(is_open);
        Ok(kept.cancels.iter().filter(open).cloned().collect())
    }

    async fn moved(&self, month: i32) -> Result<Vec<Moved>> {
        let kept = self.kept();
        let of_month = kept.moved.iter().filter(|((of, ..), _)| *of == month);
        let moved = |((_, source, target), bytes): (&(i32, Location, Location), &Bytes)| {
            let (source, target, bytes) = (source.clone(), target.clone(), *bytes);
            Moved { source, target, bytes }
        };
        Ok(of_month.map(moved).collect())
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        Ok(self.kept().projects.values().cloned().collect())
    }

    async fn project_use(&self, name: &str) -> Result<Use> {
        Ok(self.kept().used(name))
    }

    async fn providers_used(&self) -> Result<BTreeSet<ProviderId>> {
        Ok(self.kept().providers.clone())
    }

    async fn newest_of_open(&self) -> Result<Option<UnixMillis>> {
        let kept = self.kept();
        let newest = |row: &RunRow| {
            kept.history(&row.id, 0).last().map_or(row.submitted, |(_, at, _)| row.submitted.max(*at))
        };
        Ok(kept.runs.iter().map(|(row, _)| row).filter(|row| is_open(row)).map(newest).max())
    }

    async fn damage(&self) -> Option<String> {
        None
    }

    async fn size(&self) -> u64 {
        0
    }

    async fn shrink(&self) -> Result<()> {
        Ok(())
    }
}
