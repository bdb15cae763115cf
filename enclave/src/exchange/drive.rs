//! One engine's part of a query: what it reads and hands on, and at the first engine the end of it.

use super::ExchangeError;
use super::batches::encode;
use super::inbox::{Inbox, Why};
use super::links::{Agreed, Ends, Heard, Links, Said, Word};
use super::node::{Exchange, Hall, Way};
use super::owners::{Shared, Unshared, share};
use arrow_array::RecordBatch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::metrics::Time;
use datafusion::physical_plan::repartition::BatchPartitioner;
use futures::StreamExt;
use ring::digest::{SHA256, digest};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::mpsc::{Sender, UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use welkin_seal::Hex;

/// What a query may take, and where it puts what does not fit.
pub(crate) struct Setting<'a> {
    pub(crate) context: Arc<TaskContext>,
    pub(crate) spill: Option<&'a Path>,
}

/// A query that runs.
pub(crate) struct Drive {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    work: JoinSet<std::result::Result<(), ()>>,
    mouth: Arc<Mouth>,
    heard: UnboundedReceiver<()>,
    writers: Vec<JoinHandle<()>>,
}

/// Why there is no drive.
pub(crate) enum Undriven {
    /// Nobody knows how to share it.
    Unshared(String),
    Exchange(ExchangeError),
    Error(DataFusionError),
}

impl From<Unshared> for Undriven {
    fn from(unshared: Unshared) -> Self {
        match unshared {
            Unshared::Step(step) => Self::Unshared(step),
            Unshared::Error(error) => Self::Error(error),
        }
    }
}

impl From<ExchangeError> for Undriven {
    fn from(error: ExchangeError) -> Self {
        Self::Exchange(error)
    }
}

/// What says things to the others, and knows whether all is well.
struct Mouth {
    rank: u32,
    say: Vec<Option<Sender<Said>>>,
    inbox: Arc<Inbox>,
    first: Mutex<Option<DataFusionError>>,
    ends: Ends,
}

impl Drive {
    /// Shares the plan, compares it with the others' and starts this engine's part.
    ///
    /// # Errors
    /// Where nobody knows how to share it, or another engine is gone or has another plan. Nobody was told a row then.
    pub(crate) fn start(
        plan: &Arc<dyn ExecutionPlan>,
        links: Links,
        setting: Setting<'_>,
    ) -> Result<Self, Undriven> {
        let hall = Hall::default();
        let engines = u32::try_from(links.engines()).unwrap_or(u32::MAX);
        let Shared { plan, stages } = share(plan, engines, &hall)?;
        let rank = links.rank();
        let Setting { context, spill } = setting;
        let parts = stages.iter().map(|stage| (stage.schema(), stage.of(rank))).collect();
        let inbox = Inbox::new(parts, links.engines(), context.memory_pool(), spill);
        let inbox = Arc::new(inbox);
        let _ = hall.set(inbox.clone());
        let Agreed { say, hear, writers, ends } = links.agree(of_plan(&plan))?;
        let mouth = Arc::new(Mouth { rank, say, inbox, first: Mutex::default(), ends });
        let (done, heard) = unbounded_channel();
        for peer in hear {
            let (mouth, done) = (mouth.clone(), done.clone());
            std::thread::spawn(move || match listen(peer, &mouth.inbox) {
                // Nobody waits for it any more where this fails.
                Ok(()) => drop(done.send(())),
                Err(why) => mouth.broke(why.into()),
            });
        }
        let mut work = JoinSet::new();
        for stage in stages {
            let (mouth, context) = (mouth.clone(), context.clone());
            work.spawn(async move {
                let done = hand_on(stage, &mouth, context).await;
                // Whoever waits for rows is told at once.
                done.map_err(|error| mouth.broke(error))
            });
        }
        Ok(Self { plan, context, work, mouth, heard, writers })
    }

    /// Could so many engines share it?
    ///
    /// # Errors
    /// Where nobody knows how.
    pub(crate) fn check(plan: &Arc<dyn ExecutionPlan>, engines: u32) -> Result<(), Undriven> {
        Ok(share(plan, engines, &Hall::default()).map(drop)?)
    }

    /// The rows of the result, which are the first engine's.
    pub(crate) fn rows(&self) -> Result<SendableRecordBatchStream> {
        self.plan.execute(0, self.context.clone())
    }

    /// Why it cannot go on, if it cannot.
    pub(crate) fn broken(&self) -> Option<DataFusionError> {
        self.mouth.first.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits until every engine has done its part.
    ///
    /// # Errors
    /// Where one has not.
    pub(crate) async fn finish(&mut self) -> Result<()> {
        while let Some(done) = self.work.join_next().await {
            if !matches!(done, Ok(Ok(()))) {
                return Err(self.broken().unwrap_or_else(|| internal("a part of the query ended")));
            }
        }
        // The first hears the end of each other when that has heard the end of all: what was changed between any two keeps it from a result.
        let first = self.mouth.rank == 0;
        self.end(usize::from(!first)..).await?;
        for _ in self.mouth.say.iter().flatten() {
            if self.heard.recv().await.is_none() {
                return Err(self.broken().unwrap_or_else(|| Why::Exchange(ExchangeError::Gone).into()));
            }
        }
        if !first {
            self.end(..1).await?;
        }
        for writer in self.writers.drain(..) {
            writer.join().map_err(|_| internal("a part of the query ended"))?;
        }
        Ok(())
    }

    /// Says to some that this was all.
    async fn end(
        &self,
        to: impl std::slice::SliceIndex<[Option<Sender<Said>>], Output = [Option<Sender<Said>>]>,
    ) -> Result<()> {
        for say in self.mouth.say[to].iter().flatten() {
            let said = say.send(Said::End).await;
            said.map_err(|_| DataFusionError::from(Why::Exchange(ExchangeError::Gone)))?;
        }
        Ok(())
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        self.mouth.ends.now();
    }
}

fn internal(why: &str) -> DataFusionError {
    DataFusionError::Internal(why.to_owned())
}

impl Mouth {
    /// It goes no further, here and everywhere.
    fn broke(&self, error: DataFusionError) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.inbox.fail(Why::Exchange(ExchangeError::Gone));
        self.ends.now();
    }

