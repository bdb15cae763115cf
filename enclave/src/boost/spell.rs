//! A table in the open as the trainer outside reads tables: CSV with numbers.
//!
//! The default build of Welkin knows no Parquet, and asks for it in this way. What is written of a number is what is read of it again,
//! to the last bit: single precision is spelt as the double that it is, and a truth is 1 or 0.

use crate::open::{OpenError, write_table};
use crate::{Form, Table};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::io::Write;
use std::sync::Arc;

/// Writes a table as CSV.
///
/// # Errors
/// Where a row cannot be read or written.
pub fn spell(table: Table, out: impl Write + Send) -> Result<u64, OpenError> {
    let Table { schema, batches } = table;
    let spelt: Vec<_> =
        schema.fields().iter().map(|field| Field::new(field.name(), kind(field.data_type()), true)).collect();
    let schema: SchemaRef = Arc::new(Schema::new(spelt));
    let of = schema.clone();
    let batches = batches.map(move |batch| as_schema(&batch?, &of));
    write_table([Ok(Table { schema, batches: Box::new(batches) })], Form::Csv, out)
}

/// What a column of this type is spelt as.
fn kind(of: &DataType) -> DataType {
    match of {
        DataType::Float16 | DataType::Float32 => DataType::Float64,
        DataType::Boolean => DataType::UInt8,
        other => other.clone(),
    }
}

fn as_schema(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns: Result<Vec<ArrayRef>, _> =
        columns.map(|(column, field)| cast(column, field.data_type())).collect();
    RecordBatch::try_new(schema.clone(), columns?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{BooleanArray, Float32Array, Int64Array};

    #[test]
    fn numbers_are_spelt_so_that_they_are_read_as_what_they_are() {
        let columns: [(&str, ArrayRef); 3] = [
            ("x", Arc::new(Float32Array::from(vec![Some(0.1), None, Some(f32::MIN_POSITIVE)]))),
            ("b", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("n", Arc::new(Int64Array::from(vec![7, -1, 0]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let table = Table { schema: batch.schema(), batches: Box::new([Ok(batch)].into_iter()) };
        let mut out = Vec::new();
        assert_eq!(spell(table, &mut out).unwrap(), 3);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "x,b,n\n0.10000000149011612,1,7\n,0,-1\n1.1754943508222875e-38,1,0\n");
        assert_eq!(welkin_boost::cell("0.10000000149011612"), Some(0.1));
    }
}
