//! What stands in a statement beside its operands: `dims = [0, 2]`, `slice_sizes = array<i64: 1, 64>`.

use super::syntax::Statement;

/// A list longer than any dimensions are no list of such.
const MOST_NUMBERS: usize = 64;

impl<'a> Statement<'a> {
    /// What follows `key =`.
    pub(super) fn attribute(&self, key: &str) -> Option<&'a str> {
        self.attributes.iter().find_map(|text| after(text, key))
    }

    /// Numbers, in any of the ways to write a list of them.
    pub(super) fn numbers(&self, key: &str) -> Option<Vec<u64>> {
        numbers(self.attribute(key)?)?.into_iter().map(|number| u64::try_from(number).ok()).collect()
    }

    /// Numbers, none where the key is missing.
    pub(super) fn numbers_or_none(&self, key: &str) -> Option<Vec<u64>> {
        if self.attribute(key).is_some() { self.numbers(key) } else { Some(Vec::new()) }
    }

    pub(super) fn signed(&self, key: &str) -> Option<Vec<i64>> {
        numbers(self.attribute(key)?)
    }

    /// `key = [0] x [1]`.
    pub(super) fn pairs(&self, key: &str) -> Option<(Vec<u64>, Vec<u64>)> {
        let text = self.attribute(key)?;
        let second =
            text.find(']').and_then(|end| text.get(end + 1..))?.trim_start().strip_prefix('x')?.trim_start();
        let read = |text: &str| -> Option<Vec<u64>> {
            numbers(text)?.into_iter().map(|number| u64::try_from(number).ok()).collect()
        };
        Some((read(text)?, read(second)?))
    }

    pub(super) fn number(&self, key: &str) -> Option<u64> {
        let text = self.attribute(key)?;
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        text[..digits].parse().ok()
    }
}

/// What follows `key =` in a text, where the key stands by itself.
pub(super) fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    text.match_indices(key).find_map(|(at, _)| {
        if at > 0 && letter(text.as_bytes()[at - 1]) {
            return None;
        }
        Some(text[at + key.len()..].trim_start().strip_prefix('=')?.trim_start())
    })
}

/// The numbers of the list that a text begins with: `[1, 2]`, `array<i64: 1, 2>`, `dense<[1, 2]> : tensor<2xi64>`, `dense<1>`.
pub(super) fn numbers(text: &str) -> Option<Vec<i64>> {
    let (inner, close) = if let Some(inner) = text.strip_prefix('[') {
        (inner, ']')
    } else if let Some(inner) = text.strip_prefix("array<") {
        (inner.split_once(':').map_or("", |(kind, rest)| if kind.contains('>') { "" } else { rest }), '>')
    } else {
        (text.strip_prefix("dense<")?, '>')
    };
    let inner = inner.split(close).next()?;
    let words = inner.split([',', '[', ']', ' ']).filter(|word| !word.is_empty()).take(MOST_NUMBERS + 1);
    let read: Vec<i64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
    (read.len() <= MOST_NUMBERS).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_each_of_their_spellings() {
        for text in [
            "[1, 20]",
            "array<i64: 1, 20>",
            "dense<[1, 20]> : tensor<2xi64>",
            "dense<[[1], [20]]>",
            "[1, 20] x [3]",
        ] {
            assert_eq!(numbers(text), Some(vec![1, 20]), "{text}");
        }
        assert_eq!(numbers("array<i64>"), Some(Vec::new()));
        assert_eq!(numbers("[]"), Some(Vec::new()));
        assert_eq!(numbers("dense<0> : tensor<4x2xi64>"), Some(vec![0]));
        assert_eq!(numbers("unit"), None);
        assert_eq!(after("lhs_dims = [1], dims = [2]", "dims"), Some("[2]"));
    }
}
