//! Running a query so that what is touched in memory depends on sizes, and never on values.
//!
//! DataFusion reads the text and orders its steps, which depends on the query and on columns, not on rows. The steps are then run by
//! [`welkin_oblivious`], on all rows of the inputs: nothing is left out by statistics. A query with any other step, function or type is
//! refused by its name; none is ever run in the ordinary way instead.
//!
//! *What is not hidden:* how many rows and bytes inputs have, the longest text of each column, how many rows the result has, and how
//! sealed files are unpacked and packed: their pages are compressed, and unpacking touches what the values ask for.

mod columns;
mod exprs;
mod steps;

use super::kinds::kind;
use super::query::{Limits, Rows, no_name_twice};
use crate::engine::EngineError;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use std::sync::Arc;
use steps::Steps;
use welkin_oblivious::{Failure, Kind, Table};
use welkin_seal::Run;

/// Runs it. The rows are there when this comes back.
pub(super) async fn start(
    context: &SessionContext,
    plan: &LogicalPlan,
    run: &Run,
) -> Result<(SchemaRef, Rows), EngineError> {
    no_name_twice(plan)?;
    let limits = Limits::of(run);
    let steps = planned(context, plan)?;
    let mut tables = Vec::new();
    for scan in &steps.scans {
        let input = scan.input(context).await.map_err(|error| limits.told(&error))?;
        let batches = collect(input, context.task_ctx()).await.map_err(|error| limits.told(&error))?;
        tables.push(batches);
    }
    let answer = answer(&steps, &tables, run.memory, limits)?;
    let schema: SchemaRef = Arc::new(plan.schema().as_arrow().clone());
    let failed = |_| EngineError::Failed("a computation failed");
    let batch = columns::batch(&answer, &schema).map_err(failed)?;
    let stream = RecordBatchStreamAdapter::new(schema.clone(), futures::stream::iter([Ok(batch)]));
    Ok((schema, Rows { stream: Box::pin(stream), limits }))
}

/// Refuses what cannot be run. No row is read.
pub(super) fn check(context: &SessionContext, plan: &LogicalPlan) -> Result<(), EngineError> {
    planned(context, plan).map(drop)
}

fn planned(context: &SessionContext, plan: &LogicalPlan) -> Result<Steps, EngineError> {
    let planned = context.state().optimize(plan).map_err(|error| EngineError::Failed(kind(&error)))?;
    Steps::of(&planned).map_err(EngineError::Oblivious)
}

fn answer(
    steps: &Steps,
    batches: &[Vec<RecordBatch>],
    memory: u64,
    limits: Limits,
) -> Result<Table, EngineError> {
    let sized = steps.scans.iter().zip(batches).map(|(scan, batches)| {
        let kinds = columns::kinds(&scan.schema(), batches).map_err(EngineError::Oblivious)?;
        Ok((kinds, batches.iter().map(RecordBatch::num_rows).sum::<usize>()))
    });
    let sized = sized.collect::<Result<Vec<(Vec<Kind>, usize)>, EngineError>>()?;
    let needs = steps.plan.memory(&sized).map_err(|unfit| EngineError::Oblivious(unfit.0))?;
    if needs > memory {
        return Err(limits.told(&DataFusionError::ResourcesExhausted(String::new())));
    }
    let read =
        sized.into_iter().zip(batches).map(|((kinds, count), batches)| columns::table(kinds, count, batches));
    let tables =
        read.collect::<Result<Vec<_>, _>>().map_err(|error| EngineError::Failed(kind(&error.into())))?;
    steps.plan.run(&tables).map_err(|failure| match failure {
        Failure::Unfit(unfit) => EngineError::Oblivious(unfit.0),
        Failure::Twice => EngineError::Failed("the right table of a join has a key in more than one row"),
    })
}
