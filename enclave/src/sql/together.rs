//! A query that several engines run together ([`crate::exchange`]).

use super::context::{self, Limited, MOST_THREADS};
use super::query::{self, Limits, Rows};
use super::rows;
use crate::engine::{EngineError, write};
use crate::exchange::{Drive, Links, Setting, Undriven};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use std::sync::Arc;
use welkin_seal::{EngineKey, Hex, Ran, Receipt, Run};

/// Smaller files are read by one engine.
const LEAST_TO_SPLIT: usize = 256 << 10;

/// Plans come out alike at every engine, and each partition is read by itself.
pub(super) fn context(limited: Limited<'_>, engines: usize) -> Result<SessionContext, EngineError> {
    let partitions = limited.threads.clamp(1, MOST_THREADS) * engines;
    let mut config = SessionConfig::new().with_target_partitions(partitions);
    let options = config.options_mut();
    // Whose a partition is, is said before anything runs: none may take work from another in the same process.
    options.execution.enable_file_stream_work_stealing = false;
    // What one engine learns while it runs, the others do not know.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    // Rows do not change places for the sake of a thread.
    options.optimizer.enable_round_robin_repartition = false;
    options.optimizer.repartition_file_min_size = LEAST_TO_SPLIT;
    // A small side of a join goes where its partners are, as a large one does; the numbers that decide on it are not always known.
    options.optimizer.hash_join_single_partition_threshold = 0;
    options.optimizer.hash_join_single_partition_threshold_rows = 0;
    context::with(config, limited)
}

/// Runs this engine's part; the first seals the result.
pub(super) fn run(
    context: &SessionContext,
    links: Links,
    key: &EngineKey,
    receipt: &Receipt,
    run: &Run,
) -> Result<Ran, EngineError> {
    let limits = Limits::of(run);
    let runtime = context::runtime(run.threads)?;
    let first = links.is_first();
    let mut drive = runtime.block_on(async {
        let plan = planned(context, &run.query, |error| limits.told(error)).await?;
        let setting = Setting { context: context.task_ctx(), spill: run.spill.as_deref() };
        Drive::start(&plan, links, setting).map_err(|undriven| undriven.told(|error| limits.told(error)))
    })?;
    if !first {
        runtime.block_on(drive.finish()).map_err(|error| limits.told(&error))?;
        return Ok(Ran { contract: receipt.contract.digest(), result: Hex([0; 32]), rows: 0 });
    }
    write(key, receipt, &run.output, "result", |place| {
        let stream = runtime.block_on(async { drive.rows() }).map_err(|error| limits.told(&error))?;
        let schema = stream.schema();
        let filled = rows::fill(place, schema, Rows { stream, limits }, &runtime);
        // Whatever the end of the plan says, the reason is the first that there was.
        let filled = filled.map_err(|error| drive.broken().map_or(error, |first| limits.told(&first)))?;
        // There is no result before every engine says that its part is done.
        runtime.block_on(drive.finish()).map_err(|error| limits.told(&error))?;
        Ok(filled)
    })
}

/// Would it be run? There are no data whose values an error could tell.
pub(super) async fn check(context: &SessionContext, text: &str, engines: u32) -> Result<(), EngineError> {
    let told = |error: &DataFusionError| EngineError::Query(error.strip_backtrace());
    let plan = planned(context, text, told).await?;
    Drive::check(&plan, engines).map_err(|undriven| undriven.told(told))
}

/// The plan that every engine makes.
async fn planned(
    context: &SessionContext,
    text: &str,
    told: impl Fn(&DataFusionError) -> EngineError,
) -> Result<Arc<dyn ExecutionPlan>, EngineError> {
    let plan = query::plan(context, text).await?;
    query::no_name_twice(&plan)?;
    same_at_any_time(&plan)?;
    context.state().create_physical_plan(&plan).await.map_err(|error| told(&error))
}

impl Undriven {
    fn told(self, told: impl Fn(&DataFusionError) -> EngineError) -> EngineError {
        match self {
            Self::Unshared(step) => EngineError::Unsupported(format!(
                "the query has {step}, and nobody knows how to share that between engines: nothing was run"
            )),
            Self::Exchange(error) => EngineError::Peer(error),
            Self::Error(error) => told(&error),
        }
    }
}

/// What is planned at different times has to be the same plan.
fn same_at_any_time(plan: &LogicalPlan) -> Result<(), EngineError> {
    let mut refused = None;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| {
                if let Expr::ScalarFunction(function) = expr
                    && function.func.signature().volatility != Volatility::Immutable
                {
                    refused = Some(function.func.name().to_owned());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walked.map_err(|error| EngineError::Query(error.strip_backtrace()))?;
    refused.map_or(Ok(()), |function| {
        Err(EngineError::Unsupported(format!(
            "`{function}` gives each engine another value, and several run this contract: nothing was run"
        )))
    })
}
