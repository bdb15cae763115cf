//! Whose each partition of each step of a plan is, and where rows have to go to another engine for that.
//!
//! From the leaves up: partitions of what is read are dealt out in turn; a step that looks at one partition at a time leaves them whose they are;
//! one that spreads rows deals its partitions out anew; one that brings everything together does it at the first engine. A join needs both
//! sides of a partition at one engine, and a side that is read as a whole everywhere.
//!
//! Every step is named here. One that is not is refused, and none is guessed at.

use super::node::{Exchange, Hall, Way};
use super::scalars::{Knowing, Scalars};
use datafusion::common::JoinType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::DataFusionError;
use datafusion::physical_expr::Partitioning;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode, SortMergeJoinExec,
};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::scalar_subquery::{ScalarSubqueryExec, ScalarSubqueryLink};
use datafusion::physical_plan::sorts::partial_sort::PartialSortExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::union::{InterleaveExec, UnionExec};
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A plan with exchanges, whose one partition is the first engine's.
pub(super) struct Shared {
    pub(super) plan: Arc<dyn ExecutionPlan>,
    /// By their numbers.
    pub(super) stages: Vec<Arc<Exchange>>,
}

/// Why a plan is not shared.
#[derive(Debug)]
pub(super) enum Unshared {
    /// Nobody knows how.
    Step(String),
    Error(DataFusionError),
}

impl From<DataFusionError> for Unshared {
    fn from(error: DataFusionError) -> Self {
        Self::Error(error)
    }
}

/// Shares a plan between so many engines.
pub(super) fn share(plan: &Arc<dyn ExecutionPlan>, engines: u32, hall: &Hall) -> Result<Shared, Unshared> {
    let mut walk = Walk { engines, hall, stages: Vec::new(), leaves: 0 };
    let whole = walk.step(plan, None)?;
    let whole = walk.one(whole, None);
    let plan = walk.at(whole, vec![FIRST], None).plan;
    Ok(Shared { plan, stages: walk.stages })
}

/// The engine that brings everything together.
const FIRST: u32 = 0;

/// A step, and whose each of its partitions is.
struct Step {
    plan: Arc<dyn ExecutionPlan>,
    owners: Vec<u32>,
}

struct Walk<'a> {
    engines: u32,
    hall: &'a Hall,
    stages: Vec<Arc<Exchange>>,
    /// How many leaves there were: small tables are not all the first engine's.
    leaves: u32,
}

/// What a step below an exchange has to know before it runs.
type Known<'a> = Option<&'a Arc<Scalars>>;

