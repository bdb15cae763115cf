//! Rows as bytes and back: Arrow's stream format, a stream for each batch.

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, SchemaRef};
use std::sync::Arc;

/// The rows of a batch behind `head`.
pub(super) fn encode(head: Vec<u8>, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let batch = compact(batch)?;
    let mut writer = StreamWriter::try_new(head, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    writer.into_inner()
}

/// Text by reference keeps all the text that a batch was taken from.
fn compact(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let own = |column: &ArrayRef| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8View => Arc::new(column.as_string_view().gc()),
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => column.clone(),
        }
    };
    rows(batch.schema(), batch.columns().iter().map(own).collect(), batch.num_rows())
}

/// The batch that was encoded, with the columns that the plan says it has.
pub(super) fn decode(schema: &SchemaRef, bytes: &[u8]) -> Result<RecordBatch, ArrowError> {
    let wrong = || ArrowError::IpcError("there is no batch of these columns".to_owned());
    let mut reader = StreamReader::try_new(bytes, None)?;
    let batch = reader.next().ok_or_else(wrong)??;
    rows(schema.clone(), batch.columns().to_vec(), batch.num_rows())
}

fn rows(schema: SchemaRef, columns: Vec<ArrayRef>, count: usize) -> Result<RecordBatch, ArrowError> {
    // A query may count rows of which it needs no column.
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, StringViewArray};
    use arrow_schema::{Field, Schema};

    #[test]
    fn a_batch_comes_back_and_brings_no_text_along_that_is_not_in_it() {
        let names =
            StringViewArray::from_iter_values((0..4096).map(|row| format!("a name of some length {row}")));
        let numbers = Int64Array::from_iter_values(0..4096);
        let fields =
            vec![Field::new("name", DataType::Utf8View, false), Field::new("number", DataType::Int64, true)];
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), vec![Arc::new(names), Arc::new(numbers)]).unwrap();
        let part = batch.slice(7, 3);
        let bytes = encode(vec![9], &part).unwrap();
        assert!(bytes[0] == 9 && bytes.len() < 2048, "{}", bytes.len());
        assert_eq!(decode(&schema, &bytes[1..]).unwrap(), part);
        let none = rows(Arc::new(Schema::empty()), Vec::new(), 5).unwrap();
        let bytes = encode(Vec::new(), &none).unwrap();
        assert_eq!(decode(&none.schema(), &bytes).unwrap().num_rows(), 5);
        assert!(decode(&schema, &bytes).is_err());
    }
}
