//! How DataFusion reads a sealed file: from the handle that was checked, with the footer that was decrypted then.

use crate::engine::SealedPart;
use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaData;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// Gives readers of files that carry their [`SealedPart`], and of no others.
#[derive(Debug)]
pub(super) struct SealedReaders;

impl ParquetFileReaderFactory for SealedReaders {
    fn create_reader(
        &self,
        _partition: usize,
        file: PartitionedFile,
        _hint: Option<usize>,
        _metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let part = file.extension::<SealedPart>().cloned();
        let part = part.ok_or_else(|| DataFusionError::Internal("a file that is not sealed".to_owned()))?;
        Ok(Box::new(Reader(part)))
    }
}

struct Reader(SealedPart);

impl Reader {
    fn read(&self, range: &Range<u64>) -> ParquetResult<Bytes> {
        let outside = || ParquetError::EOF("a page lies outside of its file".to_owned());
        if range.end > self.0.bytes {
            return Err(outside());
        }
        let length = range.end.checked_sub(range.start).ok_or_else(outside)?;
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| outside())?];
        self.0.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes.into())
    }
}

impl AsyncFileReader for Reader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        std::future::ready(self.read(&range)).boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        std::future::ready(Ok(self.0.metadata.clone())).boxed()
    }
}