impl Walk<'_> {
    fn step(&mut self, plan: &Arc<dyn ExecutionPlan>, known: Known<'_>) -> Result<Step, Unshared> {
        let count = partitions(plan);
        if is_leaf(plan) {
            let first = self.leaves;
            self.leaves += 1;
            return Ok(Step { plan: plan.clone(), owners: self.dealt(first, count) });
        }
        if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            return match join.partition_mode() {
                PartitionMode::Partitioned => self.side_by_side(plan, known),
                PartitionMode::CollectLeft => {
                    let alike = !join.null_aware && alike_everywhere(*join.join_type());
                    self.one_side_whole(plan, alike, known)
                }
                PartitionMode::Auto => unknown(plan),
            };
        }
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let alike = alike_everywhere(*join.join_type());
            return self.one_side_whole(plan, alike, known);
        }
        if plan.is::<CrossJoinExec>() {
            return self.one_side_whole(plan, true, known);
        }
        if plan.is::<SortMergeJoinExec>() || plan.is::<InterleaveExec>() {
            return self.side_by_side(plan, known);
        }
        if plan.is::<UnionExec>() {
            let (mut children, mut owners) = (Vec::new(), Vec::new());
            for child in plan.children() {
                let step = self.step(child, known)?;
                children.push(step.plan);
                owners.extend(step.owners);
            }
            return of_children(plan, children, owners);
        }
        if let Some(scalars) = plan.downcast_ref::<ScalarSubqueryExec>() {
            return self.scalars(scalars, known);
        }
        let [child] = plan.children()[..] else { return unknown(plan) };
        let child = self.step(child, known)?;
        if let Some(spread) = plan.downcast_ref::<RepartitionExec>() {
            return self.spread(plan, spread, child, known);
        }
        if plan.is::<CoalescePartitionsExec>() || plan.is::<SortPreservingMergeExec>() {
            let at_first = vec![FIRST; child.owners.len()];
            let child = self.at(child, at_first, known);
            return of_children(plan, vec![child.plan], vec![FIRST]);
        }
        if leaves_partitions(plan) && count == child.owners.len() {
            return of_children(plan, vec![child.plan], child.owners);
        }
        unknown(plan)
    }

    /// So many partitions, in turn.
    fn dealt(&self, first: u32, count: usize) -> Vec<u32> {
        (0..self.engines).cycle().skip((first % self.engines) as usize).take(count).collect()
    }

    /// Rows go to the partition that their values say.
    fn spread(
        &mut self,
        plan: &Arc<dyn ExecutionPlan>,
        spread: &RepartitionExec,
        child: Step,
        known: Known<'_>,
    ) -> Result<Step, Unshared> {
        let way = match spread.partitioning() {
            hash @ Partitioning::Hash(..) if !spread.preserve_order() => Way::Spread(hash.clone()),
            _ => return unknown(plan),
        };
        let to = self.dealt(0, partitions(plan));
        Ok(self.exchange(child, way, to, plan, known))
    }

    /// The same partitions of all children at one engine.
    fn side_by_side(&mut self, plan: &Arc<dyn ExecutionPlan>, known: Known<'_>) -> Result<Step, Unshared> {
        let mut children = Vec::new();
        let mut owners: Option<Vec<u32>> = None;
        for child in plan.children() {
            let step = self.step(child, known)?;
            let to = owners.get_or_insert_with(|| step.owners.clone()).clone();
            if to.len() != step.owners.len() {
                return unknown(plan);
            }
            children.push(self.at(step, to, known).plan);
        }
        of_children(plan, children, owners.unwrap_or_default())
    }

    /// The left side as a whole, beside each partition of the right one. Where the join says something of rows on the left that had no partner, it has to see
    /// all of the right side at once.
    fn one_side_whole(
        &mut self,
        plan: &Arc<dyn ExecutionPlan>,
        alike: bool,
        known: Known<'_>,
    ) -> Result<Step, Unshared> {
        let [left, right] = plan.children()[..] else { return unknown(plan) };
        let (left, right) = (self.step(left, known)?, self.step(right, known)?);
        if left.owners.len() != 1 {
            return unknown(plan);
        }
        let (left, right) = if alike {
            let there = right.owners.iter().all(|owner| *owner == left.owners[0]);
            (if there { left } else { self.everywhere(left, known) }, right)
        } else {
            let all = vec![FIRST; right.owners.len()];
            (self.at(left, vec![FIRST], known), self.at(right, all, known))
        };
        of_children(plan, vec![left.plan, right.plan], right.owners)
    }

    /// Values that every engine gets before its pieces of the plan run.
    fn scalars(&mut self, plan: &ScalarSubqueryExec, known: Known<'_>) -> Result<Step, Unshared> {
        if known.is_some() {
            return Err(Unshared::Step("subqueries with one value inside of each other".to_owned()));
        }
        let mut links = Vec::new();
        for ScalarSubqueryLink { plan, index } in plan.subqueries() {
            let value = self.step(plan, None)?;
            let value = self.one(value, None);
            let plan = self.everywhere(value, None).plan;
            links.push(ScalarSubqueryLink { plan, index: *index });
        }
        let known = OnceCell::new();
        let scalars = Arc::new(Scalars { links, results: plan.results().clone(), known });
        let Step { plan: input, owners } = self.step(plan.input(), Some(&scalars))?;
        Ok(Step { plan: Arc::new(Knowing { input, scalars }), owners })
    }

    /// All of it in one partition.
    fn one(&mut self, step: Step, known: Known<'_>) -> Step {
        if step.owners.len() == 1 {
            return step;
        }
        let at_first = vec![FIRST; step.owners.len()];
        let plan = self.at(step, at_first, known).plan;
        Step { plan: Arc::new(CoalescePartitionsExec::new(plan)), owners: vec![FIRST] }
    }

    /// The same partitions at other engines.
    fn at(&mut self, step: Step, to: Vec<u32>, known: Known<'_>) -> Step {
        if step.owners == to {
            return step;
        }
        let like = step.plan.clone();
        self.exchange(step, Way::Move, to, &like, known)
    }

    /// The one partition at every engine.
    fn everywhere(&mut self, step: Step, known: Known<'_>) -> Step {
        let (like, to) = (step.plan.clone(), step.owners.clone());
        self.exchange(step, Way::Everyone, to, &like, known)
    }

    fn exchange(
        &mut self,
        step: Step,
        way: Way,
        to: Vec<u32>,
        like: &Arc<dyn ExecutionPlan>,
        known: Known<'_>,
    ) -> Step {
        let Step { plan, owners: from } = step;
        let input = match known {
            None => plan,
            Some(scalars) => Arc::new(Knowing { input: plan, scalars: scalars.clone() }) as _,
        };
        let (stage, hall) = (self.stages.len(), self.hall.clone());
        let properties = like.properties().clone();
        let exchange = Exchange { input, way, stage, from, to: to.clone(), properties, hall };
        let exchange = Arc::new(exchange);
        self.stages.push(exchange.clone());
        Step { plan: exchange, owners: to }
    }
}

