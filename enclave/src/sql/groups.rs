//! The smallest group that a result may tell of.
//!
//! Where a contract asks for groups of k rows, every value of the result has to come out of an aggregate, and each of its groups
//! counts how many different rows of each input are in it ([`rows`]). Groups with fewer of any are left out. Rows are told apart by
//! their place in the sealed files, so that a join that repeats a row does not make it many.
//!
//! What cannot be seen to in this way is refused: rows that come out as they are, functions that give the value of one row,
//! subqueries, sets of groupings, whose sums give away what was left out, and DISTINCT or windows below an aggregate.

mod rows;

use crate::engine::EngineError;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::expr_fn::count_distinct;
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder, lit};
use std::sync::Arc;

/// Functions whose value is one of the group, and not of a row in it.
const OF_GROUPS: &[&str] = &[
    "approx_distinct",
    "avg",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "sum",
    "var",
    "var_pop",
];

/// Leaves out what is smaller, or refuses.
pub(super) fn enforce(plan: LogicalPlan, least: u64) -> Result<LogicalPlan, EngineError> {
    if least <= 1 {
        return Ok(plan);
    }
    let refused = |error: DataFusionError| match error {
        DataFusionError::Plan(why) => EngineError::Groups(why, least),
        _ => EngineError::Groups("this query cannot be seen to".to_owned(), least),
    };
    let least =
        i64::try_from(least).map_err(|_| EngineError::Groups("no group is as large".to_owned(), least))?;
    no_subqueries(&plan).and_then(|()| guarded(&plan, least)).map_err(refused)
}

fn refuse<T>(why: impl Into<String>) -> Result<T> {
    Err(DataFusionError::Plan(why.into()))
}

fn no_subqueries(plan: &LogicalPlan) -> Result<()> {
    if has_subquery(plan) {
        refuse("it has a subquery in an expression: a join can be seen to")
    } else {
        Ok(())
    }
}

/// Has it a query in an expression?
pub(super) fn has_subquery(plan: &LogicalPlan) -> bool {
    let mut found = false;
    let walked = plan.apply(|node| {
        node.apply_expressions(|expr| {
            found |= expr.exists(|expr| {
                Ok(matches!(
                    expr,
                    Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_) | Expr::SetComparison(_)
                ))
            })?;
            Ok(TreeNodeRecursion::Continue)
        })
    });
    found || walked.is_err()
}

/// The same plan, in which every way from the inputs to the result leads through groups that are large enough.
fn guarded(plan: &LogicalPlan, least: i64) -> Result<LogicalPlan> {
    match plan {
        LogicalPlan::Aggregate(aggregate) => groups(aggregate, least),
        LogicalPlan::TableScan(scan) => {
            refuse(format!("rows of `{}` would come out as they are", scan.table_name))
        }
        LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => Ok(plan.clone()),
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Join(_) => {
            let inputs =
                plan.inputs().into_iter().map(|input| guarded(input, least)).collect::<Result<Vec<_>>>()?;
            plan.with_new_exprs(plan.expressions(), inputs)
        }
        other => refuse(format!("{} cannot be seen to", name(other))),
    }
}

fn name(plan: &LogicalPlan) -> String {
    let shown = plan.display().to_string();
    let name = shown.split([':', ' ']).next().unwrap_or_default();
    format!("`{name}`")
}

/// An aggregate whose small groups are left out.
fn groups(aggregate: &Aggregate, least: i64) -> Result<LogicalPlan> {
    if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
        return refuse("ROLLUP, CUBE and GROUPING SETS give away what is left out");
    }
    for expr in &aggregate.aggr_expr {
        of_groups(expr)?;
    }
    let rows::Counted { plan, rows } = rows::counted(&aggregate.input, least)?;
    let kept: Vec<Expr> = aggregate.schema.columns().into_iter().map(Expr::Column).collect();
    let mut functions = aggregate.aggr_expr.clone();
    let mut large = Vec::new();
    for (number, row) in rows.into_iter().enumerate() {
        let count = format!("__rows_{number}");
        functions.push(count_distinct(Expr::Column(row)).alias(count.clone()));
        large.push(datafusion::prelude::col(count).gt_eq(lit(least)));
    }
    let Some(large) = large.into_iter().reduce(Expr::and) else {
        return Ok(LogicalPlan::Aggregate(Aggregate::try_new(
            Arc::new(plan),
            aggregate.group_expr.clone(),
            functions,
        )?));
    };
    LogicalPlanBuilder::from(plan)
        .aggregate(aggregate.group_expr.clone(), functions)?
        .filter(large)?
        .project(kept)?
        .build()
}

fn of_groups(expr: &Expr) -> Result<()> {
    let mut refused = None;
    expr.apply(|expr| {
        if let Expr::AggregateFunction(function) = expr {
            let name = function.func.name();
            if !OF_GROUPS.contains(&name) {
                refused = Some(format!("`{name}` gives the value of a single row"));
            } else if function.params.filter.is_some() {
                refused = Some(format!("`{name}` with FILTER is about fewer rows than the group has"));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    refused.map_or(Ok(()), refuse)
}
