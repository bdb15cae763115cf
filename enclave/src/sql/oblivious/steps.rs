//! Steps of DataFusion as those that are run obliviously. What there is none of is named.

use super::exprs::expr;
use crate::sql::table::SealedTable;
use arrow_schema::{DataType, Schema};
use datafusion::catalog::TableProvider;
use datafusion::common::{DFSchema, JoinType, NullEquality};
use datafusion::datasource::source_as_provider;
use datafusion::error::Result as Read;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprSchemable, FetchType, Join, Limit, LogicalPlan, SkipType, Sort, TableScan,
};
use datafusion::physical_plan::ExecutionPlan;
use std::sync::Arc;
use welkin_oblivious::{Call, Expr as Hidden, Function, Plan, SortKey};

/// What is run, on what is read.
pub(super) struct Steps {
    pub(super) plan: Plan,
    pub(super) scans: Vec<Scan>,
}

/// An input, with the columns that are read.
pub(super) struct Scan {
    table: SealedTable,
    columns: Option<Vec<usize>>,
}

type Step = Result<Plan, String>;

impl Steps {
    pub(super) fn of(plan: &LogicalPlan) -> Result<Self, String> {
        let mut scans = Vec::new();
        let plan = step(plan, &mut scans)?;
        Ok(Self { plan, scans })
    }
}

impl Scan {
    pub(super) fn schema(&self) -> Schema {
        let schema = self.table.schema();
        match &self.columns {
            Some(columns) => schema.project(columns).expect("the planner chose them"),
            None => schema.as_ref().clone(),
        }
    }

    /// All rows of it.
    pub(super) async fn input(&self, context: &SessionContext) -> Read<Arc<dyn ExecutionPlan>> {
        self.table.scan(&context.state(), self.columns.as_ref(), &[], None).await
    }
}

fn step(plan: &LogicalPlan, scans: &mut Vec<Scan>) -> Step {
    match plan {
        LogicalPlan::TableScan(scan) => read(scan, scans),
        LogicalPlan::SubqueryAlias(alias) => step(&alias.input, scans),
        LogicalPlan::Filter(filter) => {
            let condition = expr(&filter.predicate, filter.input.schema())?;
            Ok(Plan::Filter(Box::new(step(&filter.input, scans)?), condition))
        }
        LogicalPlan::Projection(projection) => {
            let columns = exprs(projection.expr.iter(), projection.input.schema())?;
            Ok(Plan::Project(Box::new(step(&projection.input, scans)?), columns))
        }
        LogicalPlan::Aggregate(aggregate) => grouped(aggregate, scans),
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let keys = input.schema().columns().into_iter().map(Expr::Column).collect::<Vec<_>>();
            no_floats(&keys, input.schema(), "DISTINCT")?;
            Ok(Plan::Group(Box::new(step(input, scans)?), (0..keys.len()).collect(), Vec::new()))
        }
        LogicalPlan::Sort(sort) => ordered(sort, scans),
        LogicalPlan::Limit(limit) => limited(limit, scans),
        LogicalPlan::Join(join) => joined(join, scans),
        LogicalPlan::Union(union) => {
            union.inputs.iter().map(|input| step(input, scans)).collect::<Result<_, _>>().map(Plan::Union)
        }
        LogicalPlan::Window(_) => Err("window functions".to_owned()),
        other => {
            let shown = other.display().to_string();
            Err(format!("the step `{}`", shown.split([':', ' ']).next().unwrap_or_default()))
        }
    }
}

fn exprs<'a>(of: impl Iterator<Item = &'a Expr>, schema: &DFSchema) -> Result<Vec<Hidden>, String> {
    of.map(|one| expr(one, schema)).collect()
}

fn read(scan: &TableScan, scans: &mut Vec<Scan>) -> Step {
    let provider = source_as_provider(&scan.source).map_err(|error| error.strip_backtrace())?;
    let table = provider.downcast_ref::<SealedTable>();
    let table = table.ok_or_else(|| format!("`{}`, which is no input", scan.table_name))?;
    // Filters and limits that DataFusion would hand down are steps above it, too.
    scans.push(Scan { table: table.clone(), columns: scan.projection.clone() });
    Ok(Plan::Scan(scans.len() - 1))
}

/// Zero and minus zero are one group in some places and two in others.
fn no_floats(keys: &[Expr], schema: &DFSchema, what: &str) -> Result<(), String> {
    let float = keys.iter().any(|key| key.get_type(schema).is_ok_and(|kind| kind == DataType::Float64));
    if float { Err(format!("{what} by floating-point numbers")) } else { Ok(()) }
}

/// Keys and arguments become columns first.
fn grouped(aggregate: &Aggregate, scans: &mut Vec<Scan>) -> Step {
    let schema = aggregate.input.schema();
    no_floats(&aggregate.group_expr, schema, "groups")?;
    if aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
        return Err("ROLLUP, CUBE and GROUPING SETS".to_owned());
    }
    let mut columns = exprs(aggregate.group_expr.iter(), schema)?;
    let keys = (0..columns.len()).collect();
    let mut calls = Vec::new();
    for call in &aggregate.aggr_expr {
        let (function, argument) = called(call)?;
        // What is there in every row is counted as rows are.
        let rows =
            function == Function::Count && matches!(argument, Expr::Literal(value, _) if !value.is_null());
        let column = if rows { None } else { Some(columns.len()) };
        if !rows {
            columns.push(expr(argument, schema)?);
        }
        calls.push(Call { function, column });
    }
    let input = step(&aggregate.input, scans)?;
    Ok(Plan::Group(Box::new(Plan::Project(Box::new(input), columns)), keys, calls))
}

