//! One part of a name: its canonical text and the check of its shape.
//!
//! Canonicalisation works byte by byte: a byte that may stand unescaped does so, any other is an
//! escape with upper-case digits, and letters are lowered where case carries nothing. Two spellings of
//! one text thus meet in one form whatever the part. The shape is checked on the canonical text only.

use crate::chars::{folds_case, has_escapes, is_plain};
use crate::error::{ParseError, Part, Reason};
use crate::kind::Kind;
use crate::location::LEVELS_MAX;
use crate::percent::{escape_at, is_utf8, push_escape, stays_escaped};
use crate::split::Raw;
use crate::suggest::nearest;

/// Longest label of a provider in bytes, as in the DNS (RFC 1035, section 2.3.4).
const LABEL_MAX: usize = 63;

/// A fault in canonical text: what, where from its start, and the text at fault.
pub(crate) struct Fault<'a> {
    pub(crate) reason: Reason,
    pub(crate) at: usize,
    pub(crate) found: &'a str,
    pub(crate) hint: Option<String>,
}

impl<'a> Fault<'a> {
    #[cold]
    pub(crate) fn new(reason: Reason, at: usize, found: &'a str) -> Self {
        Self { reason, at, found, hint: None }
    }

    #[cold]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error for a reader of `raw`, whose canonical text is `len` bytes long. Where escapes have
    /// shifted the bytes, the error points at the start of the part.
    #[cold]
    pub(crate) fn at(self, part: Part, raw: Raw<'_>, len: usize) -> ParseError {
        let offset = if raw.text.len() == len { self.at } else { 0 };
        let error = ParseError::new(self.reason, part, raw.at + offset, self.found);
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

/// Appends the canonical form of one whole part and checks it.
pub(crate) fn push_part(out: &mut String, part: Part, raw: Raw<'_>) -> Result<(), ParseError> {
    let start = out.len();
    push_text(out, part, folds_case(part), raw)?;
    let text = &out[start..];
    check(part, text).map_err(|fault| fault.at(part, raw, text.len()))
}

/// Appends the canonical text of `raw`, letters lowered if `fold`.
pub(crate) fn push_text(out: &mut String, part: Part, fold: bool, raw: Raw<'_>) -> Result<(), ParseError> {
    let start = out.len();
    let bytes = raw.text.as_bytes();
    let mut check_utf8 = false;
    let mut index = 0;
    while index < bytes.len() {
        let run = bytes[index..].iter().take_while(|byte| is_plain(part, **byte)).count();
        // Plain bytes are ASCII, so a run of them ends on a character boundary.
        let plain = out.len();
        out.push_str(&raw.text[index..index + run]);
        if fold {
            out[plain..].make_ascii_lowercase();
        }
        index += run;
        if index == bytes.len() {
            break;
        }
        if bytes[index] != b'%' || !has_escapes(part) {
            return Err(illegal(part, raw, index));
        }
        let byte = unescape(part, raw, index)?;
        if stays_escaped(part, byte) {
            check_utf8 |= !byte.is_ascii();
            push_escape(out, byte);
        } else {
            out.push(if fold { byte.to_ascii_lowercase() } else { byte } as char);
        }
        index += 3;
    }
    if check_utf8 && !is_utf8(&out[start..]) {
        let fault = ParseError::new(Reason::BadEscape, part, raw.at, raw.text);
        return Err(fault.hint("escapes hold UTF-8"));
    }
    Ok(())
}

fn unescape(part: Part, raw: Raw<'_>, index: usize) -> Result<u8, ParseError> {
    let found = || {
        let rest = &raw.text[index..];
        rest.char_indices().nth(3).map_or(rest, |(end, _)| &rest[..end])
    };
    let Some(byte) = escape_at(&raw.text.as_bytes()[index..]) else {
        let fault = ParseError::new(Reason::BadEscape, part, raw.at + index, found());
        return Err(fault.hint("`%` is followed by two hexadecimal digits; a percent sign itself is `%25`"));
    };
    if byte.is_ascii_control() {
        let fault = ParseError::new(Reason::BadEscape, part, raw.at + index, found());
        return Err(fault.hint("control characters have no place in a name"));
    }
    Ok(byte)
}

#[cold]
fn illegal(part: Part, raw: Raw<'_>, index: usize) -> ParseError {
    let rest = &raw.text[index..];
    let character = rest.chars().next().unwrap_or('%');
    let found = &rest[..character.len_utf8().min(rest.len())];
    let error = ParseError::new(Reason::IllegalCharacter, part, raw.at + index, found);
    match character {
        '*' | '{' | '}' | '!' => error.hint("patterns belong in selectors; a name has none"),
        _ if character.is_control() => error.hint("control characters have no place in a name"),
        _ if has_escapes(part) => {
            let mut escaped = String::new();
            found.bytes().for_each(|byte| push_escape(&mut escaped, byte));
            error.hint(format!("write it as `{escaped}`"))
        }
        _ => error.hint(allowed(part)),
    }
}

fn allowed(part: Part) -> &'static str {
    match part {
        Part::Provider => "a provider is made of letters, digits, `-` and `.`",
        Part::Location => {
            "a location is `region[:zone[:cell]]` of letters, digits, `-`, `_` and `.`, or `-` alone"
        }
        Part::Kind => "a kind is made of letters, digits, `-` and `.`",
        _ => "a key is made of letters, digits, `-` and `.`",
    }
}

/// Checks the shape of canonical `text`.
pub(crate) fn check(part: Part, text: &str) -> Result<(), Fault<'_>> {
    match part {
        Part::Provider => labels(text, '.', &is_label),
        Part::Location => location(text),
        Part::Kind => kind(text),
        Part::Offering | Part::Instance => segments(text),
        Part::Version => version(text),
        Part::Name | Part::Key | Part::Value => Ok(()),
    }
}

