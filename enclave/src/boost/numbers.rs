//! Columns of tables as the numbers that trees compare: of any type that is one, in single precision, NaN for what is missing.
//!
//! The number of a cell is the one that a CSV file with the same table has, whatever type the column was given.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_array::{Array, ArrayRef};
use arrow_cast::{CastOptions, cast, cast_with_options};
use arrow_schema::DataType;
use welkin_boost::{cell, single};

/// What is wrong with a column, without a value of it.
pub(super) type Wrong = &'static str;

const NO_NUMBER: Wrong = "is of a type that is no number";
const TEXT: Wrong = "has text that is no number";

/// Can columns of this type be numbers?
pub(super) fn is_number(kind: &DataType) -> bool {
    kind.is_numeric()
        || matches!(kind, DataType::Boolean | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Numbers of a column behind those that are there already.
pub(super) fn numbers(column: &ArrayRef, into: &mut Vec<f32>) -> Result<(), Wrong> {
    match column.data_type() {
        DataType::Utf8 => texts(column.as_string::<i32>().iter(), into),
        DataType::LargeUtf8 => texts(column.as_string::<i64>().iter(), into),
        DataType::Utf8View => texts(column.as_string_view().iter(), into),
        DataType::Boolean => {
            let number = |cell: Option<bool>| cell.map_or(f32::NAN, |cell| f32::from(u8::from(cell)));
            into.extend(column.as_boolean().iter().map(number));
            Ok(())
        }
        kind if is_number(kind) => {
            let column = as_type(column, &DataType::Float64)?;
            let numbers = column.as_primitive::<Float64Type>();
            into.extend(numbers.iter().map(|number| number.map_or(f32::NAN, single)));
            Ok(())
        }
        _ => Err(NO_NUMBER),
    }
}

/// The same of a column whose values may not be told by an error: what is no number is missing.
pub(super) fn numbers_or_none(column: &ArrayRef, into: &mut Vec<f32>) -> Result<(), Wrong> {
    let lenient = |text: Option<&str>| text.and_then(cell).unwrap_or(f32::NAN);
    match column.data_type() {
        DataType::Utf8 => into.extend(column.as_string::<i32>().iter().map(lenient)),
        DataType::LargeUtf8 => into.extend(column.as_string::<i64>().iter().map(lenient)),
        DataType::Utf8View => into.extend(column.as_string_view().iter().map(lenient)),
        DataType::Boolean => return numbers(column, into),
        kind if is_number(kind) => {
            let column = cast(column, &DataType::Float64).map_err(|_| NO_NUMBER)?;
            let numbers = column.as_primitive::<Float64Type>();
            into.extend(numbers.iter().map(|number| number.map_or(f32::NAN, single)));
        }
        _ => return Err(NO_NUMBER),
    }
    Ok(())
}

/// Whole numbers from 0, each of which is there.
pub(super) fn whole(column: &ArrayRef, into: &mut Vec<u64>) -> Result<(), Wrong> {
    if column.null_count() > 0 {
        return Err("has rows without a number");
    }
    if !column.data_type().is_integer() {
        return Err("is of a type that is no whole number");
    }
    let column = as_type(column, &DataType::UInt64)?;
    into.extend(column.as_primitive::<UInt64Type>().values());
    Ok(())
}

fn texts<'a>(cells: impl Iterator<Item = Option<&'a str>>, into: &mut Vec<f32>) -> Result<(), Wrong> {
    for text in cells {
        into.push(text.map_or(Some(f32::NAN), cell).ok_or(TEXT)?);
    }
    Ok(())
}

fn as_type(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef, Wrong> {
    // A number that does not fit is an error, not a null.
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, kind, &options).map_err(|_| "has a number that does not fit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array, Int64Array, StringArray,
        UInt8Array,
    };
    use std::sync::Arc;

    fn of(column: impl Array + 'static) -> Result<Vec<f32>, Wrong> {
        let mut numbers = Vec::new();
        super::numbers(&(Arc::new(column) as ArrayRef), &mut numbers)?;
        Ok(numbers)
    }

    #[test]
    fn every_type_of_number_gives_the_number_that_its_text_gives() {
        let text = |texts: &[&str]| of(StringArray::from(texts.to_vec())).unwrap();
        let long = [1.000_000_059_604_644_8, 0.1, -2.5e-42, 16_777_217.0];
        let texts: Vec<String> = long.iter().map(f64::to_string).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(of(Float64Array::from(long.to_vec())).unwrap(), text(&texts));
        let whole = vec![9_007_199_254_740_993_i64, -7];
        assert_eq!(of(Int64Array::from(whole)).unwrap(), text(&["9007199254740993", "-7"]));
        let decimal = Decimal128Array::from(vec![123_456_i128]).with_precision_and_scale(9, 3).unwrap();
        assert_eq!(of(decimal).unwrap(), text(&["123.456"]));
        assert_eq!(of(Float32Array::from(vec![0.3])).unwrap(), [0.3]);
        assert_eq!(of(UInt8Array::from(vec![255])).unwrap(), [255.0]);
        assert_eq!(of(BooleanArray::from(vec![true, false])).unwrap(), [1.0, 0.0]);
        let missing = of(StringArray::from(vec![Some("NA"), None, Some("")])).unwrap();
        assert!(missing.iter().all(|number| number.is_nan()));
        assert!(of(Float64Array::from(vec![None])).unwrap()[0].is_nan());
        assert_eq!(of(StringArray::from(vec!["Quisthoudt"])), Err(TEXT));
        assert_eq!(of(Date32Array::from(vec![1])), Err(NO_NUMBER));
    }

    #[test]
    fn where_no_value_may_be_told_what_is_no_number_is_missing() {
        let of = |column: ArrayRef| {
            let mut numbers = Vec::new();
            numbers_or_none(&column, &mut numbers).map(|()| numbers)
        };
        let texts = of(Arc::new(StringArray::from(vec![Some("Quisthoudt"), None, Some("7")]))).unwrap();
        assert!(texts[0].is_nan() && texts[1].is_nan() && texts[2] == 7.0);
        assert_eq!(of(Arc::new(Float64Array::from(vec![1e300, 0.5]))).unwrap(), [f32::INFINITY, 0.5]);
        assert_eq!(of(Arc::new(BooleanArray::from(vec![true]))).unwrap(), [1.0]);
        assert_eq!(of(Arc::new(Date32Array::from(vec![1]))), Err(NO_NUMBER));
    }

    #[test]
    fn ids_are_whole_numbers_and_none_is_missing() {
        let of = |column: ArrayRef| {
            let mut ids = Vec::new();
            whole(&column, &mut ids).map(|()| ids)
        };
        assert_eq!(of(Arc::new(Int64Array::from(vec![7, 0]))), Ok(vec![7, 0]));
        assert!(of(Arc::new(Int64Array::from(vec![-1]))).is_err());
        assert!(of(Arc::new(Int64Array::from(vec![None]))).is_err());
        assert!(of(Arc::new(Float64Array::from(vec![1.0]))).is_err());
    }
}
