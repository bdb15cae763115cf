//! Columns of Arrow as words, and back.

use arrow_array::builder::{BooleanBuilder, Decimal128Builder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::{ArrowError, DataType, Schema, SchemaRef};
use std::sync::Arc;
use welkin_oblivious::{
    Kind, Table, of_decimal, of_float, of_int, of_text, to_decimal, to_float, to_int, to_text,
};

/// What a column of a type is, with texts of no length.
pub(super) fn kind(data_type: &DataType) -> Result<Kind, String> {
    match data_type {
        DataType::Boolean => Ok(Kind::Bool),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Ok(Kind::Int),
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => Ok(Kind::Int),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Ok(Kind::Int),
        DataType::Decimal128(_, scale) => Ok(Kind::Decimal(*scale)),
        DataType::Float64 => Ok(Kind::Float),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(Kind::text(0)),
        other => Err(format!("columns of type {other}")),
    }
}

/// What columns are, with room for their longest texts.
pub(super) fn kinds(schema: &Schema, batches: &[RecordBatch]) -> Result<Vec<Kind>, String> {
    let fields = schema.fields().iter().enumerate();
    fields
        .map(|(column, field)| match kind(field.data_type())? {
            Kind::Text(_) => {
                let longest = batches.iter().map(|batch| longest(batch.column(column))).max();
                Ok(Kind::text(longest.unwrap_or_default()))
            }
            other => Ok(other),
        })
        .collect()
}

fn longest(array: &ArrayRef) -> usize {
    let texts = cast(array, &DataType::Utf8).unwrap_or_else(|_| array.clone());
    texts
        .as_string_opt::<i32>()
        .and_then(|texts| texts.iter().flatten().map(str::len).max())
        .unwrap_or_default()
}

/// Rows of all batches as a table.
pub(super) fn table(kinds: Vec<Kind>, count: usize, batches: &[RecordBatch]) -> Result<Table, ArrowError> {
    let mut table = Table::new(kinds.clone(), count);
    let mut first = 0;
    for batch in batches {
        for (column, (array, kind)) in batch.columns().iter().zip(&kinds).enumerate() {
            fill(&mut table, first, column, array, *kind)?;
        }
        first += batch.num_rows();
    }
    Ok(table)
}

fn fill(
    table: &mut Table,
    first: usize,
    column: usize,
    array: &ArrayRef,
    kind: Kind,
) -> Result<(), ArrowError> {
    let there = (0..array.len()).filter(|row| array.is_valid(*row));
    match kind {
        Kind::Bool => there.for_each(|row| {
            table.put(first + row, column, &[u64::from(array.as_boolean().value(row))]);
        }),
        Kind::Int => {
            let ints = integers(array)?;
            let ints = ints.as_primitive::<Int64Type>();
            there.for_each(|row| table.put(first + row, column, &[of_int(ints.value(row))]));
        }
        Kind::Decimal(_) => {
            let decimals = array.as_primitive::<Decimal128Type>();
            there.for_each(|row| table.put(first + row, column, &of_decimal(decimals.value(row))));
        }
        Kind::Float => {
            let floats = array.as_primitive::<Float64Type>();
            there.for_each(|row| table.put(first + row, column, &[of_float(floats.value(row))]));
        }
        Kind::Text(words) => {
            let texts = cast(array, &DataType::Utf8)?;
            let texts = texts.as_string::<i32>();
            there.for_each(|row| table.put(first + row, column, &of_text(texts.value(row), words)));
        }
    }
    Ok(())
}

/// Dates have 32 bits, and turn into 64 by way of integers of 32.
fn integers(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let narrow =
        if array.data_type() == &DataType::Date32 { cast(array, &DataType::Int32)? } else { array.clone() };
    cast(&narrow, &DataType::Int64)
}

/// The answer, in the types that the query has.
pub(super) fn batch(table: &Table, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields().iter().enumerate().map(|(column, field)| {
        let made = array(table, column);
        let narrow =
            if field.data_type() == &DataType::Date32 { cast(&made, &DataType::Int32)? } else { made };
        // What does not fit is an error, and no missing value.
        cast_with_options(&narrow, field.data_type(), &CastOptions { safe: false, ..CastOptions::default() })
    });
    let options = RecordBatchOptions::new().with_row_count(Some(table.count()));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &options)
}

fn array(table: &Table, column: usize) -> ArrayRef {
    let values = (0..table.count()).map(|row| table.value(row, column));
    match table.kinds()[column] {
        Kind::Bool => {
            let mut made = BooleanBuilder::new();
            values.for_each(|words| made.append_option(words.map(|words| words[0] == 1)));
            Arc::new(made.finish())
        }
        Kind::Int => {
            let mut made = Int64Builder::new();
            values.for_each(|words| made.append_option(words.map(|words| to_int(words[0]))));
            Arc::new(made.finish())
        }
        Kind::Decimal(scale) => {
            let mut made = Decimal128Builder::new().with_data_type(DataType::Decimal128(38, scale));
            values.for_each(|words| made.append_option(words.map(to_decimal)));
            Arc::new(made.finish())
        }
        Kind::Float => {
            let mut made = Float64Builder::new();
            values.for_each(|words| made.append_option(words.map(|words| to_float(words[0]))));
            Arc::new(made.finish())
        }
        Kind::Text(_) => {
            let mut made = StringBuilder::new();
            values.for_each(|words| made.append_option(words.map(to_text)));
            Arc::new(made.finish())
        }
    }
}
