//! A sealed data set as a table.

use super::admit::Data;
use super::error::SqlError;
use super::files::SealedPart;
use super::reader::SealedReaders;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::file_format::parquet::transform_schema_to_view;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion_datasource::compute_all_files_statistics;
use datafusion_datasource_parquet::metadata::DFParquetMetadata;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::ParquetMetaData;
use std::path::PathBuf;
use std::sync::Arc;

/// A sealed data set.
#[derive(Debug, Clone)]
pub(super) struct SealedTable {
    place: String,
    schema: SchemaRef,
    parts: Vec<SealedPart>,
}

/// The one place that scans name.
pub(super) const PLACE: &str = "sealed://inputs";

impl SealedTable {
    pub(super) fn new(data: Data) -> Result<Self, SqlError> {
        let Data { party, name, version, parts } = data;
        let place = format!("{party}/{name}/{version}");
        let unreadable = || SqlError::Columns(PathBuf::from(&place));
        let schema_of = |metadata: &ParquetMetaData| {
            let metadata = metadata.file_metadata();
            parquet_to_arrow_schema(metadata.schema_descr(), metadata.key_value_metadata()).ok()
        };
        let first = parts.first().and_then(|part| schema_of(&part.metadata)).ok_or_else(unreadable)?;
        if parts.iter().any(|part| schema_of(&part.metadata).is_none_or(|other| other.fields != first.fields))
        {
            return Err(unreadable());
        }
        // Metadata of a schema is whatever a writer put there, and has no say in a plan.
        let schema = transform_schema_to_view(&first).with_metadata(Default::default());
        Ok(Self { place, schema: Arc::new(schema), parts })
    }

    fn file(&self, number: usize, part: &SealedPart) -> Result<PartitionedFile> {
        let statistics = DFParquetMetadata::statistics_from_parquet_metadata(&part.metadata, &self.schema)?;
        let file = PartitionedFile::new(format!("{}/{number}", self.place), part.bytes);
        Ok(file.with_extension(part.clone()).with_statistics(Arc::new(statistics)))
    }
}

#[async_trait]
impl TableProvider for SealedTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
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
        let (groups, statistics) = compute_all_files_statistics(groups, self.schema(), true, false)?;
        let source = ParquetSource::new(self.schema())
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
