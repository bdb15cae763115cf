//! Headers of a response, in one piece of memory: a response has a dozen of them, and a small object two responses.

/// Names in lower case with their values, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Headers {
    text: String,
    /// Where each name ends in it, and the value behind it.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// With room for so many, which have so many bytes together.
    pub(super) fn with_room(count: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }

    /// Adds one, and returns it as it will be found. What is not UTF-8 of a value is replaced.
    pub(super) fn push(&mut self, name: &str, value: &[u8]) -> (&str, &str) {
        let start = self.text.len();
        self.text.push_str(name);
        self.text[start..].make_ascii_lowercase();
        let end = self.text.len();
        self.text.push_str(&String::from_utf8_lossy(value));
        self.ends.push((end, self.text.len()));
        (&self.text[start..end], &self.text[end..])
    }

    /// The first of that lower-case name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |(name, value)| {
            let from = std::mem::replace(&mut start, *value);
            (&self.text[from..*name], &self.text[*name..*value])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_as_they_came() {
        let mut headers = Headers::with_room(1, 2);
        assert_eq!(headers.push("ETag", b"\"X\""), ("etag", "\"X\""));
        assert_eq!(headers.push("x-amz-meta-A", b""), ("x-amz-meta-a", ""));
        assert_eq!(headers.push("X-Odd", b"a\xff\xc3\xa4"), ("x-odd", "a\u{fffd}\u{e4}"));
        headers.push("etag", b"second");
        let all: Vec<_> = headers.iter().collect();
        let expected =
            [("etag", "\"X\""), ("x-amz-meta-a", ""), ("x-odd", "a\u{fffd}\u{e4}"), ("etag", "second")];
        assert_eq!(all, expected);
        for (name, value) in
            [("etag", Some("\"X\"")), ("x-amz-meta-a", Some("")), ("ETag", None), ("x", None)]
        {
            assert_eq!(headers.get(name), value, "{name}");
        }
        assert_eq!(Headers::default().get(""), None);
    }
}
