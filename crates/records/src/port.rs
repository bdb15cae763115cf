//! The port: what a broker asks of whatever keeps its records.

use crate::error::StoreError;
use crate::id::RunId;
use crate::projects::{Project, Use};
use crate::rows::{Lines, LogRow, Moved, Numbered, RunLine, RunRow, Since, StepKey, Told, Which};
use crate::write::{Write, Written};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::fmt;
use welkin_ledger::Entry;
use welkin_provider::{ProviderId, UnixMillis};
use welkin_units::Bytes;

type Result<T> = std::result::Result<T, StoreError>;

/// A store of records.
///
/// *Promises*, each held by the conformance suite: a write is made whole or not at all, and one that fails does
/// not touch its neighbours; what [`Records::commit`] answered stays, and is seen by whoever asks afterwards;
/// records of a run have growing numbers; lists of runs and sums are of the same moment as what they are of.
///
/// One broker writes at a time, unless the store says otherwise (see [`crate::Peers`]). Any process may look, and ask for
/// a cancel.
#[async_trait]
pub trait Records: fmt::Debug + Send + Sync {
    /// Makes writes durable, all in one transaction, in their order; one answer each. When the transaction as
    /// a whole fails, none is made and each is told.
    async fn commit(&self, writes: Vec<Write>) -> Vec<Result<Written>>;

    /// A value of the store itself.
    async fn identity(&self, key: &str) -> Result<Option<String>>;

    /// Whether there neither is nor was a run of this name.
    async fn is_free(&self, run: &RunId) -> Result<bool>;

    /// Runs as lists show them, by what is kept beside their plans and histories, which may be long.
    async fn runs(&self, which: Which) -> Result<Vec<RunLine>>;

    /// The run that a client token was used for.
    async fn run_of_token(&self, token: &str) -> Result<Option<RunRow>>;

    /// A run and its whole history, of the same moment.
    async fn story(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Numbered>)>>;

    /// A run without its history.
    async fn row(&self, run: &RunId) -> Result<Option<RunRow>>;

    /// The history of a run after record number `after`, at most `limit`, oldest first.
    async fn history(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>>;

    /// Records of all runs after number `after`, oldest first, at most `limit`: what has happened since.
    async fn since(&self, after: u64, limit: u32) -> Result<Since>;

    /// What a node told of a step.
    async fn told(&self, run: &RunId, step: StepKey) -> Result<Told>;

    /// What is kept of the output of a step.
    async fn lines(&self, run: &RunId, step: StepKey) -> Result<Lines>;

    /// Lines of a run, of one task or all, after row `after`, at most `limit`, and fewer only where there are no more or where
    /// they have [`crate::PAGE_BYTES`].
    async fn logs(&self, run: &RunId, task: Option<usize>, after: u64, limit: u32) -> Result<Vec<LogRow>>;

    /// The row after which the last `lines` lines of a run begin, of one task or all: 0 where that is all of them. It takes
    /// as long as it takes to read these lines, however many there are before them.
    async fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64>;

    /// Bytes in the lines of a run.
    async fn log_bytes(&self, run: &RunId) -> Result<Bytes>;

    /// Rows of the ledger of a run, in order: all but the first `skip`, at most `limit`.
    async fn entries(&self, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>>;

    /// The runs that somebody wants to be cancelled and that are not over.
    async fn cancels(&self) -> Result<BTreeSet<RunId>>;

    /// What moved in a month, as [`welkin_ledger::month_of`] counts them.
    async fn moved(&self, month: i32) -> Result<Vec<Moved>>;

    /// Every project that somebody made, by name.
    async fn projects(&self) -> Result<Vec<Project>>;

    /// A project and what is in use of it.
    async fn project_use(&self, name: &str) -> Result<Use>;

    /// Every provider that a plan of any run names or named.
    async fn providers_used(&self) -> Result<BTreeSet<ProviderId>>;

    /// The newest moment on the record of runs that are not over.
    async fn newest_of_open(&self) -> Result<Option<UnixMillis>>;

    /// What is wrong with the store, in its own words, where that can be seen in some tenths of a second.
    async fn damage(&self) -> Option<String>;

    /// How many bytes it takes on disk.
    async fn size(&self) -> u64;

    /// Gives the room of what was forgotten back to the disk.
    async fn shrink(&self) -> Result<()>;
}
