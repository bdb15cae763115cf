//! The type of a plain scalar, by YAML 1.1 as PyYAML implements it.
//!
//! `yes`, `no`, `on`, `off` are booleans; a leading `0` is octal, `0b` binary, `0x` hexadecimal;
//! underscores separate digits; colons make base-60 numbers; floats need a point, and an exponent
//! a sign. Everything else is text. Source: the patterns of PyYAML 6's `resolver.py`, which differ
//! from the YAML 1.1 types repository in details such as the required sign.

use super::tree::Value;

/// The value of an unquoted, untagged scalar.
pub(crate) fn resolve_plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        _ => {}
    }
    if let Some(value) = boolean(text) {
        return Value::Bool(value);
    }
    // Numbers and dates start with one of these; ordinary words end here.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::Str(text.to_owned());
    }
    if let Some(value) = float(text) {
        return Value::Float(value, text.to_owned());
    }
    if let Some(value) = integer(text) {
        return value;
    }
    if is_timestamp(text) {
        return Value::Timestamp(text.to_owned());
    }
    Value::Str(text.to_owned())
}

/// `yes`, `No`, `TRUE`, `off` and so on: three spellings of each word.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// An integer; one that leaves `i128` stays text without its underscores, which prints the same.
pub(crate) fn integer(text: &str) -> Option<Value> {
    let (negative, digits) = sign(text);
    let first = digits.bytes().next()?;
    let magnitude = if let Some(binary) = digits.strip_prefix("0b") {
        radix(binary, 2)
    } else if let Some(hex) = digits.strip_prefix("0x") {
        radix(hex, 16)
    } else if digits == "0" {
        Some(Some(0))
    } else if first == b'0' {
        radix(&digits[1..], 8)
    } else if digits.contains(':') {
        sexagesimal(digits)
    } else {
        radix(digits, 10)
    }?;
    Some(match magnitude {
        Some(value) => Value::Int(if negative { -value } else { value }),
        None => Value::Str(text.replace('_', "")),
    })
}

/// A floating point number.
pub(crate) fn float(text: &str) -> Option<f64> {
    let (negative, body) = sign(text);
    let signed = |value: f64| if negative { -value } else { value };
    match body {
        ".inf" | ".Inf" | ".INF" => return Some(signed(f64::INFINITY)),
        ".nan" | ".NaN" | ".NAN" if body.len() == text.len() => return Some(f64::NAN),
        _ => {}
    }
    let (mantissa, exponent) = match body.find(['e', 'E']) {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['+', '-'])?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
    }
    let (whole, fraction) = mantissa.split_once('.')?;
    if !digits_or_underscores(fraction) {
        return None;
    }
    if whole.contains(':') {
        let Some(Some(sixties)) = sexagesimal(whole) else { return None };
        if exponent.is_some() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
        let value = sixties as f64 + format!("0.{fraction}0").replace('_', "").parse::<f64>().ok()?;
        return Some(signed(value));
    }
    let starts_with_digit = |part: &str| part.starts_with(|c: char| c.is_ascii_digit());
    // `.5` takes no sign in PyYAML's pattern, `0.5` does.
    let well_formed = if whole.is_empty() {
        starts_with_digit(fraction) && body.len() == text.len()
    } else {
        starts_with_digit(whole) && digits_or_underscores(whole)
    };
    if !well_formed {
        return None;
    }
    let plain = format!("0{}", body.replace('_', ""));
    plain.parse::<f64>().ok().map(signed)
}

