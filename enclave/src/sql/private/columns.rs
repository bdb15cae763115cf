//! Columns as what a tally takes, and what it lets out as columns.

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, Decimal128Array, Float64Array, Int64Array, StringArray, UInt64Array};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use datafusion::error::Result as Read;
use std::collections::HashMap;
use std::sync::Arc;
use welkin_privacy::{Bound, Released, average};
use welkin_seal::Bounds;

/// A column that rows are grouped by, with the groups that there are.
pub(super) struct Key {
    groups: Vec<String>,
    numbers: HashMap<String, usize>,
}

/// A column that is counted or summed up.
pub(super) struct Argument {
    pub(super) bounds: Option<Bounds>,
    pub(super) kind: DataType,
}

/// How a column of the result comes out of measures.
pub(super) enum Output {
    Count(usize),
    Sum(usize, Bounds),
    Average { centred: usize, present: usize, bounds: Bounds },
}

/// A cast in which what does not fit is an error, and no missing value.
pub(super) fn cast(array: &ArrayRef, to: &DataType) -> Read<ArrayRef> {
    Ok(cast_with_options(array, to, &CastOptions { safe: false, ..CastOptions::default() })?)
}

impl Key {
    pub(super) fn of(name: &str, groups: &[String], kind: &DataType) -> Result<Self, String> {
        let known = matches!(
            kind,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean | DataType::Date32
        );
        if !known && !kind.is_integer() {
            return Err(format!("there are no groups by `{name}`, a column of type {kind}"));
        }
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(groups));
        let back = cast(&texts, kind).and_then(|values| cast(&values, &DataType::Utf8));
        let same =
            |at: &usize| back.as_ref().is_ok_and(|back| back.as_string::<i32>().value(*at) == groups[*at]);
        if let Some(other) = (0..groups.len()).find(|at| !same(at)) {
            let spelled =
                if back.is_ok() { format!("`{}` is", groups[other]) } else { "not all are".to_owned() };
            return Err(format!(
                "of the groups that the contract names of `{name}` {spelled} no value of type {kind}, as it is spelled there"
            ));
        }
        let numbers = groups.iter().cloned().zip(0..).collect();
        Ok(Self { groups: groups.to_vec(), numbers })
    }

    pub(super) fn count(&self) -> usize {
        self.groups.len()
    }
}

/// The group of each row, if it is in one.
pub(super) fn groups(keys: &[Key], arrays: &[ArrayRef], rows: usize) -> Read<Vec<Option<usize>>> {
    let mut groups = vec![Some(0); rows];
    for (key, array) in keys.iter().zip(arrays) {
        let texts = cast(array, &DataType::Utf8)?;
        let texts = texts.as_string::<i32>();
        for (group, text) in groups.iter_mut().zip(texts) {
            let number = text.and_then(|text| key.numbers.get(text));
            *group = group.zip(number).map(|(group, number)| group * key.count() + number);
        }
    }
    Ok(groups)
}

/// The key columns of all groups, as texts, in the order of [`groups`].
pub(super) fn spelled(keys: &[Key], groups: usize) -> impl Iterator<Item = ArrayRef> {
    let mut inner = groups;
    keys.iter().map(move |key| {
        inner /= key.count();
        let texts = (0..groups).map(|group| &key.groups[group / inner % key.count()]);
        Arc::new(StringArray::from_iter_values(texts)) as ArrayRef
    })
}

fn power(digits: impl Into<u32>) -> i128 {
    10_i128.pow(digits.into())
}

impl Argument {
    pub(super) fn bound(&self) -> Bound {
        self.bounds.map_or(Bound { low: 0, high: 0 }, |bounds| Bound { low: bounds.low, high: bounds.high })
    }

    /// Does what comes of it fit into the column of the result?
    pub(super) fn check(&self, name: &str, result: &DataType) -> Result<(), String> {
        let digits = self.bounds.map_or(0, |bounds| bounds.digits);
        let finer = || format!("the bounds of `{name}` have more digits behind the point than its values");
        match (&self.kind, result) {
            (kind, DataType::Int64 | DataType::UInt64 | DataType::Float64) if kind.is_integer() => {
                if digits == 0 { Ok(()) } else { Err(finer()) }
            }
            (DataType::Float32 | DataType::Float64, DataType::Float64) => Ok(()),
            (DataType::Decimal128(_, scale), DataType::Decimal128(_, of_result)) => {
                let fits = i16::from(*scale) >= i16::from(digits);
                // An average has four digits more.
                if fits && of_result >= scale && *of_result <= 18 { Ok(()) } else { Err(finer()) }
            }
            (kind, _) => Err(format!("there is no noise for `{name}`, a column of type {kind}")),
        }
    }