fn called(call: &Expr) -> Result<(Function, &Expr), String> {
    let call = match call {
        Expr::Alias(alias) => &alias.expr,
        other => other,
    };
    let Expr::AggregateFunction(call) = call else {
        return Err(format!("the aggregate {call}"));
    };
    let params = &call.params;
    let plain = !params.distinct && params.filter.is_none() && params.order_by.is_empty();
    let function = match call.func.name() {
        "count" => Function::Count,
        "sum" => Function::Sum,
        "avg" => Function::Average,
        "min" => Function::Least,
        "max" => Function::Greatest,
        other => return Err(format!("the aggregate `{other}`")),
    };
    match &params.args[..] {
        [argument] if plain => Ok((function, argument)),
        _ => Err(format!("`{}` with DISTINCT, FILTER, ORDER BY or several arguments", call.func.name())),
    }
}

/// What rows are ordered by becomes columns at the end, which are left out again.
fn ordered(sort: &Sort, scans: &mut Vec<Scan>) -> Step {
    let schema = sort.input.schema();
    let count = schema.fields().len();
    let whole: Vec<Hidden> = (0..count).map(Hidden::Column).collect();
    let by = exprs(sort.expr.iter().map(|key| &key.expr), schema)?;
    let key = |(number, key): (usize, &datafusion::logical_expr::SortExpr)| SortKey {
        column: count + number,
        descending: !key.asc,
        nulls_first: key.nulls_first,
    };
    let keys = sort.expr.iter().enumerate().map(key).collect();
    let input = Plan::Project(Box::new(step(&sort.input, scans)?), [whole.clone(), by].concat());
    let sorted = Plan::Project(Box::new(Plan::Sort(Box::new(input), keys)), whole);
    Ok(match sort.fetch {
        Some(_) => Plan::Limit(Box::new(sorted), 0, sort.fetch),
        None => sorted,
    })
}

fn limited(limit: &Limit, scans: &mut Vec<Scan>) -> Step {
    let known = limit.get_skip_type().ok().zip(limit.get_fetch_type().ok());
    let Some((SkipType::Literal(skip), FetchType::Literal(fetch))) = known else {
        return Err("a LIMIT that is no number".to_owned());
    };
    Ok(Plan::Limit(Box::new(step(&limit.input, scans)?), skip, fetch))
}

/// The right side has each key once, unless only the left one is known to.
fn joined(join: &Join, scans: &mut Vec<Scan>) -> Step {
    let (left, right) = (join.left.schema(), join.right.schema());
    let (of_left, of_right) = (left.fields().len(), right.fields().len());
    if join.null_equality != NullEquality::NullEqualsNothing {
        return Err("joins in which NULL equals NULL".to_owned());
    }
    let on = join.on.iter().map(|(a, b)| match (expr(a, left)?, expr(b, right)?) {
        (Hidden::Column(a), Hidden::Column(b)) => Ok((a, b)),
        _ => Err("joins by keys that are computed".to_owned()),
    });
    let on = on.collect::<Result<Vec<_>, String>>()?;
    let keys: Vec<Expr> = join.on.iter().map(|(a, _)| a.clone()).collect();
    no_floats(&keys, left, "joins")?;
    if on.is_empty() {
        return Err("joins without a key".to_owned());
    }
    let (first, second) = (Box::new(step(&join.left, scans)?), Box::new(step(&join.right, scans)?));
    let turn = match join.join_type {
        JoinType::Inner => {
            unique(&first, on.iter().map(|(a, _)| *a)) && !unique(&second, on.iter().map(|(_, b)| *b))
        }
        JoinType::Left => false,
        JoinType::Right => true,
        other => return Err(format!("{other} joins")),
    };
    let outer = join.join_type != JoinType::Inner;
    let plan = if turn {
        let on = on.into_iter().map(|(a, b)| (b, a)).collect();
        let turned = Plan::Join { left: second, right: first, on, outer };
        let order = (of_right..of_right + of_left).chain(0..of_right);
        Plan::Project(Box::new(turned), order.map(Hidden::Column).collect())
    } else {
        Plan::Join { left: first, right: second, on, outer }
    };
    match &join.filter {
        None => Ok(plan),
        Some(filter) if !outer => Ok(Plan::Filter(Box::new(plan), expr(filter, &join.schema)?)),
        Some(_) => Err("outer joins with other conditions than equal keys".to_owned()),
    }
}

/// Has it each key once, whatever its rows are? So have groups by these columns.
fn unique(plan: &Plan, keys: impl Iterator<Item = usize>) -> bool {
    match plan {
        Plan::Group(_, by, _) => {
            let keys: Vec<usize> = keys.collect();
            (0..by.len()).all(|key| keys.contains(&key))
        }
        Plan::Filter(input, _) | Plan::Sort(input, _) | Plan::Limit(input, ..) => unique(input, keys),
        Plan::Project(input, columns) => {
            let through = |key: usize| match columns.get(key) {
                Some(Hidden::Column(column)) => Some(*column),
                _ => None,
            };
            keys.map(through).collect::<Option<Vec<_>>>().is_some_and(|keys| unique(input, keys.into_iter()))
        }
        _ => false,
    }
}
