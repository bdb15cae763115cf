//! A sealed data set as a table.

use super::reader::SealedReaders;
use crate::engine::Data;
use crate::engine::EngineError;
use crate::engine::SealedPart;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column as Named, ScalarValue, TableReference};
use datafusion::datasource::file_format::parquet::transform_schema_to_view;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, lit};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_datasource::compute_all_files_statistics;
use datafusion_datasource_parquet::metadata::DFParquetMetadata;
use parquet::arrow::{RowNumber, parquet_to_arrow_schema};
use parquet::file::metadata::ParquetMetaData;
use std::path::PathBuf;
use std::sync::Arc;
use welkin_seal::{Column, Snapshot};

/// A sealed data set.
#[derive(Debug, Clone)]
pub(super) struct SealedTable {
    place: String,
    /// Which of the contract's inputs.
    input: i64,
    schema: TableSchema,
    parts: Vec<SealedPart>,
}

/// Columns that tell rows apart, where that is asked for.
const FILE: &str = "__file";
const ROW: &str = "__row";
/// A contract has at most 64 inputs, a snapshot 50,000 files, and a file fewer than 2^40 rows.
const OF_INPUT: i64 = 1 << 56;
const OF_FILE: i64 = 1 << 40;

/// A type of more levels than a stack has is written with more letters.
const MOST_OF_A_TYPE: usize = 4096;

/// The one place that scans name.
pub(super) const PLACE: &str = "sealed://inputs";

impl SealedTable {
    pub(super) fn new(input: usize, data: Data) -> Result<Self, EngineError> {
        let Data { party, name, version, parts } = data;
        let place = format!("{party}/{name}/{version}");
        let unreadable = || EngineError::Columns(PathBuf::from(&place));
        let schema_of = |metadata: &ParquetMetaData| {
            let metadata = metadata.file_metadata();
            parquet_to_arrow_schema(metadata.schema_descr(), metadata.key_value_metadata()).ok()
        };
        let first = parts.first().and_then(|part| schema_of(&part.metadata)).ok_or_else(unreadable)?;
        if parts.iter().any(|part| schema_of(&part.metadata).is_none_or(|other| other.fields != first.fields))
        {
            return Err(unreadable());
        }
        Self::of(input, place, &first, parts)
    }

    /// A data set that is planned on and never read, as its snapshot says it is.
    pub(super) fn described(input: usize, snapshot: &Snapshot) -> Result<Self, EngineError> {
        let place = format!("{}/{}/{}", snapshot.party, snapshot.name, snapshot.version);
        let field = |column: &Column| {
            let known = (column.kind.len() <= MOST_OF_A_TYPE).then(|| column.kind.parse::<DataType>().ok());
            let kind = known.flatten().ok_or_else(|| {
                EngineError::Unsupported(format!(
                    "the column `{}` of {place} has the type {}, which is not known here",
                    column.name,
                    column.kind.chars().take(64).collect::<String>()
                ))
            });
            Ok(Field::new(column.name.clone(), kind?, column.nullable))
        };
        let fields = snapshot.columns.iter().map(field).collect::<Result<Vec<_>, EngineError>>()?;
        Self::of(input, place.clone(), &Schema::new(fields), Vec::new())
    }

    fn of(input: usize, place: String, schema: &Schema, parts: Vec<SealedPart>) -> Result<Self, EngineError> {
        // Metadata of a schema is whatever a writer put there, and has no say in a plan.
        let schema = transform_schema_to_view(schema).with_metadata(Default::default());
        if schema.fields().iter().any(|field| field.name().starts_with("__")) {
            return Err(EngineError::Unsupported(format!(
                "{place} has a column whose name begins with `__`"
            )));
        }
        let input = i64::try_from(input).unwrap_or(i64::MAX / OF_INPUT);
        Ok(Self { place, input, schema: TableSchema::from(SchemaRef::from(schema)), parts })
    }

    /// The same with columns that tell rows apart.
    pub(super) fn numbered(&self) -> Self {
        let file = Arc::new(Field::new(FILE, DataType::Int64, false));
        let row = Arc::new(Field::new(ROW, DataType::Int64, false).with_extension_type(RowNumber));
        let schema = TableSchema::builder(self.schema.file_schema().clone())
            .with_table_partition_cols(vec![file])
            .with_virtual_columns(vec![row])
            .build();
        Self { schema, ..self.clone() }
    }

    /// The number of a row of the numbered table among all rows of the contract's inputs.
    pub(super) fn number(&self, under: &TableReference) -> Expr {
        let column = |name: &str| Expr::Column(Named::new(Some(under.clone()), name));
        lit(self.input * OF_INPUT) + column(FILE) * lit(OF_FILE) + column(ROW)
    }

    /// Which of the contract's inputs it is.
    pub(super) fn number_of_input(&self) -> i64 {
        self.input
    }

    /// How many rows it has, as was signed.
    pub(super) fn rows(&self) -> u64 {
        self.parts.iter().map(SealedPart::rows).fold(0, u64::saturating_add)
    }

    fn is_numbered(&self) -> bool {
        !self.schema.virtual_columns().is_empty()
    }

    fn file(&self, number: usize, part: &SealedPart) -> Result<PartitionedFile> {
        let file =
            PartitionedFile::new(format!("{}/{number}", self.place), part.bytes).with_extension(part.clone());
        if self.is_numbered() {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            return Ok(file.with_partition_values(vec![ScalarValue::Int64(Some(number))]));
        }
        let schema = self.schema.file_schema();
        let statistics = DFParquetMetadata::statistics_from_parquet_metadata(&part.metadata, schema)?;
        Ok(file.with_statistics(Arc::new(statistics)))
    }
}

#[async_trait]
impl TableProvider for SealedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.table_schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = self.parts.iter().enumerate().map(|(number, part)| self.file(number, part));
        let files = files.collect::<Result<Vec<_>>>()?;
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let known = !self.is_numbered();
        let (groups, statistics) = compute_all_files_statistics(groups, self.schema(), known, false)?;
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(state.default_table_options().parquet)
            .with_parquet_file_reader_factory(Arc::new(SealedReaders));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::parse(PLACE)?, Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}
