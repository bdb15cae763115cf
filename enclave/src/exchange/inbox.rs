//! What came for the partitions of this engine, until their steps ask for it: in memory while the query has some, then sealed on disk.

use super::ExchangeError;
use super::batches;
use crate::sql::Aside;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use futures::Stream;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// Everything that comes.
pub(super) struct Inbox {
    stages: Vec<Vec<Option<Queue>>>,
    memory: MemoryReservation,
    folder: Option<PathBuf>,
}

/// What came for one partition.
struct Queue {
    schema: SchemaRef,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    aside: Option<Arc<Aside>>,
    /// How many engines have said everything.
    ended: usize,
    /// How many there are.
    engines: usize,
    taken: bool,
    /// Nobody asks any more.
    closed: bool,
    failed: Option<Why>,
    waker: Option<Waker>,
}

enum Waiting {
    Here(Vec<u8>),
    Aside(usize),
}

/// Why everything ended. It is told to every partition.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    Exchange(ExchangeError),
    Memory,
}

impl From<Why> for DataFusionError {
    fn from(why: Why) -> Self {
        match why {
            Why::Exchange(error) => Self::External(Box::new(error)),
            Why::Memory => Self::ResourcesExhausted("what other engines said".to_owned()),
        }
    }
}

impl Inbox {
    /// For these stages: of each the columns of its rows, and which of its partitions are this engine's.
    pub(super) fn new(
        stages: Vec<(SchemaRef, Vec<bool>)>,
        engines: usize,
        pool: &Arc<dyn MemoryPool>,
        folder: Option<&Path>,
    ) -> Self {
        let queue = |schema: &SchemaRef| {
            let state = Mutex::new(State { engines, ..State::default() });
            Queue { schema: schema.clone(), state }
        };
        let stage = |(schema, own): (SchemaRef, Vec<bool>)| {
            own.into_iter().map(|own| own.then(|| queue(&schema))).collect()
        };
        let memory = MemoryConsumer::new("exchange").with_can_spill(true).register(pool);
        Self { stages: stages.into_iter().map(stage).collect(), memory, folder: folder.map(Path::to_owned) }
    }

    /// Rows for a partition. None is refused while others wait to be read.
    pub(super) fn put(&self, stage: usize, partition: usize, rows: Vec<u8>) -> Result<(), Why> {
        let Some(queue) = self.queue(stage, partition) else {
            return Err(Why::Exchange(ExchangeError::Changed));
        };
        let mut state = queue.state();
        if state.closed || state.failed.is_some() {
            return Ok(());
        }
        let waiting = match self.memory.try_grow(rows.len()) {
            Ok(()) => Waiting::Here(rows),
            Err(_) => {
                let folder = self.folder.as_deref().ok_or(Why::Memory)?;
                let aside = match &state.aside {
                    Some(aside) => aside.clone(),
                    None => Arc::new(Aside::new(folder).map_err(|_| Why::Exchange(ExchangeError::Aside))?),
                };
                state.aside = Some(aside.clone());
                Waiting::Aside(aside.put(rows).map_err(|_| Why::Exchange(ExchangeError::Aside))?)
            }
        };
        state.waiting.push_back(waiting);
        state.wake();
        Ok(())
    }

    /// One more engine has no more rows for a stage.
    pub(super) fn end(&self, stage: usize) -> Result<(), Why> {
        let stage = self.stages.get(stage).ok_or(Why::Exchange(ExchangeError::Changed))?;
        for queue in stage.iter().flatten() {
            let mut state = queue.state();
            state.ended += 1;
            state.wake();
        }
        Ok(())
    }

    /// Nothing more comes, and what there is is not enough.
    pub(super) fn fail(&self, why: Why) {
        for queue in self.stages.iter().flatten().flatten() {
            let mut state = queue.state();
            state.failed.get_or_insert(why);
            state.wake();
        }
    }

    /// The rows of a partition, as they come. Each is taken once.
    pub(super) fn take(
        self: &Arc<Self>,
        stage: usize,
        partition: usize,
    ) -> Result<impl Stream<Item = Result<RecordBatch>> + Send + 'static> {
        let wrong = || DataFusionError::Internal("a partition that is another engine's".to_owned());
        let queue = self.queue(stage, partition).ok_or_else(wrong)?;
        if std::mem::replace(&mut queue.state().taken, true) {
            return Err(DataFusionError::Internal("rows of an exchange are read once".to_owned()));
        }
        let taken = Taken { inbox: self.clone(), stage, partition };
        Ok(futures::stream::poll_fn(move |context| {
            let queue = taken.queue();
            let mut state = queue.state();
            if let Some(why) = state.failed {
                return Poll::Ready(Some(Err(why.into())));
            }
            let Some(waiting) = state.waiting.pop_front() else {
                if state.ended >= state.engines {
                    return Poll::Ready(None);
                }
                state.waker = Some(context.waker().clone());
                return Poll::Pending;
            };
            let aside = state.aside.clone();
            drop(state);
            Poll::Ready(Some(taken.inbox.rows(queue, waiting, aside.as_deref())))
        }))
    }

    fn rows(&self, queue: &Queue, waiting: Waiting, aside: Option<&Aside>) -> Result<RecordBatch> {
        let broken = || DataFusionError::from(Why::Exchange(ExchangeError::Aside));
        let batch = match waiting {
            Waiting::Here(rows) => {
                let batch = batches::decode(&queue.schema, &rows);
                self.memory.shrink(rows.len());
                batch
            }
            Waiting::Aside(piece) => {
                let rows = aside.ok_or_else(broken)?.get(piece).map_err(|_| broken())?;
                batches::decode(&queue.schema, &rows)
            }
        };
        Ok(batch?)
    }

    fn queue(&self, stage: usize, partition: usize) -> Option<&Queue> {
        self.stages.get(stage)?.get(partition)?.as_ref()
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// A partition that somebody reads; what comes after that is not kept.
struct Taken {
    inbox: Arc<Inbox>,
    stage: usize,
    partition: usize,
}

impl Taken {
    fn queue(&self) -> &Queue {
        self.inbox.queue(self.stage, self.partition).expect("it was there when it was taken")
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut state = self.queue().state();
        state.closed = true;
        state.aside = None;
        let here = |waiting: Waiting| match waiting {
            Waiting::Here(rows) => rows.len(),
            Waiting::Aside(_) => 0,
        };
        let kept = state.waiting.drain(..).map(here).sum();
        self.inbox.memory.shrink(kept);
    }
}
