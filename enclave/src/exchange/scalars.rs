//! Subqueries with one value that every engine needs.
//!
//! DataFusion computes them at the top of a plan, before anything below runs. With exchanges the plan below runs in pieces, on several
//! engines: each piece waits for the values, which each engine gets once.

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::physical_planning_context::ScalarSubqueryResults;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::ReplaceChildrenOptions;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryLink;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use datafusion::scalar::ScalarValue;
use futures::{StreamExt, TryStreamExt};
use std::fmt;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The subqueries of one level of a plan.
pub(super) struct Scalars {
    pub(super) links: Vec<ScalarSubqueryLink>,
    pub(super) results: ScalarSubqueryResults,
    pub(super) known: OnceCell<()>,
}

impl Scalars {
    async fn known(&self, context: &Arc<TaskContext>) -> Result<()> {
        self.known.get_or_try_init(|| self.compute(context)).await.copied()
    }

    async fn compute(&self, context: &Arc<TaskContext>) -> Result<()> {
        for ScalarSubqueryLink { plan, index } in &self.links {
            let mut stream = plan.execute(0, context.clone())?;
            let mut value = None;
            while let Some(batch) = stream.next().await {
                let batch = batch?;
                for row in 0..batch.num_rows() {
                    if value.is_some() {
                        let why = "a subquery with one value has several rows";
                        return Err(DataFusionError::Execution(why.to_owned()));
                    }
                    value = Some(ScalarValue::try_from_array(batch.column(0), row)?);
                }
            }
            let none = || ScalarValue::try_from(plan.schema().field(0).data_type());
            self.results.set(*index, value.map_or_else(none, Ok)?)?;
        }
        Ok(())
    }
}

/// A piece of a plan that reads them.
pub(super) struct Knowing {
    pub(super) input: Arc<dyn ExecutionPlan>,
    pub(super) scalars: Arc<Scalars>,
}

impl fmt::Debug for Knowing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Knowing: {} values", self.scalars.links.len())
    }
}

impl DisplayAs for Knowing {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl ExecutionPlan for Knowing {
    fn name(&self) -> &'static str {
        "Knowing"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { input: children.swap_remove(0), scalars: self.scalars.clone() }))
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { input: children.swap_remove(0), scalars: self.scalars.clone() }))
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (input, scalars) = (self.input.clone(), self.scalars.clone());
        let rows = futures::stream::once(async move {
            scalars.known(&context).await?;
            input.execute(partition, context)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows.try_flatten())))
    }
}
