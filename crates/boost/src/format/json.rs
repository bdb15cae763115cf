//! JSON as XGBoost writes it, which is JSON and the words `NaN`, `Infinity` and `-Infinity` where numbers may be.
//!
//! *Rejected:* `serde_json`, which refuses those words, and reads lists of numbers as values of 32 bytes each.

use super::value::{Numbers, Value};
use super::{FormatError, MOST_LEVELS};
use std::fmt::Write;

pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut text = String::new();
    put(&mut text, value);
    text.into_bytes()
}

fn put(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(bool) => text.push_str(if *bool { "true" } else { "false" }),
        Value::Integer(integer) => put_fmt(text, format_args!("{integer}")),
        Value::Real(real) => put_real(text, *real, format_args!("{real:?}")),
        Value::Text(string) => put_text(text, string),
        Value::List(list) => put_list(text, list, put),
        Value::Numbers(numbers) => put_numbers(text, numbers),
        Value::Map(entries) => {
            text.push('{');
            for (index, (name, value)) in entries.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                put_text(text, name);
                text.push(':');
                put(text, value);
            }
            text.push('}');
        }
    }
}

fn put_list<T>(text: &mut String, list: &[T], put: impl Fn(&mut String, &T)) {
    text.push('[');
    for (index, value) in list.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        put(text, value);
    }
    text.push(']');
}

/// Reals always have a point or an exponent: to XGBoost what has neither is an integer, and no real.
fn put_numbers(text: &mut String, numbers: &Numbers) {
    match numbers {
        Numbers::F32(list) => {
            put_list(text, list, |text, real| put_real(text, f64::from(*real), format_args!("{real:?}")));
        }
        Numbers::F64(list) => {
            put_list(text, list, |text, real| put_real(text, *real, format_args!("{real:?}")))
        }
        Numbers::U8(list) => put_list(text, list, |text, n| put_fmt(text, format_args!("{n}"))),
        Numbers::I32(list) => put_list(text, list, |text, n| put_fmt(text, format_args!("{n}"))),
        Numbers::I64(list) => put_list(text, list, |text, n| put_fmt(text, format_args!("{n}"))),
    }
}

fn put_real(text: &mut String, real: f64, shortest: std::fmt::Arguments<'_>) {
    match real {
        _ if real.is_nan() => text.push_str("NaN"),
        _ if real.is_infinite() => text.push_str(if real > 0.0 { "Infinity" } else { "-Infinity" }),
        _ => put_fmt(text, shortest),
    }
}

fn put_fmt(text: &mut String, args: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = text.write_fmt(args);
}

