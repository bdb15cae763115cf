//! Matching one glob: text and `*`.
//!
//! The usual two-pointer walk: on a mismatch, let the last `*` take one more character and go on from
//! there. No recursion and no allocation; the time is at most pattern times text, both within the
//! limit of a name. An escape counts as one character, so that a `*` never ends inside one and `a*F`
//! does not take the last digit of `a%2F`.

/// Whether `pattern` matches the whole of canonical `text`.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on after the last `*`, in the pattern and in the text.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            retry = Some((p, t));
        } else if t == text.len() {
            return p == pattern.len();
        } else if p < pattern.len() && unit(pattern, p) == unit(text, t) {
            p += unit(pattern, p).len();
            t += unit(text, t).len();
        } else if let Some((star, taken)) = retry {
            let next = taken + unit(text, taken).len();
            retry = Some((star, next));
            (p, t) = (star, next);
        } else {
            return false;
        }
        if t > text.len() {
            return false;
        }
    }
}

/// The character at `index`: an escape or one byte.
fn unit(text: &[u8], index: usize) -> &[u8] {
    let len = if text[index] == b'%' { 3 } else { 1 };
    &text[index..text.len().min(index + len)]
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn text_and_stars() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "abc"),
            ("a*c", "abbbc"),
            ("a*c", "ac"),
            ("*b*", "abc"),
            ("**", "x"),
            ("*ab", "aab"),
            ("a%2F*", "a%2Fb"),
            ("a*b*c", "a_b_b_c"),
        ] {
            assert!(matches(pattern, text), "{pattern} should match {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a*c", "ab"), ("a*b*c", "acb"), ("*F", "a%2F"), ("a", "ab"), ("*a", "ab")]
        {
            assert!(!matches(pattern, text), "{pattern} should not match {text}");
        }
    }

    #[test]
    fn many_stars_stay_polynomial() {
        let pattern = "*a".repeat(250) + "b";
        assert!(!matches(&pattern, &"a".repeat(500)));
    }
}
