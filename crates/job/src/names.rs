//! Names of tasks, inputs and outputs.

use crate::codes::Code;
use crate::cursor::Cursor;
use crate::limits::MAX_NAME_BYTES;
use crate::report::{Issue, cut};
use crate::yaml::Place;

/// What a name looks like, for messages.
pub(crate) const EXPECTED: &str = "letters and digits, with single or double `.`, `_` or `-` between them";

/// Whether a text is a name: it starts and ends with a letter or digit and has at most two signs
/// in a row. SkyPilot's rule, so that its files keep their names.
pub(crate) fn is_name(text: &str) -> bool {
    let mut signs = 2;
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => signs = 0,
            b'.' | b'_' | b'-' if signs < 2 => signs += 1,
            _ => return false,
        }
    }
    // No letter yet counts as two signs, so an empty text and a leading sign fail here or above.
    signs == 0 && text.len() <= MAX_NAME_BYTES
}

/// The mistake of a bad name.
pub(crate) fn bad(text: &str, what: &str, place: Place) -> Issue {
    let message = format!("`{}` is not a name for {what}", cut(text));
    Issue::error(Code::BadName, place, message).expected(EXPECTED)
}

/// Checks the key of an input or output.
pub(crate) fn check_key(name: &str, what: &str, cursor: &Cursor<'_>) -> Result<(), Issue> {
    if is_name(name) { Ok(()) } else { Err(bad(name, what, cursor.key_place)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rule() {
        for name in ["a", "train-1", "a__b", "a--b", "a__b--c", "a.b_c-d", "0"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "-a", "a-", "a---b", "a b", "é", "a/b", "_"] {
            assert!(!is_name(name), "{name}");
        }
        assert!(!is_name(&"a".repeat(256)));
    }
}