fn put_text(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            c if u32::from(c) < 0x20 => put_fmt(text, format_args!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
}

pub(super) fn read(bytes: &[u8]) -> Result<Value, FormatError> {
    let mut reader = Reader { bytes, at: 0 };
    let value = reader.value(MOST_LEVELS)?;
    reader.space();
    if reader.at < bytes.len() { Err(reader.error("something follows the end")) } else { Ok(value) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn error(&self, what: &'static str) -> FormatError {
        FormatError { at: self.at, what }
    }

    fn space(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The next byte that is no space.
    fn peek(&mut self) -> Option<u8> {
        self.space();
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.bytes[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    fn value(&mut self, levels: usize) -> Result<Value, FormatError> {
        let below = levels.checked_sub(1).ok_or_else(|| self.error("more levels than a model has"))?;
        match self.peek() {
            Some(b'{') => self.map(below),
            Some(b'[') => self.list(below),
            Some(b'"') => Ok(Value::Text(self.text()?)),
            Some(b't') if self.take("true") => Ok(Value::Bool(true)),
            Some(b'f') if self.take("false") => Ok(Value::Bool(false)),
            Some(b'n') if self.take("null") => Ok(Value::Null),
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => self.number(),
            Some(_) => Err(self.error("there is no value")),
            None => Err(self.error("the file ends too early")),
        }
    }

    fn map(&mut self, levels: usize) -> Result<Value, FormatError> {
        let mut entries: Vec<(String, Value)> = Vec::new();
        self.at += 1;
        while self.peek() != Some(b'}') {
            if !entries.is_empty() {
                self.comma()?;
            }
            if self.peek() != Some(b'"') {
                return Err(self.error("a name is missing"));
            }
            let name = self.text()?;
            if self.peek() != Some(b':') {
                return Err(self.error("a colon is missing"));
            }
            self.at += 1;
            entries.push((name, self.value(levels)?));
        }
        self.at += 1;
        super::value::sorted(entries).ok_or_else(|| self.error("a name stands twice in one map"))
    }

    fn comma(&mut self) -> Result<(), FormatError> {
        if self.peek() != Some(b',') {
            return Err(self.error("a comma is missing"));
        }
        self.at += 1;
        Ok(())
    }

    fn list(&mut self, levels: usize) -> Result<Value, FormatError> {
        self.at += 1;
        let mut numbers = Vec::new();
        let mut values = Vec::new();
        while self.peek() != Some(b']') {
            if !numbers.is_empty() || !values.is_empty() {
                self.comma()?;
            }
            match self.value(levels)? {
                Value::Integer(integer) if values.is_empty() => {
                    #[expect(clippy::cast_precision_loss, reason = "what is not exact is no index")]
                    numbers.push(integer as f64);
                }
                Value::Real(real) if values.is_empty() => numbers.push(real),
                _ if !numbers.is_empty() => return Err(self.error("a list has numbers and others")),
                other => values.push(other),
            }
        }
        self.at += 1;
        Ok(if numbers.is_empty() { Value::List(values) } else { Value::Numbers(Numbers::F64(numbers)) })
    }

    fn number(&mut self) -> Result<Value, FormatError> {
        for (word, real) in [("NaN", f64::NAN), ("Infinity", f64::INFINITY), ("-Infinity", f64::NEG_INFINITY)]
        {
            if self.take(word) {
                return Ok(Value::Real(real));
            }
        }
        let start = self.at;
        while matches!(self.bytes.get(self.at), Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')) {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).unwrap_or_default();
        let integer = text.parse().ok().map(Value::Integer);
        let real = || text.parse().ok().map(Value::Real);
        integer.or_else(real).ok_or(FormatError { at: start, what: "there is no number" })
    }

    fn text(&mut self) -> Result<String, FormatError> {
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let byte = *self.bytes.get(self.at).ok_or_else(|| self.error("a text has no end"))?;
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' => text.extend(self.escape()?.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => text.push(byte),
            }
        }
        String::from_utf8(text).map_err(|_| self.error("a text is not UTF-8"))
    }

    fn escape(&mut self) -> Result<char, FormatError> {
        let byte = *self.bytes.get(self.at).ok_or_else(|| self.error("a text has no end"))?;
        self.at += 1;
        Ok(match byte {
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => self.unicode()?,
            b'"' | b'\\' | b'/' => char::from(byte),
            _ => return Err(self.error("there is no such escape")),
        })
    }

    fn unicode(&mut self) -> Result<char, FormatError> {
        let high = self.hex()?;
        if !(0xd800..0xdc00).contains(&high) || !self.take("\\u") {
            return char::from_u32(high).ok_or_else(|| self.error("there is no such character"));
        }
        let low = self.hex()?.wrapping_sub(0xdc00);
        let c = 0x1_0000 + ((high - 0xd800) << 10) + low;
        char::from_u32(c).filter(|_| low < 0x400).ok_or_else(|| self.error("there is no such character"))
    }

    fn hex(&mut self) -> Result<u32, FormatError> {
        let digits =
            self.bytes.get(self.at..self.at + 4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        number.ok_or_else(|| self.error("four hexadecimal digits are missing"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let value = Value::map([
            ("a", Value::Numbers(Numbers::F64(vec![0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300]))),
            ("text", Value::Text("\"\\\n\u{1}é😀".to_owned())),
            ("list", Value::List(vec![Value::Null, Value::Bool(true), Value::List(vec![])])),
            ("n", Value::Integer(-3)),
        ]);
        let text = String::from_utf8(write(&value)).unwrap();
        assert_eq!(
            text,
            "{\"a\":[0.5,NaN,Infinity,-Infinity,1e300],\"list\":[null,true,[]],\"n\":-3,\"text\":\"\\\"\\\\\\n\\u0001é😀\"}"
        );
        assert_eq!(format!("{:?}", read(text.as_bytes()).unwrap()), format!("{value:?}"));
        assert_eq!(read(br#" "\ud83d\ude00\/" "#), Ok(Value::Text("😀/".to_owned())));
        assert_eq!(write(&Value::Numbers(Numbers::F32(vec![0.1, 3.0, 1e-7]))), b"[0.1,3.0,1e-7]");
    }

    #[test]
    fn what_is_no_json_is_refused_where_it_is_none() {
        for (text, at) in [
            ("", 0),
            ("{", 1),
            ("[1,", 3),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("{a:1}", 1),
            ("[1,\"a\"]", 6),
            ("1 1", 2),
            ("\"\\ud800\"", 7),
            ("\"\\x\"", 3),
            ("--1", 0),
            ("[", 1),
            ("\"\\u12", 7),
            ("{\"a\":1,\"a\":2}", 13),
            ("{,}", 1),
        ] {
            assert_eq!(read(text.as_bytes()).map_err(|error| error.at), Err(at), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(read(deep.as_bytes()).unwrap_err().what, "more levels than a model has");
    }
}
