//! Patterns of the tables and of job files: `*` is any run of characters, `?` is one.

/// Whether the whole of `text` fits, letters compared without case.
pub(super) fn fits(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    fits_from(&pattern, &text)
}

fn fits_from(pattern: &[char], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => (0..=text.len()).any(|skip| fits_from(rest, &text[skip..])),
        Some(('?', rest)) => !text.is_empty() && fits_from(rest, &text[1..]),
        Some((one, rest)) => text.first() == Some(one) && fits_from(rest, &text[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_words() {
        for (pattern, text) in
            [("*", ""), ("us-*", "us-east-1"), ("Standard_DC*as_v5", "standard_dc4as_v5"), ("a?c", "abc")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("us-*", "eus-1"), ("a?c", "ac"), ("", "a"), ("a", "")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }
}
