//! Which bytes may stand where, as one table of 256 entries.
//!
//! Every part of a name has a class: a bit in the table. A lookup per byte is all the parser does on
//! a name that is already canonical.

use crate::error::Part;

const PROVIDER: u8 = 1;
const LOCATION: u8 = 2;
const KIND: u8 = 4;
const OFFERING: u8 = 8;
const VERSION: u8 = 16;
const KEY: u8 = 32;
const VALUE: u8 = 64;
const INSTANCE: u8 = 128;

static TABLE: [u8; 256] = table();

const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = classes(byte as u8);
        byte += 1;
    }
    table
}

const fn classes(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => 0xff,
        b'.' => 0xff,
        b'_' => LOCATION | OFFERING | VERSION | VALUE | INSTANCE,
        b'~' => OFFERING | VERSION | VALUE | INSTANCE,
        b':' => LOCATION | VERSION | VALUE | INSTANCE,
        b'/' => OFFERING | INSTANCE,
        b'+' | b',' => OFFERING | VALUE,
        _ => 0,
    }
}

const fn class(part: Part) -> u8 {
    match part {
        Part::Name => 0,
        Part::Provider => PROVIDER,
        Part::Location => LOCATION,
        Part::Kind => KIND,
        Part::Offering => OFFERING,
        Part::Version => VERSION,
        Part::Key => KEY,
        Part::Value => VALUE,
        Part::Instance => INSTANCE,
    }
}

/// Whether `byte` may stand unescaped in `part`.
pub(crate) fn is_plain(part: Part, byte: u8) -> bool {
    TABLE[byte as usize] & class(part) != 0
}

/// Whether an escape of `byte` in `part` means the same as the byte itself.
///
/// A slash is the one exception: in an offering `/` separates segments and `%2F` is text.
pub(crate) fn is_decoded(part: Part, byte: u8) -> bool {
    is_plain(part, byte) && !(byte == b'/' && matches!(part, Part::Offering))
}

/// Whether `part` may hold escapes at all.
pub(crate) const fn has_escapes(part: Part) -> bool {
    matches!(part, Part::Offering | Part::Version | Part::Value | Part::Instance)
}

/// Whether case carries nothing in `part`. Values are decided key by key.
pub(crate) const fn folds_case(part: Part) -> bool {
    matches!(part, Part::Provider | Part::Location | Part::Kind | Part::Key)
}

/// The value of a hexadecimal digit.
pub(crate) const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