/// A label of a host name (RFC 1123, section 2.1).
fn is_label(label: &str) -> bool {
    label.len() <= LABEL_MAX && !label.starts_with('-') && !label.ends_with('-')
}

/// A level of a location: the marks stand between letters and digits.
fn is_level(level: &str) -> bool {
    let bytes = level.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
}

fn is_kind_word(word: &str) -> bool {
    is_label(word) && word.as_bytes()[0].is_ascii_alphabetic()
}

fn labels<'a>(text: &'a str, separator: char, shape: &dyn Fn(&str) -> bool) -> Result<(), Fault<'a>> {
    for (at, label) in pieces(text, separator) {
        if label.is_empty() {
            return Err(Fault::new(Reason::EmptyPart, at, label));
        }
        if !shape(label) {
            return Err(Fault::new(Reason::BadLabel, at, label)
                .hint("a label begins and ends with a letter or digit"));
        }
    }
    Ok(())
}

fn location(text: &str) -> Result<(), Fault<'_>> {
    if text == "-" {
        return Ok(());
    }
    labels(text, ':', &is_level)?;
    if let Some((at, deep)) = pieces(text, ':').nth(LEVELS_MAX) {
        return Err(Fault::new(Reason::TooDeep, at, deep).hint("a location is `region[:zone[:cell]]`"));
    }
    Ok(())
}

fn kind(text: &str) -> Result<(), Fault<'_>> {
    let word = text.split('.').next().unwrap_or(text);
    if word.is_empty() || Kind::from_id(word).is_some() {
        return labels(text, '.', &is_kind_word);
    }
    let fault = Fault::new(Reason::UnknownKind, 0, word);
    Err(match nearest(word, Kind::ALL.iter().map(|kind| kind.as_str())) {
        Some(kind) => fault.hint(format!("did you mean `{kind}`?")),
        None => {
            let all: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
            fault.hint(format!("known kinds are {}", all.join(" ")))
        }
    })
}

fn segments(text: &str) -> Result<(), Fault<'_>> {
    for (at, segment) in pieces(text, '/') {
        match segment {
            "" => {
                return Err(Fault::new(Reason::EmptyPart, at, segment).hint("no `//` and no `/` at the end"));
            }
            "." | ".." => return Err(Fault::new(Reason::DotSegment, at, segment)),
            _ => {}
        }
    }
    Ok(())
}

fn version(text: &str) -> Result<(), Fault<'_>> {
    if text.is_empty() {
        return Err(Fault::new(Reason::EmptyPart, 0, text).hint("a version follows `@`; leave the `@` out"));
    }
    let Some((algorithm, digits)) = text.split_once(':') else { return Ok(()) };
    // Compared in any case: `SHA256:…` taken for a version would be a pin that pins nothing.
    if !algorithm.eq_ignore_ascii_case("sha256") {
        return Ok(());
    }
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Fault::new(Reason::BadPin, 0, text).hint("a pin is `sha256:` and 64 hexadecimal digits"));
    }
    Ok(())
}

/// The pieces of `text` with their offsets.
fn pieces(text: &str, separator: char) -> impl Iterator<Item = (usize, &str)> {
    Raw { text, at: 0 }.split(separator).map(|piece| (piece.at, piece.text))
}