fn partitions(plan: &Arc<dyn ExecutionPlan>) -> usize {
    plan.output_partitioning().partition_count()
}

/// The step on children that were shared.
fn of_children(
    plan: &Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
    owners: Vec<u32>,
) -> Result<Step, Unshared> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    let shared = plan.clone().replace_children(children, options)?;
    if partitions(&shared) != owners.len() {
        return unknown(plan);
    }
    Ok(Step { plan: shared, owners })
}

/// What is read. Its partitions are read each by itself, since nothing lets them take work from each other.
fn is_leaf(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(read) = plan.downcast_ref::<DataSourceExec>() {
        let source = read.data_source();
        return source.downcast_ref::<FileScanConfig>().is_some()
            || source.downcast_ref::<MemorySourceConfig>().is_some();
    }
    plan.is::<EmptyExec>() || plan.is::<PlaceholderRowExec>()
}

/// Steps that look at one partition at a time.
fn leaves_partitions(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<FilterExec>()
        || plan.is::<ProjectionExec>()
        || plan.is::<AggregateExec>()
        || plan.is::<SortExec>()
        || plan.is::<PartialSortExec>()
        || plan.is::<LocalLimitExec>()
        || plan.is::<GlobalLimitExec>()
        || plan.is::<WindowAggExec>()
        || plan.is::<BoundedWindowAggExec>()
        || plan.is::<UnnestExec>()
        || plan.is::<CooperativeExec>()
}

/// Joins whose result is that of all partitions of the right side, each beside the whole left one: nothing is said of rows on the left by themselves.
fn alike_everywhere(kind: JoinType) -> bool {
    match kind {
        JoinType::Inner
        | JoinType::Right
        | JoinType::RightSemi
        | JoinType::RightAnti
        | JoinType::RightMark => true,
        JoinType::Left | JoinType::Full | JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => {
            false
        }
    }
}

fn unknown<T>(plan: &Arc<dyn ExecutionPlan>) -> Result<T, Unshared> {
    Err(Unshared::Step(format!("the step {}", plan.name())))
}
