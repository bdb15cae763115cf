//! Quantities as they are written in job files: amounts, sizes, spans, money.
//!
//! Two conventions meet here and stay apart. SkyPilot's own keys (`memory`, `disk_size`) count in
//! binary gigabytes and read `GB` as one; Welkin's keys (`size`) are decimal and exact, with bare
//! numbers in GB as in SkyPilot's `outputs`.

use crate::codes::Code;
use crate::cursor::Cursor;
use crate::limits::{MAX_CPUS, MAX_DATA_BYTES, MAX_MEMORY_GIB, MAX_SPAN_DAYS};
use crate::model::Amount;
use crate::report::{Report, cut};
use crate::yaml::Value;
use welkin_units::{Bytes, QuantityError, Span, Usd};

/// Units of memory and disk in job files, as a power of two relative to one GiB.
const BINARY_UNITS: [(&str, i32); 10] = [
    ("kb", -20),
    ("ki", -20),
    ("mb", -10),
    ("mi", -10),
    ("gb", 0),
    ("gi", 0),
    ("tb", 10),
    ("ti", 10),
    ("pb", 20),
    ("pi", 20),
];

/// Memory as written: an amount in GiB, or a multiple of the vCPUs (`3x`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Memory {
    Gib(Amount),
    PerCpu(Amount),
}

