//! Which rows of the inputs a row came from.
//!
//! Below an aggregate each input gets one more column: the number of the row among all rows of the contract's inputs. It is carried up to
//! the aggregate beside the columns that the query names, and a row that was joined has one for each input.

use super::super::table::SealedTable;
use super::{guarded, name, refuse};
use datafusion::common::Column;
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder, TableScan, Union};
use std::sync::Arc;

/// A plan with the numbers of rows beside its columns.
pub(super) struct Counted {
    pub(super) plan: LogicalPlan,
    /// One for each input that it reads.
    pub(super) rows: Vec<Column>,
}

pub(super) fn counted(plan: &LogicalPlan, least: i64) -> Result<Counted> {
    let mut next = 0;
    Walk { least, next: &mut next }.counted(plan)
}

struct Walk<'a> {
    least: i64,
    /// Numbers of columns that were not used yet.
    next: &'a mut usize,
}

impl Walk<'_> {
    fn counted(&mut self, plan: &LogicalPlan) -> Result<Counted> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            // What an aggregate below gives is about groups that are large enough.
            LogicalPlan::Aggregate(_) | LogicalPlan::EmptyRelation(_) | LogicalPlan::Values(_) => {
                Ok(Counted { plan: guarded(plan, self.least)?, rows: Vec::new() })
            }
            LogicalPlan::Projection(projection) => {
                let Counted { plan, rows } = self.counted(&projection.input)?;
                let exprs = projection.expr.iter().cloned().chain(rows.iter().cloned().map(Expr::Column));
                let plan = LogicalPlanBuilder::from(plan).project(exprs.collect::<Vec<_>>())?.build()?;
                Ok(Counted { plan, rows })
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let Counted { plan, rows } = self.counted(&alias.input)?;
                let plan = LogicalPlanBuilder::from(plan).alias(alias.alias.clone())?.build()?;
                let under = |row: Column| Column::new(Some(alias.alias.clone()), row.name);
                Ok(Counted { plan, rows: rows.into_iter().map(under).collect() })
            }
            LogicalPlan::Join(join) => match join.join_type {
                JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => self.through(plan),
                other => refuse(format!("a {other} join cannot be seen to")),
            },
            LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => self.through(plan),
            // A window may give each row of a group the value of one.
            LogicalPlan::Window(_) => refuse("a window below an aggregate cannot be seen to"),
            LogicalPlan::Union(union) => self.union(union),
            other => refuse(format!("{} below an aggregate cannot be seen to", name(other))),
        }
    }

    /// What leaves the columns of its inputs as they are.
    fn through(&mut self, plan: &LogicalPlan) -> Result<Counted> {
        let (mut inputs, mut rows) = (Vec::new(), Vec::new());
        for input in plan.inputs() {
            let counted = self.counted(input)?;
            inputs.push(counted.plan);
            rows.extend(counted.rows);
        }
        Ok(Counted { plan: plan.with_new_exprs(plan.expressions(), inputs)?, rows })
    }

    fn scan(&mut self, scan: &TableScan) -> Result<Counted> {
        let provider = source_as_provider(&scan.source)?;
        let Some(table) = provider.downcast_ref::<SealedTable>() else {
            return refuse(format!("`{}` is no input", scan.table_name));
        };
        let source = provider_as_source(Arc::new(table.numbered()));
        let plan = LogicalPlanBuilder::scan_with_filters(
            scan.table_name.clone(),
            source,
            None,
            scan.filters.clone(),
        )?;
        let columns = scan.projected_schema.columns().into_iter().map(Expr::Column);
        let row = self.column();
        let number = table.number(&scan.table_name).alias(row.name.clone());
        let plan = plan.project(columns.chain([number]).collect::<Vec<_>>())?.build()?;
        Ok(Counted { plan, rows: vec![row] })
    }

    /// Rows of one table or of another: their numbers share the columns.
    fn union(&mut self, union: &Union) -> Result<Counted> {
        let mut inputs = Vec::new();
        let mut shared: Option<Vec<Column>> = None;
        for input in &union.inputs {
            let columns = input.schema().columns().into_iter().map(Expr::Column);
            let Counted { plan, rows } = self.counted(input)?;
            let shared = shared.get_or_insert_with(|| rows.iter().map(|_| self.column()).collect());
            if rows.len() != shared.len() {
                return refuse("the parts of a union read different numbers of inputs");
            }
            let numbers =
                rows.into_iter().zip(shared).map(|(row, shared)| Expr::Column(row).alias(&shared.name));
            let plan = LogicalPlanBuilder::from(plan)
                .project(columns.chain(numbers).collect::<Vec<_>>())?
                .build()?;
            inputs.push(Arc::new(plan));
        }
        let plan = LogicalPlan::Union(Union::try_new_with_loose_types(inputs)?);
        Ok(Counted { plan, rows: shared.unwrap_or_default() })
    }

    fn column(&mut self) -> Column {
        *self.next += 1;
        Column::from_name(format!("__row_{}", self.next))
    }
}
