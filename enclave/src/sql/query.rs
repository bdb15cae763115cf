//! From the text that was signed to rows: one query, and no other statement.

use super::context::MOST_TEXT;
use super::kinds::{MEMORY, kind};
use crate::engine::EngineError;
use crate::exchange::ExchangeError;
use arrow_schema::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::{SQLOptions, SessionContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast;
use std::collections::BTreeSet;
use welkin_seal::Run;

/// Plans the query, if the text is one.
pub(super) async fn plan(context: &SessionContext, text: &str) -> Result<LogicalPlan, EngineError> {
    let refused = |error: DataFusionError| EngineError::Query(error.strip_backtrace());
    if text.len() > MOST_TEXT {
        let (found, most) = (text.len(), MOST_TEXT);
        return Err(EngineError::Query(format!("it has {found} bytes, and no query has more than {most}")));
    }
    let mut parser = DFParserBuilder::new(text).build().map_err(refused)?;
    let mut statements = parser.parse_statements().map_err(refused)?;
    let statement = match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => return Err(EngineError::Query("the file has no statement".to_owned())),
        (_, false) => return Err(EngineError::Query("the file has more than one statement".to_owned())),
    };
    let is_query =
        matches!(&statement, Statement::Statement(one) if matches!(&**one, ast::Statement::Query(_)));
    if !is_query {
        return Err(EngineError::Query(
            "it is no query: only SELECT is run, with WITH, UNION and the like".to_owned(),
        ));
    }
    let plan = context.state().statement_to_plan(statement).await.map_err(|error| missing(context, error))?;
    let reads_only =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    reads_only.verify_plan(&plan).map_err(refused)?;
    if plan.get_parameter_names().is_ok_and(|names| !names.is_empty()) {
        return Err(EngineError::Query("it has parameters, and there is nobody to give them".to_owned()));
    }
    Ok(plan)
}

/// Says which tables there are to whoever named another.
fn missing(context: &SessionContext, error: DataFusionError) -> EngineError {
    let why = error.strip_backtrace();
    if !why.contains("table ") || !why.contains("not found") {
        return EngineError::Query(why);
    }
    let catalog = context.catalog(super::context::CATALOG);
    let mut names = Vec::new();
    for schema in catalog.iter().flat_map(|catalog| catalog.schema_names()) {
        let tables = catalog.as_ref().and_then(|catalog| catalog.schema(&schema));
        let named = |table: String| {
            if schema == super::context::COMMON { table } else { format!("{schema}.{table}") }
        };
        names.extend(tables.iter().flat_map(|tables| tables.table_names()).map(named));
    }
    names.sort();
    EngineError::Query(format!("{why}; there are {}", names.join(", ")))
}

/// Starts it.
pub(super) async fn start(
    context: &SessionContext,
    plan: LogicalPlan,
    run: &Run,
) -> Result<(SchemaRef, Rows), EngineError> {
    no_name_twice(&plan)?;
    let limits = Limits::of(run);
    let frame = context.execute_logical_plan(plan).await.map_err(|error| limits.told(&error))?;
    let stream = frame.execute_stream().await.map_err(|error| limits.told(&error))?;
    Ok((stream.schema(), Rows { stream, limits }))
}

pub(super) fn no_name_twice(plan: &LogicalPlan) -> Result<(), EngineError> {
    let mut names = BTreeSet::new();
    let twice = plan.schema().fields().iter().find(|field| !names.insert(field.name()));
    twice.map_or(Ok(()), |field| Err(EngineError::Twice(field.name().clone())))
}

/// The rows of a result, as they come.
pub(super) struct Rows {
    pub(super) stream: SendableRecordBatchStream,
    pub(super) limits: Limits,
}

/// What a query was allowed.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    memory: u64,
    spill: bool,
}

impl Limits {
    pub(super) fn of(run: &Run) -> Self {
        Self { memory: run.memory, spill: run.spill.is_some() }
    }

    /// What may be said of an error.
    pub(super) fn told(self, error: &DataFusionError) -> EngineError {
        if let DataFusionError::External(error) = error.find_root()
            && let Some(error) = error.downcast_ref::<ExchangeError>()
        {
            return EngineError::Peer(*error);
        }
        match kind(error) {
            MEMORY => EngineError::Memory { memory: self.memory, spill: self.spill },
            other => EngineError::Failed(other),
        }
    }
}
