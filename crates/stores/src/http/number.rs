//! Numbers that a server writes.

/// A number of digits and nothing else: `+1`, `-1`, ` 1` and what has more than 64 bits are none.
pub(crate) fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// The same in hexadecimal digits.
pub(super) fn hexadecimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_and_nothing_else() {
        assert_eq!(number("18446744073709551615"), Some(u64::MAX));
        assert_eq!((number("007"), hexadecimal("fFf")), (Some(7), Some(0xfff)));
        for text in ["", "+1", "-1", " 1", "1 ", "1_0", "0x1", "18446744073709551616", "\u{0661}"] {
            assert_eq!(
                (number(text), hexadecimal(text).filter(|_| text.len() < 17)),
                (None, None),
                "{text:?}"
            );
        }
    }
}