/// Whether the spelling of a number means another one in base ten: base 60, octal, hexadecimal or binary.
pub(crate) fn is_odd_base(value: &Value, text: &str) -> bool {
    let (_, digits) = sign(text);
    match value {
        Value::Int(_) => digits.contains(':') || digits.len() > 1 && digits.starts_with('0'),
        Value::Float(..) => digits.contains(':'),
        _ => false,
    }
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

fn digits_or_underscores(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// Digits of a base with underscores: not such a number, too large, or the number.
#[expect(clippy::option_option, reason = "two ways to fail: another shape, or out of range")]
fn radix(text: &str, base: u32) -> Option<Option<i128>> {
    let well_formed = text.chars().all(|c| c == '_' || c.is_digit(base));
    if !well_formed || !text.chars().any(|c| c != '_') {
        return None;
    }
    let mut value: Option<i128> = Some(0);
    for digit in text.chars().filter_map(|c| c.to_digit(base)) {
        value = value.and_then(|value| value.checked_mul(i128::from(base))?.checked_add(i128::from(digit)));
    }
    Some(value)
}

/// `1:30:00`: the first part any number, the others below sixty.
#[expect(clippy::option_option, reason = "two ways to fail: another shape, or out of range")]
fn sexagesimal(text: &str) -> Option<Option<i128>> {
    let mut parts = text.split(':');
    let first = parts.next()?;
    if !first.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut value = radix(first, 10)?;
    let mut others = 0;
    for part in parts {
        let well_formed = matches!(part.len(), 1 | 2) && part.bytes().all(|b| b.is_ascii_digit());
        let digits: i128 = part.parse().ok().filter(|digits| well_formed && *digits < 60)?;
        value = value.and_then(|value| value.checked_mul(60)?.checked_add(digits));
        others += 1;
    }
    (others > 0).then_some(value)
}

/// `2001-12-14`, or a date with a time of day after it.
fn is_timestamp(text: &str) -> bool {
    let (date, time) = match text.find(['T', 't', ' ', '\t']) {
        Some(at) => (&text[..at], Some(text[at + 1..].trim_start())),
        None => (text, None),
    };
    let parts: Vec<&str> = date.split('-').collect();
    let [year, month, day] = parts[..] else { return false };
    let digits = |part: &str, least: usize, most: usize| {
        (least..=most).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
    };
    match time {
        None => digits(year, 4, 4) && digits(month, 2, 2) && digits(day, 2, 2),
        Some(time) => {
            let clock: Vec<&str> = time.splitn(3, ':').collect();
            let [hour, minute, rest] = clock[..] else { return false };
            let seconds = rest.as_bytes().get(..2).is_some_and(|s| s.iter().all(u8::is_ascii_digit));
            let tail = rest.get(2..).unwrap_or("x");
            let zone = tail.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit()).trim_start();
            digits(year, 4, 4)
                && digits(month, 1, 2)
                && digits(day, 1, 2)
                && digits(hour, 1, 2)
                && digits(minute, 2, 2)
                && seconds
                && (zone.is_empty() || zone == "Z" || zone.starts_with(['+', '-']))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        match resolve_plain(text) {
            Value::Null => "null".to_owned(),
            Value::Bool(value) => format!("bool {value}"),
            Value::Int(value) => format!("int {value}"),
            Value::Float(value, _) => format!("float {value}"),
            Value::Str(text) => format!("str {text}"),
            Value::Timestamp(text) => format!("date {text}"),
            Value::List(_) | Value::Map(_) => "collection".to_owned(),
        }
    }

    /// Verdicts recorded from PyYAML 6.0's `safe_load`.
    #[test]
    fn resolves_as_pyyaml_does() {
        for (text, expected) in [
            ("", "null"),
            ("~", "null"),
            ("Null", "null"),
            ("nULL", "str nULL"),
            ("yes", "bool true"),
            ("Off", "bool false"),
            ("y", "str y"),
            ("tRue", "str tRue"),
            ("12", "int 12"),
            ("-0", "int 0"),
            ("+7", "int 7"),
            ("010", "int 8"),
            ("0o10", "str 0o10"),
            ("08", "str 08"),
            ("00", "int 0"),
            ("0_7", "int 7"),
            ("0b101", "int 5"),
            ("-0x1F", "int -31"),
            ("0x_F", "int 15"),
            ("1_000", "int 1000"),
            ("1__0", "int 10"),
            ("_1", "str _1"),
            ("1:30", "int 90"),
            ("1:30:00", "int 5400"),
            ("1:60", "str 1:60"),
            ("0:30", "str 0:30"),
            ("-1:30", "int -90"),
            ("1.5", "float 1.5"),
            ("1.", "float 1"),
            (".5", "float 0.5"),
            ("-.5", "str -.5"),
            ("._5", "str ._5"),
            ("1e3", "str 1e3"),
            ("1.0e3", "str 1.0e3"),
            ("1.0e+3", "float 1000"),
            ("1.0E-2", "float 0.01"),
            ("1_0.5_0", "float 10.5"),
            ("1:30.5", "float 90.5"),
            (".inf", "float inf"),
            ("-.INF", "float -inf"),
            (".nan", "float NaN"),
            ("1.2.3", "str 1.2.3"),
            ("8+", "str 8+"),
            ("32GB", "str 32GB"),
            ("2024-01-31", "date 2024-01-31"),
            ("2024-1-31", "str 2024-1-31"),
            ("2001-12-14t21:59:43.10-05:00", "date 2001-12-14t21:59:43.10-05:00"),
            ("2001-12-14 21:59:43", "date 2001-12-14 21:59:43"),
            ("-", "str -"),
            ("A100:8", "str A100:8"),
        ] {
            assert_eq!(shown(text), expected, "{text:?}");
        }
    }

    #[test]
    fn spellings_that_are_not_decimal_are_known() {
        for (text, odd) in [
            ("1:30", true),
            ("3:00:00", true),
            ("-1:30", true),
            ("1:30.5", true),
            ("010", true),
            ("0x1F", true),
            ("0b1", true),
            ("0", false),
            ("-0", false),
            ("90", false),
            ("0.5", false),
            ("08", false),
            ("1:60", false),
        ] {
            assert_eq!(is_odd_base(&resolve_plain(text), text), odd, "{text}");
        }
    }

    #[test]
    fn huge_integers_keep_their_digits() {
        let digits = "9".repeat(50);
        assert_eq!(shown(&digits), format!("str {digits}"));
    }
}
