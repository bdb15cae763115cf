//! An aggregate that is computed with noise: what is read for it, and how its columns come out of measures.

use super::columns::{self, Argument, Key, Output};
use super::total;
use crate::privacy::persons;
use crate::sql::table::SealedTable;
use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use datafusion::common::Column;
use datafusion::datasource::{MemTable, provider_as_source, source_as_provider};
use datafusion::error::{DataFusionError, Result as Read};
use datafusion::execution::TaskContext;
use datafusion::execution::context::{SessionContext, SessionState};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::ExecutionPlanProperties;
use futures::StreamExt;
use std::collections::BTreeSet;
use std::sync::Arc;
use welkin_privacy::{Measure, Released, Share, Tally, Wide};
use welkin_seal::Noise;

/// An aggregate, planned.
pub(super) struct Asked {
    pub(super) aggregate: Aggregate,
    /// What stands in its place.
    pub(super) table: LogicalPlan,
    pub(super) measures: Vec<Measure>,
    /// Rows with the columns of keys, then of arguments, then of who they are about.
    rows: LogicalPlan,
    keys: Vec<Key>,
    arguments: Vec<Argument>,
    person: bool,
    outputs: Vec<Output>,
    groups: Arc<MemTable>,
    schema: SchemaRef,
    /// Rows that the inputs have, as was signed.
    most_rows: u64,
}

/// Groups of one aggregate, over all of its keys together.
const MOST_GROUPS: usize = 1 << 16;

/// What is kept of a person: a hash and a count, in a tree that is two thirds full.
const BYTES_OF_A_PERSON: u64 = 48;

impl Asked {
    pub(super) fn of(
        context: &SessionContext,
        aggregate: &Aggregate,
        noise: &Noise,
        number: usize,
    ) -> Result<Self, String> {
        let input = &aggregate.input;
        let mut read = Vec::new();
        for key in &aggregate.group_expr {
            let Expr::Column(column) = key else {
                return Err(format!(
                    "`{key}` is computed within GROUP BY: give it a name in a subquery, and name its groups in the contract"
                ));
            };
            read.push(column.clone());
        }
        let mut asking =
            Asking { noise, input, measures: Vec::new(), arguments: Vec::new(), columns: Vec::new() };
        let kinds = aggregate.schema.fields().iter().skip(aggregate.group_expr.len());
        let outputs = aggregate.aggr_expr.iter().zip(kinds).map(|(call, field)| asking.output(call, field));
        let outputs = outputs.collect::<Result<Vec<_>, String>>()?;
        let Asking { measures, arguments, columns, .. } = asking;
        read.extend(columns);
        let most_rows = inputs(input, noise)?;
        if let Some(person) = &noise.person {
            read.push(who(input, person)?);
        }
        let rows = lower(context, input, &read)?;
        let keys = aggregate.group_expr.iter().zip(&read).enumerate().map(|(at, (_, column))| {
            let groups = noise.groups.get(&column.name).ok_or_else(|| {
                format!(
                    "the contract names no groups of `{}`, and which there are is a value too",
                    column.name
                )
            })?;
            Key::of(&column.name, groups, rows.schema().field(at).data_type())
        });
        let keys = keys.collect::<Result<Vec<_>, String>>()?;
        let count = keys.iter().try_fold(1_usize, |count, key| count.checked_mul(key.count()));
        if count.is_none_or(|count| count > MOST_GROUPS) {
            return Err(format!("its groups are more than {MOST_GROUPS}"));
        }
        let schema: SchemaRef = Arc::new(Schema::new(
            aggregate
                .schema
                .fields()
                .iter()
                .enumerate()
                .map(|(at, field)| {
                    Field::new(format!("c{at}"), field.data_type().clone(), field.is_nullable())
                })
                .collect::<Vec<_>>(),
        ));
        let told = |error: DataFusionError| error.strip_backtrace();
        let groups = Arc::new(MemTable::try_new(schema.clone(), vec![Vec::new()]).map_err(told)?);
        let table = in_place(aggregate, &groups, number).map_err(told)?;
        let aggregate = aggregate.clone();
        let person = noise.person.is_some();
        Ok(Self {
            aggregate,
            table,
            measures,
            rows,
            keys,
            arguments,
            person,
            outputs,
            groups,
            schema,
            most_rows,
        })
    }

    pub(super) fn tally(&self, most: u64, share: Share) -> Result<Tally, Wide> {
        let groups = self.keys.iter().map(Key::count).product();
        let bounds = self.arguments.iter().map(Argument::bound).collect();
        Tally::new(groups, bounds, self.measures.clone(), most, share)
    }

