//! How tables are named: `party.name`, and `name` for one party's, or for all of them where several parties have the same columns.

use super::context::{CATALOG, COMMON};
use super::table::SealedTable;
use crate::engine::EngineError;
use datafusion::catalog::{
    CatalogProvider, MemoryCatalogProvider, MemorySchemaProvider, SchemaProvider, TableProvider,
};
use datafusion::common::TableReference;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::error::Result;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Puts the inputs of a contract where queries find them.
///
/// Each has its party, its name and its version.
pub(super) fn register(
    context: &SessionContext,
    inputs: Vec<(String, String, u64, SealedTable)>,
) -> Result<(), EngineError> {
    let mut tables: BTreeMap<(String, String), Vec<(u64, SealedTable)>> = BTreeMap::new();
    for (party, name, version, table) in inputs {
        tables.entry((party, name)).or_default().push((version, table));
    }
    fill(context, tables).map_err(|error| EngineError::Query(error.strip_backtrace()))
}

fn fill(context: &SessionContext, tables: BTreeMap<(String, String), Vec<(u64, SealedTable)>>) -> Result<()> {
    let catalog = MemoryCatalogProvider::new();
    let mut schemas: BTreeMap<String, MemorySchemaProvider> = BTreeMap::new();
    let mut common: BTreeMap<String, Vec<(String, SealedTable)>> = BTreeMap::new();
    for ((party, name), versions) in tables {
        let schema = schemas.entry(party.clone()).or_default();
        if let [(_, table)] = &versions[..] {
            schema.register_table(name.clone(), Arc::new(table.clone()))?;
            common.entry(name.clone()).or_default().push((party, table.clone()));
        }
        for (version, table) in versions {
            schema.register_table(format!("{name}@{version}"), Arc::new(table))?;
        }
    }
    let all = MemorySchemaProvider::new();
    for (name, tables) in common {
        if let Some(table) = together(&name, tables)? {
            all.register_table(name, table)?;
        }
    }
    catalog.register_schema(COMMON, Arc::new(all))?;
    for (party, schema) in schemas {
        catalog.register_schema(&party, Arc::new(schema))?;
    }
    context.register_catalog(CATALOG, Arc::new(catalog));
    Ok(())
}

/// The rows of all parties that have a data set of this name, if they have the same columns.
fn together(name: &str, mut tables: Vec<(String, SealedTable)>) -> Result<Option<Arc<dyn TableProvider>>> {
    let first = tables[0].1.schema();
    if tables.len() == 1 {
        return Ok(tables.pop().map(|(_, table)| Arc::new(table) as _));
    }
    let same = |table: &SealedTable| {
        let columns = |schema: &arrow_schema::SchemaRef| {
            schema
                .fields()
                .iter()
                .map(|field| (field.name().clone(), field.data_type().clone()))
                .collect::<Vec<_>>()
        };
        columns(&table.schema()) == columns(&first)
    };
    if !tables.iter().all(|(_, table)| same(table)) {
        return Ok(None);
    }
    let mut union: Option<LogicalPlanBuilder> = None;
    for (party, table) in tables {
        let scan = LogicalPlanBuilder::scan(
            TableReference::partial(party, name),
            provider_as_source(Arc::new(table)),
            None,
        )?;
        let scan: LogicalPlan = scan.build()?;
        union = Some(match union {
            None => LogicalPlanBuilder::from(scan),
            Some(union) => union.union(scan)?,
        });
    }
    let plan = union.map(LogicalPlanBuilder::build).transpose()?;
    Ok(plan.map(|plan| Arc::new(ViewTable::new(plan, None)) as _))
}