    /// Rows for a partition of an engine.
    async fn give(&self, to: u32, stage: usize, partition: usize, word: Vec<u8>) -> Result<()> {
        if to == self.rank {
            let rows = Word::behind_head(&word).to_vec();
            return Ok(self.inbox.put(stage, partition, rows)?);
        }
        self.say(to, word).await
    }

    async fn say(&self, to: u32, word: Vec<u8>) -> Result<()> {
        let gone = || DataFusionError::from(Why::Exchange(ExchangeError::Gone));
        let say = self.say.get(to as usize).and_then(Option::as_ref).ok_or_else(gone)?;
        say.send(Said::Word(word)).await.map_err(|_| gone())
    }
}

/// What every engine has to have made of the query: each step with all that is shown of it.
fn of_plan(plan: &Arc<dyn ExecutionPlan>) -> Hex<32> {
    let shown = DisplayableExecutionPlan::new(plan.as_ref()).set_show_schema(true).indent(true).to_string();
    let mut sum = Hex([0; 32]);
    sum.0.copy_from_slice(digest(&SHA256, shown.as_bytes()).as_ref());
    sum
}

/// Puts where it belongs what a peer says, until it has said everything.
fn listen(mut peer: Heard, inbox: &Inbox) -> Result<(), Why> {
    loop {
        match peer.next().map_err(Why::Exchange)? {
            Some(Word::Rows { stage, partition, rows }) => inbox.put(stage, partition, rows)?,
            Some(Word::Ended { stage }) => inbox.end(stage)?,
            Some(Word::Plan(_)) => return Err(Why::Exchange(ExchangeError::Changed)),
            None => return Ok(()),
        }
    }
}

/// Reads this engine's partitions below an exchange, and hands their rows on.
async fn hand_on(stage: Arc<Exchange>, mouth: &Arc<Mouth>, context: Arc<TaskContext>) -> Result<()> {
    let mut parts = JoinSet::new();
    for (partition, owner) in stage.from.iter().enumerate() {
        if *owner == mouth.rank {
            parts.spawn(hand_on_part(stage.clone(), partition, mouth.clone(), context.clone()));
        }
    }
    while let Some(part) = parts.join_next().await {
        part.unwrap_or_else(|_| Err(internal("a part of the query ended")))?;
    }
    let ended = Word::Ended { stage: stage.stage }.bytes();
    for to in (0..).zip(&mouth.say).filter(|(_, say)| say.is_some()).map(|(to, _)| to) {
        mouth.say(to, ended.clone()).await?;
    }
    Ok(mouth.inbox.end(stage.stage)?)
}

async fn hand_on_part(
    stage: Arc<Exchange>,
    partition: usize,
    mouth: Arc<Mouth>,
    context: Arc<TaskContext>,
) -> Result<()> {
    let mut rows = stage.input.execute(partition, context)?;
    let mut spread = match &stage.way {
        Way::Spread(how) => {
            Some(BatchPartitioner::try_new(how.clone(), Time::new(), partition, stage.from.len())?)
        }
        Way::Move | Way::Everyone => None,
    };
    while let Some(batch) = rows.next().await {
        let batch = batch?;
        if batch.num_rows() == 0 {
            continue;
        }
        match (&stage.way, &mut spread) {
            (Way::Spread(_), Some(spread)) => {
                let mut parts = Vec::new();
                spread.partition(batch, |to, part| {
                    parts.push((to, part));
                    Ok(())
                })?;
                for (to, part) in parts {
                    mouth.give(stage.to[to], stage.stage, to, word(stage.stage, to, &part)?).await?;
                }
            }
            (Way::Everyone, _) => {
                let word = word(stage.stage, 0, &batch)?;
                for to in 0..u32::try_from(mouth.say.len()).unwrap_or(u32::MAX) {
                    mouth.give(to, stage.stage, 0, word.clone()).await?;
                }
            }
            _ => {
                let word = word(stage.stage, partition, &batch)?;
                mouth.give(stage.to[partition], stage.stage, partition, word).await?;
            }
        }
    }
    Ok(())
}

fn word(stage: usize, partition: usize, rows: &RecordBatch) -> Result<Vec<u8>> {
    let bytes = encode(Word::head(stage, partition), rows)?;
    Word::rows(bytes).ok_or_else(|| DataFusionError::ResourcesExhausted("a batch of rows".to_owned()))
}