    /// Memory for everybody who could be among the rows. It goes by what was signed of their number, and tells nothing of them.
    pub(super) fn memory(&self) -> u64 {
        if self.person { self.most_rows.saturating_mul(BYTES_OF_A_PERSON) } else { 0 }
    }

    /// Goes through the rows, in the order of the files: which rows of a person count depends on no others.
    pub(super) async fn count(&self, state: &SessionState, tally: &mut Tally) -> Read<()> {
        let plan = state.create_physical_plan(&self.rows).await?;
        let task = Arc::new(TaskContext::from(state));
        for partition in 0..plan.output_partitioning().partition_count() {
            let mut batches = plan.execute(partition, task.clone())?;
            while let Some(batch) = batches.next().await {
                self.add(&batch?, tally)?;
            }
        }
        Ok(())
    }

    fn add(&self, batch: &RecordBatch, tally: &mut Tally) -> Read<()> {
        let (keys, rest) = batch.columns().split_at(self.keys.len());
        let groups = columns::groups(&self.keys, keys, batch.num_rows())?;
        let arguments = self.arguments.iter().zip(rest).map(|(argument, array)| argument.read(array));
        let arguments = arguments.collect::<Read<Vec<_>>>()?;
        let persons = match rest.get(self.arguments.len()) {
            Some(array) if self.person => Some(persons(array)?),
            _ => None,
        };
        let mut values = vec![None; self.arguments.len()];
        for (row, group) in groups.into_iter().enumerate() {
            let Some(group) = group else { continue };
            let counts = match &persons {
                // A row of nobody is not counted.
                Some(persons) => persons[row].is_some_and(|person| tally.admits(person)),
                None => true,
            };
            if counts {
                for (value, argument) in values.iter_mut().zip(&arguments) {
                    *value = argument[row];
                }
                tally.add(group, &values);
            }
        }
        Ok(())
    }

    /// Puts what was let out in the place of the aggregate.
    pub(super) async fn fill(&self, released: &Released) -> Read<()> {
        let groups: usize = self.keys.iter().map(Key::count).product();
        let keys = columns::spelled(&self.keys, groups);
        let of_keys =
            keys.zip(self.schema.fields()).map(|(array, field)| columns::cast(&array, field.data_type()));
        let outputs = self.outputs.iter().zip(self.schema.fields().iter().skip(self.keys.len()));
        let of_outputs = outputs.map(|(output, field)| output.array(released, groups, field.data_type()));
        let arrays = of_keys.chain(of_outputs).collect::<Read<Vec<_>>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(groups));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
        self.groups.batches[0].write().await.push(batch);
        Ok(())
    }
}

