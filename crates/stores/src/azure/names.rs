//! Names and values of the user's own metadata, in what Azure takes.
//!
//! Names must be C# identifiers (*Naming and referencing containers, blobs, and metadata*, read November
//! 2026). Characters that may not stand there are written `_xHHHH_`, as .NET's `XmlConvert.EncodeLocalName`
//! does, which is documented and reversible; so `cache-tag` is `cache_x002d_tag`. Letters are small, because
//! names differ in no other way.
//!
//! Values must be ASCII and are trimmed. Others go as one encoded word of RFC 2047, as S3 does it.

use base64_simd::STANDARD;

pub(crate) fn encoded_name(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let lower = name.to_ascii_lowercase();
    for (at, character) in lower.char_indices() {
        let stands = match character {
            'a'..='z' => true,
            '0'..='9' => at > 0,
            // Where it would be read as the beginning of a code: also of one that what follows ends, for a character
            // that is written as a code begins with the mark that ends one.
            '_' => !begins_code(&lower[at..]),
            _ => false,
        };
        if stands {
            encoded.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                encoded.push_str(&format!("_x{unit:04x}_"));
            }
        }
    }
    encoded
}

pub(crate) fn decoded_name(name: &str) -> String {
    let mut units: Vec<u16> = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some(character) = rest.chars().next() {
        if let Some(unit) = code(rest) {
            units.push(unit);
            rest = &rest[CODE_LENGTH..];
        } else {
            units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
            rest = &rest[character.len_utf8()..];
        }
    }
    String::from_utf16_lossy(&units)
}

/// Length of `_xHHHH_`.
const CODE_LENGTH: usize = 7;

/// The unit whose code `text` begins with.
fn code(text: &str) -> Option<u16> {
    let digits = text.get(..CODE_LENGTH)?.strip_prefix("_x")?.strip_suffix('_')?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
}

fn begins_code(text: &str) -> bool {
    let digits = text.strip_prefix("_x").and_then(|rest| rest.get(..4));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

const BEGIN: &str = "=?UTF-8?B?";
const END: &str = "?=";

pub(crate) fn encoded_value(value: &str) -> String {
    let plain = !value.is_empty()
        && value.trim() == value
        && !value.contains("  ")
        && !value.starts_with("=?")
        && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain { value.to_owned() } else { format!("{BEGIN}{}{END}", STANDARD.encode_to_string(value)) }
}

pub(crate) fn decoded_value(value: &str) -> String {
    let word = value.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
    let bytes = word.and_then(|word| STANDARD.decode_to_vec(word).ok());
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_else(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_identifiers() {
        for (name, encoded) in [
            ("mtime", "mtime"),
            ("a1_b", "a1_b"),
            ("cache-tag", "cache_x002d_tag"),
            ("1st", "_x0031_st"),
            ("_x002d_", "_x005f_x002d_"),
            ("_x", "_x"),
            ("_xcaca.", "_x005f_xcaca_x002e_"),
            ("_xcac.a", "_xcac_x002e_a"),
            ("😀", "_xd83d__xde00_"),
        ] {
            assert_eq!(encoded_name(name), encoded);
            assert_eq!(decoded_name(encoded), name);
        }
    }

    #[test]
    fn values_are_ascii() {
        for (value, encoded) in [
            ("plain text, 1", "plain text, 1"),
            ("é", "=?UTF-8?B?w6k=?="),
            ("", "=?UTF-8?B??="),
            ("=?UTF-8?B?w6k=?=", "=?UTF-8?B?PT9VVEYtOD9CP3c2az0/PQ==?="),
        ] {
            assert_eq!(encoded_value(value), encoded);
            assert_eq!(decoded_value(encoded), value);
        }
        assert_eq!(decoded_value("=?UTF-8?B?not base64?="), "=?UTF-8?B?not base64?=");
    }

    proptest! {
        #[test]
        fn everything_survives(name in "[a-z0-9_x-]{0,12}|\\PC{0,8}", value in ".{0,24}") {
            let name = name.to_ascii_lowercase();
            let encoded = encoded_name(&name);
            let identifier = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            prop_assert!(encoded.chars().all(identifier), "{}", encoded);
            prop_assert_eq!(decoded_name(&encoded), name);
            prop_assert_eq!(decoded_value(&encoded_value(&value)), value);
        }
    }
}
