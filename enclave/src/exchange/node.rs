//! The step of a plan at which rows go to the engines whose they are.

use super::inbox::Inbox;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Partitioning, PhysicalExpr};
use datafusion::physical_plan::execution_plan::ReplaceChildrenOptions;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Where what comes can be found, as soon as the engines have agreed.
pub(super) type Hall = Arc<OnceLock<Arc<Inbox>>>;

/// Where rows go.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    /// Each partition as it is, to another engine.
    Move,
    /// Each row to the partition that its values say.
    Spread(Partitioning),
    /// All rows to every engine.
    Everyone,
}

/// Rows go somewhere else here.
pub(super) struct Exchange {
    pub(super) input: Arc<dyn ExecutionPlan>,
    pub(super) way: Way,
    pub(super) stage: usize,
    /// Whose each partition of the input is.
    pub(super) from: Vec<u32>,
    /// Whose each partition is here; every engine has its own where rows go to everyone.
    pub(super) to: Vec<u32>,
    pub(super) properties: Arc<PlanProperties>,
    pub(super) hall: Hall,
}

impl Exchange {
    /// Which partitions an engine gets rows for.
    pub(super) fn of(&self, rank: u32) -> Vec<bool> {
        match self.way {
            Way::Everyone => vec![true],
            _ => self.to.iter().map(|owner| *owner == rank).collect(),
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, stage, from, to, .. } = self;
        write!(f, "Exchange {stage}: {way:?}, {from:?} to {to:?}")
    }
}

impl DisplayAs for Exchange {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl ExecutionPlan for Exchange {
    fn name(&self) -> &'static str {
        "Exchange"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        fixed()
    }

    fn with_new_children(self: Arc<Self>, _: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        fixed()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let inbox = self.hall.get();
        let inbox = inbox.ok_or_else(|| DataFusionError::Internal("nobody agreed yet".to_owned()))?;
        let rows = inbox.take(self.stage, partition)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// Whose a partition is was found out once, for the whole plan.
fn fixed() -> Result<Arc<dyn ExecutionPlan>> {
    Err(DataFusionError::Internal("an exchange stays where it is".to_owned()))
}