/// What stands in the place of an aggregate: the table of its groups, under the names that its columns had.
fn in_place(aggregate: &Aggregate, groups: &Arc<MemTable>, number: usize) -> Read<LogicalPlan> {
    let name = format!("__groups_{number}");
    let columns = aggregate.schema.iter().enumerate().map(|(at, (relation, field))| {
        let column = Expr::Column(Column::new(Some(name.clone()), format!("c{at}")));
        column.alias_qualified(relation.cloned(), field.name())
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::scan(name, provider_as_source(groups.clone()), None)?.project(columns)?.build()
}

/// What is read, analysed, so that the casts are there that DataFusion puts in.
fn lower(context: &SessionContext, input: &LogicalPlan, read: &[Column]) -> Result<LogicalPlan, String> {
    let told = |error: DataFusionError| error.strip_backtrace();
    let named =
        read.iter().enumerate().map(|(at, column)| Expr::Column(column.clone()).alias(format!("c{at}")));
    let mut columns: Vec<Expr> = named.collect();
    if columns.is_empty() {
        // Rows without columns are rows all the same.
        columns.push(datafusion::logical_expr::lit(true).alias("c0"));
    }
    let plan = LogicalPlanBuilder::from(input.clone()).project(columns).and_then(LogicalPlanBuilder::build);
    let state = context.state();
    let options = state.config_options();
    let plan = state.analyzer().execute_and_check(plan.map_err(told)?, options, |_, _| {}).map_err(told)?;
    total::check(&plan)?;
    Ok(plan)
}

/// How many rows the inputs have. Where nothing tells persons apart, none is read twice.
fn inputs(plan: &LogicalPlan, noise: &Noise) -> Result<u64, String> {
    let (mut seen, mut rows, mut open) = (BTreeSet::new(), 0_u64, vec![plan]);
    while let Some(plan) = open.pop() {
        open.extend(plan.inputs());
        let LogicalPlan::TableScan(scan) = plan else { continue };
        let provider = source_as_provider(&scan.source).map_err(|error| error.strip_backtrace())?;
        let table = provider.downcast_ref::<SealedTable>();
        let table = table.ok_or_else(|| format!("`{}` is no input", scan.table_name))?;
        if !seen.insert(table.number_of_input()) && noise.person.is_none() {
            return Err(format!(
                "it reads `{}` twice, and no column tells persons apart: a row would count twice",
                scan.table_name
            ));
        }
        rows = rows.saturating_add(table.rows());
    }
    Ok(rows)
}

/// The column of persons, which has to be that of the inputs.
fn who(input: &LogicalPlan, person: &str) -> Result<Column, String> {
    let named: Vec<usize> =
        (0..input.schema().fields().len()).filter(|at| input.schema().field(*at).name() == person).collect();
    let [at] = named[..] else {
        return Err(format!(
            "`{person}`, which tells persons apart, has to be a column of what is grouped, once"
        ));
    };
    if !comes_from(input, at, person) {
        return Err(format!(
            "`{person}`, which tells persons apart, has to be the column of the inputs as it is there"
        ));
    }
    let (relation, field) = input.schema().qualified_field(at);
    Ok(Column::new(relation.cloned(), field.name()))
}

fn comes_from(plan: &LogicalPlan, at: usize, name: &str) -> bool {
    match plan {
        LogicalPlan::TableScan(scan) => scan.projected_schema.field(at).name() == name,
        LogicalPlan::Filter(filter) => comes_from(&filter.input, at, name),
        LogicalPlan::SubqueryAlias(alias) => comes_from(&alias.input, at, name),
        LogicalPlan::Union(union) => union.inputs.iter().all(|input| comes_from(input, at, name)),
        LogicalPlan::Projection(projection) => match projection.expr[at].clone().unalias_nested().data {
            Expr::Column(column) => {
                let schema = projection.input.schema();
                schema.index_of_column(&column).is_ok_and(|at| comes_from(&projection.input, at, name))
            }
            _ => false,
        },
        _ => false,
    }
}

/// An aggregate's calls as measures.
struct Asking<'a> {
    noise: &'a Noise,
    input: &'a LogicalPlan,
    measures: Vec<Measure>,
    arguments: Vec<Argument>,
    columns: Vec<Column>,
}

impl Asking<'_> {
    fn output(&mut self, call: &Expr, field: &Field) -> Result<Output, String> {
        let Expr::AggregateFunction(function) = call.clone().unalias_nested().data else {
            return Err(format!("there is no noise for `{call}`"));
        };
        let (name, params) = (function.func.name(), &function.params);
        if params.distinct || params.filter.is_some() || !params.order_by.is_empty() {
            return Err(format!("there is no noise for `{name}` with DISTINCT, FILTER or ORDER BY"));
        }
        let column = match (&params.args[..], name) {
            ([Expr::Literal(value, _)], "count") if !value.is_null() => {
                return Ok(Output::Count(self.measure(Measure::Rows)));
            }
            ([Expr::Column(column)], "count" | "sum" | "avg") => column,
            (_, "count" | "sum" | "avg") => {
                return Err(format!(
                    "`{call}` is computed within: give it a name in a subquery, and bounds in the contract"
                ));
            }
            _ => return Err(format!("there is no noise for `{name}`: there is for count, sum and avg")),
        };
        let argument = self.argument(column)?;
        if name == "count" {
            return Ok(Output::Count(self.measure(Measure::Present(argument))));
        }
        let about = &self.arguments[argument];
        let bounds = about.bounds.ok_or_else(|| {
            format!("the contract names no bounds of `{}`, and one value could be any", column.name)
        })?;
        about.check(&column.name, field.data_type())?;
        Ok(if name == "sum" {
            Output::Sum(self.measure(Measure::Sum(argument)), bounds)
        } else {
            let centred = self.measure(Measure::Centred(argument));
            Output::Average { centred, present: self.measure(Measure::Present(argument)), bounds }
        })
    }

    /// The same measure twice is one.
    fn measure(&mut self, measure: Measure) -> usize {
        let known = self.measures.iter().position(|other| *other == measure);
        known.unwrap_or_else(|| {
            self.measures.push(measure);
            self.measures.len() - 1
        })
    }

    fn argument(&mut self, column: &Column) -> Result<usize, String> {
        if let Some(known) = self.columns.iter().position(|other| other == column) {
            return Ok(known);
        }
        let at = self.input.schema().index_of_column(column).map_err(|error| error.strip_backtrace())?;
        let bounds = self.noise.bounds.get(&column.name).copied();
        self.arguments.push(Argument { bounds, kind: self.input.schema().field(at).data_type().clone() });
        self.columns.push(column.clone());
        Ok(self.columns.len() - 1)
    }
}
