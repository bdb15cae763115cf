//! What Python's `str` prints for a value.
//!
//! SkyPilot turns whatever stands in `envs` into text that way, so `DEBUG: yes` becomes `True` and
//! `RATE: 1e-05` stays as it is; scripts rely on it.

use super::tree::{Node, Value};

/// `str(value)`.
pub(crate) fn python_str(node: &Node) -> String {
    match &node.value {
        Value::Str(text) | Value::Timestamp(text) => text.clone(),
        _ => python_repr(node),
    }
}

fn python_repr(node: &Node) -> String {
    match &node.value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Int(value) => value.to_string(),
        Value::Float(value, _) => float_repr(*value),
        Value::Str(text) | Value::Timestamp(text) => quoted(text),
        Value::List(items) => {
            format!("[{}]", items.iter().map(python_repr).collect::<Vec<_>>().join(", "))
        }
        Value::Map(map) => {
            let entries = map
                .entries
                .iter()
                .map(|entry| format!("{}: {}", quoted(&entry.key), python_repr(&entry.value)))
                .collect::<Vec<_>>();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// The shortest digits that read back, with an exponent below 1e-4 and from 1e16 on.
fn float_repr(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let scientific = format!("{value:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        return format!("{digits}e{sign}{exponent:0>2}");
    }
    format!("{value:?}")
}

fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if c == quote => {
                shown.push('\\');
                shown.push(c);
            }
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_in_python() {
        for (value, shown) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (0.0001, "0.0001"),
            (-2.5, "-2.5"),
            (0.0, "0.0"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(float_repr(value), shown);
        }
    }

    #[test]
    fn strings_inside_collections_are_quoted() {
        assert_eq!(quoted("it's"), "\"it's\"");
        assert_eq!(quoted("a\nb"), "'a\\nb'");
    }
}