/// vCPUs: `8`, `8+`, `0.5`.
pub(crate) fn cpus(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Amount> {
    const EXPECTED: &str = "a number of vCPUs, such as `8` or `8+`";
    let text = cursor.text_or_number(EXPECTED, report)?;
    let (number, or_more) = plus(text.trim());
    amount(cursor, number, or_more, MAX_CPUS, EXPECTED, report)
}

/// Memory: `32`, `32+`, `32GB`, `512MB+`, `3x`.
pub(crate) fn memory(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Memory> {
    const EXPECTED: &str = "an amount of memory in GiB, such as `32`, `32+` or `512MB`";
    let text = cursor.text_or_number(EXPECTED, report)?;
    if let Some(number) = text.trim().strip_suffix('x') {
        return amount(cursor, number, true, MAX_MEMORY_GIB, EXPECTED, report).map(Memory::PerCpu);
    }
    let (number, or_more) = plus(text.trim());
    let lower = number.to_ascii_lowercase();
    let unit = BINARY_UNITS.iter().find_map(|(unit, power)| Some((lower.strip_suffix(unit)?, *power)));
    let (digits, power) = unit.unwrap_or((&lower, 0));
    let gib = float(digits).map(|value| value * 2_f64.powi(power));
    positive(cursor, gib, or_more, MAX_MEMORY_GIB, EXPECTED, report).map(Memory::Gib)
}

/// A disk: a whole number of GiB, with or without a unit.
pub(crate) fn disk(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Bytes> {
    const EXPECTED: &str = "a whole number of gigabytes, such as `256` or `1TB`";
    let text = cursor.text_or_number(EXPECTED, report)?;
    let lower = text.trim().to_ascii_lowercase();
    let unit = BINARY_UNITS.iter().find_map(|(unit, power)| Some((lower.strip_suffix(unit)?, *power)));
    let (digits, power) = unit.unwrap_or((&lower, 0));
    let gib = float(digits).map(|value| value * 2_f64.powi(power));
    let amount = positive(cursor, gib, false, MAX_DATA_BYTES >> 30, EXPECTED, report)?;
    if amount.milli % 1000 != 0 {
        cursor.invalid(EXPECTED, report);
        return None;
    }
    Some(Bytes::from_gib(amount.milli / 1000))
}

/// A declared size of data; bare numbers are decimal GB.
pub(crate) fn size(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Bytes> {
    const EXPECTED: &str = "a size such as `40 GB` or `512 MiB`";
    decimal(cursor, EXPECTED, report)?;
    let text = cursor.text_or_number(EXPECTED, report)?;
    let bytes = quantity(cursor, Bytes::parse_with_bare_unit(&text, 1_000_000_000), EXPECTED, report)?;
    if bytes.get() > MAX_DATA_BYTES {
        let message = format!("`{}` is more than {}", cut(&text), Bytes::new(MAX_DATA_BYTES));
        report.add(cursor.error(Code::TooLarge, message));
        return None;
    }
    Some(bytes)
}

/// Refuses a number that is not written in base ten: `3:00:00` is 10,800 in YAML, and `030` is 24.
fn decimal(cursor: &Cursor<'_>, expected: &str, report: &mut Report<'_>) -> Option<()> {
    if !cursor.node.odd_base {
        return Some(());
    }
    let read = cut(&cursor.shown());
    let message =
        format!("`{}` is a number that YAML does not read in base ten: it means {read}", cursor.path);
    report.add(cursor.error(Code::InvalidValue, message).expected(expected));
    None
}

/// A length of time; bare numbers are minutes, as in `autostop`.
pub(crate) fn span(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Span> {
    const EXPECTED: &str = "a length of time such as `30min`, `3h` or `1h30m`";
    decimal(cursor, EXPECTED, report)?;
    let text = cursor.text_or_number(EXPECTED, report)?;
    let span = quantity(cursor, text.parse::<Span>(), EXPECTED, report)?;
    if span > Span::from_hours(24 * MAX_SPAN_DAYS) {
        let message = format!("`{}` is more than {MAX_SPAN_DAYS} days", cut(&text));
        report.add(cursor.error(Code::TooLarge, message));
        return None;
    }
    Some(span)
}

/// A length of time that is not zero.
pub(crate) fn positive_span(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Span> {
    let span = span(cursor, report)?;
    if span == Span::ZERO {
        report.add(cursor.error(Code::Negative, format!("`{}` is zero", cursor.path)));
        return None;
    }
    Some(span)
}

/// An amount of money above zero; bare numbers are dollars.
pub(crate) fn money(cursor: &Cursor<'_>, report: &mut Report<'_>) -> Option<Usd> {
    const EXPECTED: &str = "an amount of money such as `400 USD` or `0.25`";
    decimal(cursor, EXPECTED, report)?;
    let text = cursor.text_or_number(EXPECTED, report)?;
    let usd = quantity(cursor, text.parse::<Usd>(), EXPECTED, report)?;
    if usd <= Usd::ZERO {
        let message = format!("`{}` is not more than zero", cursor.path);
        report.add(cursor.error(Code::Negative, message));
        return None;
    }
    Some(usd)
}

/// A finite decimal number; words such as `inf` and hexadecimal are not.
pub(crate) fn float(text: &str) -> Option<f64> {
    let text = text.trim();
    let shape = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE_".contains(&b));
    if !shape || text.is_empty() || text.len() > 40 {
        return None;
    }
    text.replace('_', "").parse().ok().filter(|value: &f64| value.is_finite())
}

fn plus(text: &str) -> (&str, bool) {
    match text.strip_suffix('+') {
        Some(number) => (number, true),
        None => (text, false),
    }
}

fn amount(
    cursor: &Cursor<'_>,
    number: &str,
    or_more: bool,
    most: u64,
    expected: &str,
    report: &mut Report<'_>,
) -> Option<Amount> {
    positive(cursor, float(number), or_more, most, expected, report)
}

fn positive(
    cursor: &Cursor<'_>,
    value: Option<f64>,
    or_more: bool,
    most: u64,
    expected: &str,
    report: &mut Report<'_>,
) -> Option<Amount> {
    let Some(value) = value else {
        cursor.invalid(expected, report);
        return None;
    };
    if value <= 0.0 {
        let message = format!("`{}` must be more than zero, found `{}`", cursor.path, cut(&cursor.shown()));
        report.add(cursor.error(Code::Negative, message));
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "bounds are round numbers far below 2^53")]
    let limit = most as f64;
    if value > limit {
        let message = format!("`{}` is `{}`, more than {most}", cursor.path, cut(&cursor.shown()));
        report.add(cursor.error(Code::TooLarge, message));
        return None;
    }
    // A sliver below a thousandth still asks for something.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked just above")]
    let milli = ((value * 1000.0).round() as u64).max(1);
    Some(Amount { milli, or_more })
}

fn quantity<T>(
    cursor: &Cursor<'_>,
    result: Result<T, QuantityError>,
    expected: &str,
    report: &mut Report<'_>,
) -> Option<T> {
    let error = match result {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let code = match error {
        QuantityError::Negative { .. } => Code::Negative,
        QuantityError::TooLarge { .. } => Code::TooLarge,
        _ => Code::InvalidValue,
    };
    let shown = cut(&cursor.shown());
    let message = match code {
        Code::Negative => format!("`{}` cannot be negative, found `{shown}`", cursor.path),
        Code::TooLarge => format!("`{shown}` is too large for `{}`", cursor.path),
        _ => format!("`{shown}` is not acceptable for `{}`", cursor.path),
    };
    let mut issue = cursor.error(code, message).expected(expected);
    if matches!(cursor.node.value, Value::Str(_))
        && let QuantityError::UnknownUnit { expected, .. } = &error
    {
        issue = issue.hint(format!("units are {expected}"));
    }
    report.add(issue);
    None
}
