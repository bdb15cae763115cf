//! DataFusion without the world: no files, no stores, no formats, no settings, no tables but those that are put there.

use super::spill::Spills;
use super::table::PLACE;
use crate::engine::EngineError;
use datafusion::error::{DataFusionError, Result as Read};
use datafusion::execution::context::{SessionContext, SessionState};
use datafusion::execution::disk_manager::{DiskManager, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::ObjectStoreRegistry;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{SessionStateBuilder, SessionStateDefaults};
use datafusion::object_store::ObjectStore;
use datafusion::object_store::memory::InMemory;
use datafusion::prelude::SessionConfig;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;
use url::Url;

/// The catalog, and the schema of names without a party. No party has such a name.
pub(super) const CATALOG: &str = "welkin";
pub(super) const COMMON: &str = "*";

/// More than machines have: each has a stack.
pub(super) const MOST_THREADS: usize = 512;

/// An expression of many levels is computed by recursion.
const STACK: usize = 64 << 20;

/// And planned by more of it. The longest text that is taken has a level for each four of its bytes: 16,384, for which 32 KiB are there
/// each; a planner without optimisations takes more than 12. What is not used is not there.
const STACK_OF_PLANS: usize = 512 << 20;

/// The longest query.
pub(super) const MOST_TEXT: usize = 64 << 10;

/// Does it on a stack that queries of many levels fit on.
pub(super) fn deep<T: Send>(what: impl FnOnce() -> Result<T, EngineError> + Send) -> Result<T, EngineError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_OF_PLANS).spawn_scoped(scope, what);
        let thread = thread.map_err(|_| EngineError::Failed("no threads can be started"))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

pub(super) fn runtime(threads: usize) -> Result<Runtime, EngineError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads.clamp(1, MOST_THREADS))
        .thread_stack_size(STACK)
        .build()
        .map_err(|_| EngineError::Failed("no threads can be started"))
}

/// What a query may take.
#[derive(Clone, Copy)]
pub(super) struct Limited<'a> {
    pub(super) memory: u64,
    pub(super) threads: usize,
    pub(super) spill: Option<&'a Path>,
}

pub(super) fn context(limited: Limited<'_>) -> Result<SessionContext, EngineError> {
    let Limited { threads, .. } = limited;
    let config = SessionConfig::new().with_target_partitions(threads.clamp(1, MOST_THREADS));
    with(config, limited)
}

/// The same, planned in some other way.
pub(super) fn with(config: SessionConfig, limited: Limited<'_>) -> Result<SessionContext, EngineError> {
    let Limited { memory, threads, spill } = limited;
    let mode = match spill {
        Some(folder) => DiskManagerMode::Custom(Arc::new(Spills::new(folder.to_owned()))),
        None => DiskManagerMode::Disabled,
    };
    let memory = usize::try_from(memory).unwrap_or(usize::MAX);
    let world = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(DiskManager::builder().with_mode(mode))
        .with_object_store_registry(Arc::new(Nowhere(Arc::new(InMemory::new()))))
        .build_arc()
        .map_err(|_| EngineError::Failed("the engine cannot be set up"))?;
    // What a sort keeps back for merging, of each of its threads: a fixed 10 MB would be all of a small engine.
    let kept = (memory / (16 * threads.clamp(1, MOST_THREADS))).min(10 << 20);
    let config = config
        .with_sort_spill_reservation_bytes(kept)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, COMMON);
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(world)
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(SessionStateDefaults::default_scalar_functions())
        .with_higher_order_functions(SessionStateDefaults::default_higher_order_functions())
        .with_aggregate_functions(SessionStateDefaults::default_aggregate_functions())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .build();
    Ok(SessionContext::new_with_state(state))
}

/// The same on one thread, in the order of the files.
pub(super) fn alone(context: &SessionContext) -> SessionState {
    let state = context.state();
    let config = state.config().clone().with_target_partitions(1);
    SessionStateBuilder::new_from_existing(state).with_config(config).build()
}

/// The place that scans of sealed files name, which is empty: they bring their own readers. There is no other.
#[derive(Debug)]
struct Nowhere(Arc<dyn ObjectStore>);

impl ObjectStoreRegistry for Nowhere {
    fn register_store(&self, _url: &Url, _store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Read<Arc<dyn ObjectStore>> {
        if url.as_str().trim_end_matches('/') == PLACE {
            return Ok(self.0.clone());
        }
        Err(DataFusionError::Plan("there is nothing to read but the inputs of the contract".to_owned()))
    }
}
