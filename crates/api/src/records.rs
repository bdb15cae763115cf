//! The records of a broker elsewhere, to look at.
//!
//! *How it works.* Whoever looks at records waits without a runtime, so a thread has one and asks. Cancelling is the
//! one thing that is written: as a request to the broker, which puts it on record.

use crate::client::{Client, ClientError};
use crate::wire::{Question, Taken};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt;
use tokio::sync::{mpsc, oneshot};
use welkin_ledger::Entry;
use welkin_provider::{ProviderId, UnixMillis};
use welkin_records::{
    Change, Lines, LogRow, Moved, Numbered, Project, Records, RunId, RunLine, RunRow, Since, StepKey,
    StoreError, Told, Use, Which, Write, Written,
};
use welkin_units::Bytes;

type Result<T> = std::result::Result<T, StoreError>;

/// What the thread is asked, and where its answer goes.
struct Asked {
    what: What,
    answer: oneshot::Sender<std::result::Result<serde_json::Value, ClientError>>,
}

enum What {
    Look(Question),
    Cancel(RunId),
}

/// See the head of the module.
pub struct FarRecords {
    /// Where they are, for messages.
    place: String,
    asks: mpsc::UnboundedSender<Asked>,
}

impl fmt::Debug for FarRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FarRecords").field("place", &self.place).finish_non_exhaustive()
    }
}

impl FarRecords {
    /// Those of the broker that `client` asks. The thread ends with what is made here.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn new(client: Client, place: impl Into<String>) -> std::io::Result<Self> {
        let (asks, mut asked) = mpsc::unbounded_channel::<Asked>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("records".to_owned()).spawn(move || {
            runtime.block_on(async {
                while let Some(Asked { what, answer }) = asked.recv().await {
                    // Whoever gave up waiting does not need it.
                    drop(answer.send(ask(&client, &what).await));
                }
            });
        })?;
        Ok(Self { place: place.into(), asks })
    }

    async fn look<T: DeserializeOwned>(&self, question: Question) -> Result<T> {
        let value = self.answer(What::Look(question)).await?;
        serde_json::from_value(value).map_err(|source| StoreError::Body { source })
    }

    async fn answer(&self, what: What) -> Result<serde_json::Value> {
        let (answer, answered) = oneshot::channel();
        drop(self.asks.send(Asked { what, answer }));
        match answered.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(self.failed(error)),
            Err(_) => Err(self.failed(ClientError::Ended)),
        }
    }

    fn failed(&self, error: ClientError) -> StoreError {
        StoreError::Elsewhere { place: self.place.clone(), source: Box::new(error) }
    }

    async fn write(&self, write: Write) -> Result<Written> {
        for change in write.0 {
            match change {
                Change::CancelRequested { run, .. } => drop(self.answer(What::Cancel(run)).await?),
                _ => return Err(self.only_there()),
            }
        }
        Ok(Written::default())
    }

    /// For what only the broker itself asks of its records.
    fn only_there(&self) -> StoreError {
        let words = "only the broker itself does that".to_owned();
        self.failed(ClientError::Strange(words))
    }
}

async fn ask(client: &Client, what: &What) -> std::result::Result<serde_json::Value, ClientError> {
    match what {
        What::Look(question) => client.post("/records", question).await,
        What::Cancel(run) => {
            let _: Taken = client.post(&format!("/runs/{run}/cancel"), &()).await?;
            Ok(serde_json::Value::Null)
        }
    }
}

#[async_trait]
impl Records for FarRecords {
    async fn commit(&self, writes: Vec<Write>) -> Vec<Result<Written>> {
        let mut answers = Vec::with_capacity(writes.len());
        for write in writes {
            answers.push(self.write(write).await);
        }
        answers
    }

    async fn identity(&self, key: &str) -> Result<Option<String>> {
        self.look(Question::Identity(key.to_owned())).await
    }

    async fn is_free(&self, run: &RunId) -> Result<bool> {
        self.look(Question::IsFree(run.clone())).await
    }

    async fn runs(&self, which: Which) -> Result<Vec<RunLine>> {
        self.look(Question::Runs(which)).await
    }

    async fn run_of_token(&self, _: &str) -> Result<Option<RunRow>> {
        Err(self.only_there())
    }

    async fn story(&self, run: &RunId) -> Result<Option<(RunRow, Vec<Numbered>)>> {
        self.look(Question::Story(run.clone())).await
    }

    async fn row(&self, run: &RunId) -> Result<Option<RunRow>> {
        Ok(self.story(run).await?.map(|(row, _)| row))
    }

    async fn history(&self, run: &RunId, after: u64, limit: u32) -> Result<Vec<Numbered>> {
        let mut history: Vec<Numbered> = self.look(Question::History(run.clone(), after)).await?;
        history.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(history)
    }

    async fn since(&self, after: u64, limit: u32) -> Result<Since> {
        self.look(Question::Since(after, limit)).await
    }

    async fn told(&self, _: &RunId, _: StepKey) -> Result<Told> {
        Err(self.only_there())
    }

    async fn lines(&self, _: &RunId, _: StepKey) -> Result<Lines> {
        Err(self.only_there())
    }

    async fn logs(&self, run: &RunId, task: Option<usize>, after: u64, limit: u32) -> Result<Vec<LogRow>> {
        self.look(Question::Logs(run.clone(), task, after, limit)).await
    }

    async fn tail(&self, run: &RunId, task: Option<usize>, lines: u32) -> Result<u64> {
        self.look(Question::Tail(run.clone(), task, lines)).await
    }

    async fn log_bytes(&self, run: &RunId) -> Result<Bytes> {
        self.look(Question::LogBytes(run.clone())).await
    }

    async fn entries(&self, run: &RunId, skip: u64, limit: u32) -> Result<Vec<Entry>> {
        let entries: Vec<Entry> = self.look(Question::Entries(run.clone())).await?;
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        Ok(entries.into_iter().skip(skip).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn cancels(&self) -> Result<BTreeSet<RunId>> {
        self.look(Question::Cancels).await
    }

    async fn moved(&self, month: i32) -> Result<Vec<Moved>> {
        self.look(Question::Moved(month)).await
    }

    async fn projects(&self) -> Result<Vec<Project>> {
        Err(self.only_there())
    }

    async fn project_use(&self, _: &str) -> Result<Use> {
        Err(self.only_there())
    }

    async fn providers_used(&self) -> Result<BTreeSet<ProviderId>> {
        self.look(Question::ProvidersUsed).await
    }

    async fn newest_of_open(&self) -> Result<Option<UnixMillis>> {
        self.look(Question::NewestOfOpen).await
    }

    async fn damage(&self) -> Option<String> {
        None
    }

    async fn size(&self) -> u64 {
        0
    }

    async fn shrink(&self) -> Result<()> {
        Err(self.only_there())
    }
}
