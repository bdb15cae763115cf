//! Records that do what a test wants of them: lose answers, keep writes waiting, show what was.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;
use welkin_ledger::Entry;
use welkin_provider::{ProviderId, UnixMillis};
use welkin_records::{
    Lines, LogRow, Memory, Moved, Numbered, Project, Records, RunId, RunLine, RunRow, Since, StepKey,
    StoreError, Told, Use, Which, Write, Written,
};
use welkin_units::Bytes;

type Result<T> = std::result::Result<T, StoreError>;

/// A run and its history, as they were.
type Story = (RunRow, Vec<Numbered>);

/// See the head of the module; those of a new one are like any others.
#[derive(Debug, Default)]
pub(crate) struct Odd {
    pub(crate) kept: Memory,
    /// Whether the answer to the next write is lost.
    pub(crate) deaf: AtomicBool,
    /// Whether writes wait before they are made.
    pub(crate) closed: watch::Sender<bool>,
    /// What is shown of a run in place of what there is.
    pub(crate) was: Mutex<Option<Story>>,
}

#[async_trait::async_trait]
impl Records for Odd {
    async fn commit(&self, writes: Vec<Write>) -> Vec<Result<Written>> {
        // The sender lives in `self`.
        let _ = self.closed.subscribe().wait_for(|closed| !closed).await;
        let lost = || StoreError::Away { place: "there".to_owned(), source: "cut".into() };
        let count = writes.len();
        let written = self.kept.commit(writes).await;
        if self.deaf.swap(false, Ordering::Relaxed) {
            return (0..count).map(|_| Err(lost())).collect();
        }
        written
    }

    async fn identity(&self, key: &str) -> Result<Option<String>> {
        self.kept.identity(key).await
    }

    async fn is_free(&self, run: &RunId) -> Result<bool> {
        self.kept.is_free(run).await
    }

    async fn runs(&self, which: Which) -> Result<Vec<RunLine>> {
        self.kept.runs(which).await
    }

    async fn run_of_token(&self, token: &str) -> Result<Option<RunRow>> {
        self.kept.run_of_token(token).await
    }

    async fn story(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Numbered>)>> {
        if let Some(was) = self.was.lock().unwrap().take() {
            return Ok(Some(was));
        }
        self.kept.story(run).await
    }

    async fn row(&self, run: &RunId) -> Result<Option<RunRow>> {
        self.kept.row(run).await
    }

    async fn history(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>> {
        self.kept.history(run, after, limit).await
    }

    async fn since(&self, after: u64, limit: u32) -> Result<Since> {
        self.kept.since(after, limit).await
    }

    async fn told(&self, run: &RunId, step: StepKey) -> Result<Told> {
        self.kept.told(run, step).await
    }

    async fn lines(&self, run: &RunId, step: StepKey) -> Result<Lines> {
        self.kept.lines(run, step).await
    }

    async fn logs(&self, run: &RunId, task: Option<usize>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        self.kept.logs(run, task, after, limit).await
    }

    async fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64> {
        self.kept.tail(run, task, lines).await
    }

    async fn log_bytes(&self, run: &RunId) -> Result<Bytes> {
        self.kept.log_bytes(run).await
    }

    async fn entries(&self, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>> {
        self.kept.entries(run, skip, limit).await
    }

    async fn cancels(&self) -> Result<BTreeSet<RunId>> {
        self.kept.cancels().await
    }

    async fn moved(&self, month: i32) -> Result<Vec<Moved>> {
        self.kept.moved(month).await
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        self.kept.projects().await
    }

    async fn project_use(&self, name: &str) -> Result<Use> {
        self.kept.project_use(name).await
    }

    async fn providers_used(&self) -> Result<BTreeSet<ProviderId>> {
        self.kept.providers_used().await
    }

    async fn newest_of_open(&self) -> Result<Option<UnixMillis>> {
        self.kept.newest_of_open().await
    }

    async fn damage(&self) -> Option<String> {
        self.kept.damage().await
    }

    async fn size(&self) -> u64 {
        self.kept.size().await
    }

    async fn shrink(&self) -> Result<()> {
        self.kept.shrink().await
    }
}