    /// Values in units of the bounds' last digit; those that are none are missing.
    pub(super) fn read(&self, array: &ArrayRef) -> Read<Vec<Option<i128>>> {
        let Some(bounds) = self.bounds else {
            return Ok((0..array.len()).map(|row| array.is_valid(row).then_some(0)).collect());
        };
        let digits = bounds.digits;
        Ok(match array.data_type() {
            DataType::UInt64 => {
                array.as_primitive::<UInt64Type>().iter().map(|value| value.map(i128::from)).collect()
            }
            kind if kind.is_integer() => {
                let wide = cast(array, &DataType::Int64)?;
                wide.as_primitive::<Int64Type>().iter().map(|value| value.map(i128::from)).collect()
            }
            DataType::Decimal128(_, scale) => {
                let finer = power(u32::try_from(i16::from(*scale) - i16::from(digits)).unwrap_or_default());
                array
                    .as_primitive::<Decimal128Type>()
                    .iter()
                    .map(|value| value.map(|value| rounded(value, finer)))
                    .collect()
            }
            _ => {
                let wide = cast(array, &DataType::Float64)?;
                let units = power(digits) as f64;
                let read = |value: f64| (!value.is_nan()).then(|| (value * units).round() as i128);
                wide.as_primitive::<Float64Type>().iter().map(|value| value.and_then(read)).collect()
            }
        })
    }
}

/// To the nearest, halves away from zero.
fn rounded(value: i128, unit: i128) -> i128 {
    (value / unit) + (value % unit) / ((unit + 1) / 2).max(1)
}

impl Output {
    /// The column, for all groups.
    pub(super) fn array(&self, released: &Released, groups: usize, kind: &DataType) -> Read<ArrayRef> {
        let groups = 0..groups;
        match *self {
            Self::Count(measure) => integers(groups.map(|group| released.sum(group, measure)), 0, kind),
            Self::Sum(measure, Bounds { digits, .. }) => {
                integers(groups.map(|group| released.sum(group, measure)), digits, kind)
            }
            Self::Average { centred, present, bounds: Bounds { low, high, digits } } => {
                // Six digits more are more than noise leaves.
                let more = match kind {
                    DataType::Decimal128(_, scale) => {
                        u8::try_from(*scale).unwrap_or_default().saturating_sub(digits)
                    }
                    _ => 6,
                };
                let bound = Bound { low, high };
                let averages = groups.map(|group| {
                    average(bound, released.sum(group, centred), released.sum(group, present), more.into())
                });
                integers(averages, digits + more, kind)
            }
        }
    }
}

/// Integers in units of 10^-`digits` as a column.
fn integers(values: impl Iterator<Item = i128>, digits: u8, kind: &DataType) -> Read<ArrayRef> {
    Ok(match kind {
        DataType::Float64 => {
            let units = power(digits) as f64;
            Arc::new(Float64Array::from_iter_values(values.map(|value| value as f64 / units)))
        }
        DataType::UInt64 => {
            let within = |value: i128| u64::try_from(value.clamp(0, u64::MAX.into())).unwrap_or_default();
            Arc::new(UInt64Array::from_iter_values(values.map(within)))
        }
        DataType::Decimal128(precision, scale) => {
            let most = power(*precision) - 1;
            let more = power(u8::try_from(*scale).unwrap_or_default().saturating_sub(digits));
            let scaled = values.map(|value| value.saturating_mul(more).clamp(-most, most));
            Arc::new(Decimal128Array::from_iter_values(scaled).with_precision_and_scale(*precision, *scale)?)
        }
        _ => {
            let within = |value: i128| value.clamp(i64::MIN.into(), i64::MAX.into());
            let values = values.map(|value| i64::try_from(within(value)).unwrap_or_default());
            Arc::new(Int64Array::from_iter_values(values))
        }
    })
}
