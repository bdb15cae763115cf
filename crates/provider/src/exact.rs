//! Any bytes as text, and back: lines of output are text on every wire, and what a script wrote is bytes.
//!
//! Text stands for itself. A byte that is no part of any text becomes one character of the last 128 of Unicode's private
//! use (U+10FF00 and the byte), and one of these characters in the text itself becomes the four bytes that it is written
//! with, each in this way. So [`bytes()`] of [`text()`] are the bytes, whatever they are; almost every log is its own text; and
//! whoever does not know of it shows a strange character where it would have shown a replacement.
//!
//! *Rejected:* Base64 for lines that are no text, which needs a second field in every place that a line passes.

use std::borrow::Cow;

/// Stands for the byte 0.
const FIRST: u32 = 0x10_FF00;

/// The first byte of such a character as it is written: almost no text has it.
const LEAD: u8 = 0xF4;

/// The text that stands for bytes.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push(&mut text, chunk.valid());
        chunk.invalid().iter().for_each(|byte| text.push(of_byte(*byte)));
    }
    text
}

/// Text as it is, but for characters that stand for bytes.
fn push(text: &mut String, valid: &str) {
    if !valid.as_bytes().contains(&LEAD) {
        return text.push_str(valid);
    }
    for character in valid.chars() {
        match byte_of(character) {
            Some(_) => character.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| text.push(of_byte(byte))),
            None => text.push(character),
        }
    }
}

/// The bytes that a text stands for.
#[must_use]
pub fn bytes(text: &str) -> Cow<'_, [u8]> {
    if is_plain(text) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

/// Whether a text is the bytes that it stands for.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    !text.as_bytes().contains(&LEAD) || !text.chars().any(|character| byte_of(character).is_some())
}

/// What people are shown: bytes that are no text are replaced.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    match bytes(text) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn of_byte(byte: u8) -> char {
    char::from_u32(FIRST + u32::from(byte)).expect("U+10FF80 to U+10FFFF are characters")
}

fn byte_of(character: char) -> Option<u8> {
    // Bytes that are no text have their highest bit set.
    u32::from(character)
        .checked_sub(FIRST)
        .and_then(|byte| u8::try_from(byte).ok())
        .filter(|byte| *byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_stands_for_itself_and_other_bytes_come_back() {
        assert_eq!(text(b"plain \0 text\r"), "plain \0 text\r");
        assert!(is_plain("\u{e4}\0") && !is_plain("\u{10FFFF}"));
        for bytes_of in
            [&b"\xff"[..], b"a\x80b\xc3", b"\xf4\x8f\xbf\xbf", "\u{10FF7F}\u{10FF80}".as_bytes(), b""]
        {
            assert_eq!(&*bytes(&text(bytes_of)), bytes_of);
        }
        assert_eq!(shown(&text(b"a\xffb")), "a\u{FFFD}b");
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(given in proptest::collection::vec(prop_oneof![any::<u8>(), Just(0xF4), Just(0x8F), Just(0xBF), 0x80_u8..0xC0], 0..40)) {
            let text = text(&given);
            prop_assert_eq!(&*bytes(&text), &given[..]);
        }
    }
}
