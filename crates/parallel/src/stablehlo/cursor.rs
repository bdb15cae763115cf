//! A place in the text.

use super::error::{Wrong, quoted};

#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        // `at` stops only where a byte of ASCII was passed, or one was found.
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Past spaces, ends of lines and comments.
    pub(super) fn space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte.is_ascii_whitespace() {
                self.at += 1;
            } else if self.rest().starts_with("//") {
                self.past_line();
            } else {
                return;
            }
        }
    }

    /// Past spaces within a line.
    pub(super) fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    pub(super) fn past_line(&mut self) {
        let bytes = &self.text.as_bytes()[self.at..];
        self.at += bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    }

    /// Past a mark, if it is next.
    pub(super) fn take(&mut self, mark: &str) -> bool {
        let there = self.text.as_bytes()[self.at..].starts_with(mark.as_bytes());
        if there {
            self.at += mark.len();
        }
        there
    }

    pub(super) fn expect(&mut self, mark: &str) -> Result<(), Wrong> {
        self.space();
        if self.take(mark) { Ok(()) } else { Err(self.wrong(&format!("`{mark}` is missing"))) }
    }

    /// What is wrong here, with what is here.
    pub(super) fn wrong(&self, what: &str) -> Wrong {
        if self.at >= self.text.len() {
            return Wrong::new(self.at, format!("{what}: the file ends in the middle"));
        }
        let line = self.rest().lines().next().unwrap_or_default();
        Wrong::new(self.at, format!("{what} before `{}`", quoted(line)))
    }

    /// Letters, digits and what may stand between them; empty where there are none.
    pub(super) fn word(&mut self) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_.$-".contains(&byte)) {
            // `->` ends a word.
            if self.rest().starts_with("->") {
                break;
            }
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// `%name`, without its `#place`.
    pub(super) fn ssa(&mut self) -> Result<&'a str, Wrong> {
        let start = self.at;
        self.at += 1;
        if self.word().is_empty() {
            return Err(self.wrong("a name is missing"));
        }
        Ok(&self.text[start..self.at])
    }

    /// What a string holds, as it is written.
    pub(super) fn string(&mut self) -> Result<&'a str, Wrong> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut at = start;
        loop {
            match bytes.get(at) {
                None => return Err(Wrong::new(self.at, "a string does not end")),
                Some(b'"') => break,
                Some(b'\\') => at += 2,
                Some(_) => at += 1,
            }
        }
        self.at = at + 1;
        Ok(self.text.get(start..at).unwrap_or_default())
    }

    /// From a bracket past the one that closes it, whatever is between; the text within.
    pub(super) fn balanced(&mut self) -> Result<&'a str, Wrong> {
        let start = self.at;
        // Closing brackets that are awaited. Text is bounded, and so is this: a byte for each.
        let mut open: Vec<u8> = Vec::new();
        loop {
            let Some(byte) = self.peek() else {
                return Err(Wrong::new(start, "a bracket is not closed: the file ends in the middle"));
            };
            match byte {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'(' => open.push(b')'),
                b'[' => open.push(b']'),
                b'{' => open.push(b'}'),
                b'<' => open.push(b'>'),
                b'-' if self.take("->") => continue,
                b')' | b']' | b'}' | b'>' if open.pop() != Some(byte) => {
                    return Err(Wrong::new(self.at, "a bracket closes what was not opened"));
                }
                _ => {}
            }
            self.at += 1;
            if open.is_empty() {
                // Brackets are one byte long.
                return Ok(self.text.get(start + 1..self.at - 1).unwrap_or_default());
            }
        }
    }
}
