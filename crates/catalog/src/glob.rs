//! Patterns with `*` and `?`, without regard to ASCII case.

/// A pattern: `*` stands for any text, `?` for one character, everything else for itself. Compared
/// without regard to ASCII case, as no provider has two regions or machine types that differ by
/// case only and people do not remember which letters are capital.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    pattern: String,
}

impl Glob {
    /// From its text. Every text is a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned() }
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Whether the pattern has no wildcard.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        !self.pattern.contains(['*', '?'])
    }

    /// Whether `text` matches as a whole. Takes at most `pattern × text` steps.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (pattern, text) = (self.pattern.as_bytes(), text.as_bytes());
        let (mut p, mut t) = (0, 0);
        // Where to go on when the text after the latest `*` does not match: behind that star, one
        // character further into the text.
        let mut retry: Option<(usize, usize)> = None;
        while t < text.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    retry = Some((p, t));
                    p += 1;
                }
                Some(b'?') => {
                    p += 1;
                    t += char_len(text, t);
                }
                Some(letter) if letter.eq_ignore_ascii_case(&text[t]) => {
                    p += 1;
                    t += 1;
                }
                _ => match retry {
                    Some((star, from)) => {
                        let next = from + char_len(text, from);
                        retry = Some((star, next));
                        p = star + 1;
                        t = next;
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|&letter| letter == b'*')
    }
}

/// Bytes of the character that begins at `at`.
fn char_len(text: &[u8], at: usize) -> usize {
    1 + text[at + 1..].iter().take_while(|byte| **byte & 0xc0 == 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, by recursion.
    fn naive(pattern: &[char], text: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, None) => true,
            (Some('*'), _) => naive(&pattern[1..], text) || (!text.is_empty() && naive(pattern, &text[1..])),
            (Some('?'), Some(_)) => naive(&pattern[1..], &text[1..]),
            (Some(p), Some(t)) => p.eq_ignore_ascii_case(t) && naive(&pattern[1..], &text[1..]),
            _ => false,
        }
    }

    #[test]
    fn matches_what_people_write() {
        for (pattern, text, expected) in [
            ("eu-*", "eu-west-1", true),
            ("eu-*", "us-east-1", false),
            ("*", "", true),
            ("standard_nc*", "Standard_NC4as_T4_v3", true),
            ("p?.48xlarge", "p5.48xlarge", true),
            ("p?.48xlarge", "p5en.48xlarge", false),
            ("", "x", false),
        ] {
            assert_eq!(Glob::new(pattern).matches(text), expected, "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn equals_the_definition(pattern in "[ab*?é]{0,7}", text in "[abBé]{0,9}") {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Glob::new(&pattern).matches(&text), naive(&letters(&pattern), &letters(&text)));
        }
    }
}
