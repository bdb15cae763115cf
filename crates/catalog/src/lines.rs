//! Comma-separated records, one to a line.
//!
//! RFC 4180 lets a quoted field span lines. No catalog uses that, and honouring it would let one
//! stray quote swallow the rest of a file, so here a record is a line: damage stays where it is.
//! Fields are borrowed; only a field with doubled quotes is copied.

use std::borrow::Cow;

/// Longest line that is split: ten times the longest of a real catalog (about 600 bytes), rounded up.
pub(crate) const MAX_LINE_BYTES: usize = 8 << 10;
/// Most fields of a line: real headers have 9 to 13.
pub(crate) const MAX_FIELDS: usize = 64;

/// Why a line was not split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Malformed {
    NotUtf8,
    LineTooLong,
    TooManyFields,
    UnterminatedQuote,
    TextAfterQuote,
}

/// Lines of a file with their numbers (from 1), without their ends; empty lines are left out.
pub(crate) fn lines(bytes: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut rest = Some(bytes);
    let mut number = 0_u32;
    std::iter::from_fn(move || {
        let current = rest?;
        let (line, after) = match memchr::memchr(b'\n', current) {
            Some(end) => (&current[..end], Some(&current[end + 1..])),
            None => (current, None),
        };
        rest = after;
        number = number.saturating_add(1);
        Some((number, line.strip_suffix(b"\r").unwrap_or(line)))
    })
    .filter(|(_, line)| !line.is_empty())
}

/// Splits a line into `fields`, which is cleared first.
pub(crate) fn split<'a>(line: &'a [u8], fields: &mut Vec<Cow<'a, str>>) -> Result<(), Malformed> {
    fields.clear();
    if line.len() > MAX_LINE_BYTES {
        return Err(Malformed::LineTooLong);
    }
    let mut rest = std::str::from_utf8(line).map_err(|_| Malformed::NotUtf8)?;
    loop {
        if fields.len() == MAX_FIELDS {
            return Err(Malformed::TooManyFields);
        }
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted)?,
            None => match memchr::memchr(b',', rest.as_bytes()) {
                Some(end) => (Cow::Borrowed(&rest[..end]), Some(&rest[end + 1..])),
                None => (Cow::Borrowed(rest), None),
            },
        };
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(()),
        }
    }
}

/// A field whose opening quote is gone already, and what follows its comma.
fn quoted_field(text: &str) -> Result<(Cow<'_, str>, Option<&str>), Malformed> {
    let mut from = 0;
    let mut doubled = false;
    let end = loop {
        let at = from + memchr::memchr(b'"', &text.as_bytes()[from..]).ok_or(Malformed::UnterminatedQuote)?;
        if text.as_bytes().get(at + 1) != Some(&b'"') {
            break at;
        }
        doubled = true;
        from = at + 2;
    };
    let field =
        if doubled { Cow::Owned(text[..end].replace("\"\"", "\"")) } else { Cow::Borrowed(&text[..end]) };
    match &text[end + 1..] {
        "" => Ok((field, None)),
        after => after.strip_prefix(',').map(|after| (field, Some(after))).ok_or(Malformed::TextAfterQuote),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(line: &str) -> Result<Vec<String>, Malformed> {
        let mut fields = Vec::new();
        split(line.as_bytes(), &mut fields)?;
        Ok(fields.into_iter().map(Cow::into_owned).collect())
    }

    #[test]
    fn splits_what_catalogs_contain() {
        assert_eq!(fields("a,,b").unwrap(), ["a", "", "b"]);
        assert_eq!(fields("").unwrap(), [""]);
        assert_eq!(fields("1,\"Denmark, DK, EU\"").unwrap(), ["1", "Denmark, DK, EU"]);
        assert_eq!(fields("\"{\"\"Name\"\": 1}\",x").unwrap(), ["{\"Name\": 1}", "x"]);
        assert_eq!(fields("a\"b,c").unwrap(), ["a\"b", "c"]);
        assert_eq!(fields("\"open,1"), Err(Malformed::UnterminatedQuote));
        assert_eq!(fields("\"a\"b,1"), Err(Malformed::TextAfterQuote));
        assert_eq!(fields(&",".repeat(MAX_FIELDS)), Err(Malformed::TooManyFields));
        assert_eq!(fields(&"x".repeat(MAX_LINE_BYTES + 1)), Err(Malformed::LineTooLong));
        assert_eq!(split(b"\xff", &mut Vec::new()), Err(Malformed::NotUtf8));
    }

    #[test]
    fn counts_lines_and_drops_their_ends() {
        let found: Vec<_> = lines(b"\xef\xbb\xbfa\r\n\nb").collect();
        assert_eq!(found, [(1, &b"a"[..]), (3, &b"b"[..])]);
    }

    proptest! {
        #[test]
        fn quoting_round_trips(values in prop::collection::vec("[ -~é]{0,12}", 1..9)) {
            let quoted: Vec<_> = values.iter().map(|v| format!("\"{}\"", v.replace('"', "\"\""))).collect();
            prop_assert_eq!(fields(&quoted.join(",")).unwrap(), values);
        }
    }
}
