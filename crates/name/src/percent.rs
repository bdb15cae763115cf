//! Percent-escapes: from canonical text to what it says, and back.

use std::borrow::Cow;

use crate::chars::{hex, is_decoded, is_plain};
use crate::error::Part;

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Appends `byte` as an escape in upper-case digits.
pub(crate) fn push_escape(out: &mut String, byte: u8) {
    out.push('%');
    out.push(DIGITS[usize::from(byte >> 4)] as char);
    out.push(DIGITS[usize::from(byte & 15)] as char);
}

/// Appends `text`, any text, as it is written in `part`.
pub(crate) fn push_encoded(out: &mut String, part: Part, text: &str) {
    for byte in text.bytes() {
        if is_plain(part, byte) {
            out.push(byte as char);
        } else {
            push_escape(out, byte);
        }
    }
}

/// What canonical `text` says. Allocates only where there are escapes.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    // The parser has checked that escapes are UTF-8, so nothing is lost here.
    Cow::Owned(String::from_utf8_lossy(&decode_bytes(text.as_bytes())).into_owned())
}

/// Whether the escapes of `text` are UTF-8. The escapes themselves must be well formed.
pub(crate) fn is_utf8(text: &str) -> bool {
    std::str::from_utf8(&decode_bytes(text.as_bytes())).is_ok()
}

/// Splits an escape off the front of `bytes`: the byte it stands for.
pub(crate) fn escape_at(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [b'%', high, low, ..] => Some(hex(*high)? << 4 | hex(*low)?),
        _ => None,
    }
}

/// Whether an escape of `byte` stays an escape in the canonical form of `part`.
pub(crate) fn stays_escaped(part: Part, byte: u8) -> bool {
    !is_decoded(part, byte)
}

fn decode_bytes(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    while let Some(&first) = bytes.first() {
        if let Some(byte) = escape_at(bytes) {
            out.push(byte);
            bytes = &bytes[3..];
        } else {
            out.push(first);
            bytes = &bytes[1..];
        }
    }
    out
}
