//! Splits Rust text into code, string literals and comments.
//!
//! The code keeps its length: every byte of a comment or inside a literal becomes a space, line ends
//! stay, so an offset means the same place in the text and in the code.

/// A string literal's content, without quotes and with escapes as written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Literal {
    /// Offset of the content's first byte.
    pub(super) at: usize,
    pub(super) text: String,
}

/// A line comment that is not documentation.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comment {
    pub(super) at: usize,
    /// Without the slashes, trimmed.
    pub(super) text: String,
}

#[derive(Debug, Default)]
pub(super) struct Lexed {
    pub(super) code: String,
    pub(super) literals: Vec<Literal>,
    pub(super) comments: Vec<Comment>,
}

pub(super) fn lex(text: &str) -> Lexed {
    let mut lexer =
        Lexer { text, bytes: text.as_bytes(), code: text.as_bytes().to_vec(), out: Lexed::default() };
    let mut at = 0;
    while at < lexer.bytes.len() {
        at = lexer.step(at);
    }
    let Lexer { code, mut out, .. } = lexer;
    out.code = String::from_utf8_lossy(&code).into_owned();
    out
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    code: Vec<u8>,
    out: Lexed,
}

impl Lexer<'_> {
    /// Reads what begins at `at` and returns where the next thing begins.
    fn step(&mut self, at: usize) -> usize {
        let rest = &self.bytes[at..];
        match rest[0] {
            b'/' if rest.starts_with(b"//") => self.line_comment(at),
            b'/' if rest.starts_with(b"/*") => self.block_comment(at),
            b'"' => self.string(at),
            b'r' => self.raw_string(at),
            b'\'' => self.quote(at),
            _ => at + 1,
        }
    }

    fn line_comment(&mut self, at: usize) -> usize {
        let end = self.text[at..].find('\n').map_or(self.text.len(), |length| at + length);
        let text = &self.text[at..end];
        let docs = text.starts_with("//!") || (text.starts_with("///") && !text.starts_with("////"));
        if !docs {
            self.out.comments.push(Comment { at, text: text.trim_start_matches('/').trim().to_owned() });
        }
        self.blank(at, end)
    }

    fn block_comment(&mut self, at: usize) -> usize {
        let mut depth = 1_usize;
        let mut end = at + 2;
        while depth > 0 && end < self.bytes.len() {
            let rest = &self.bytes[end..];
            if rest.starts_with(b"/*") {
                (depth, end) = (depth + 1, end + 2);
            } else if rest.starts_with(b"*/") {
                (depth, end) = (depth - 1, end + 2);
            } else {
                end += 1;
            }
        }
        self.blank(at, end)
    }

    fn string(&mut self, at: usize) -> usize {
        let mut end = at + 1;
        while end < self.bytes.len() && self.bytes[end] != b'"' {
            end += if self.bytes[end] == b'\\' { 2 } else { 1 };
        }
        self.literal(at + 1, end.min(self.bytes.len()), 1)
    }

    /// `r"…"`, `r#"…"#`, also after `b` or `c`; a raw identifier or a plain `r` is code.
    fn raw_string(&mut self, at: usize) -> usize {
        let prefixed = at > 0 && matches!(self.bytes[at - 1], b'b' | b'c');
        let before = if prefixed { at - 1 } else { at };
        if before > 0 && is_word(self.bytes[before - 1]) {
            return at + 1;
        }
        let hashes = self.bytes[at + 1..].iter().take_while(|byte| **byte == b'#').count();
        let open = at + 1 + hashes;
        if self.bytes.get(open) != Some(&b'"') {
            return at + 1;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let end = self.text[open + 1..].find(&close).map_or(self.text.len(), |length| open + 1 + length);
        self.literal(open + 1, end, close.len())
    }

    /// A character literal is blanked; a lifetime or label is code.
    fn quote(&mut self, at: usize) -> usize {
        let end = match self.bytes.get(at + 1) {
            Some(b'\\') => {
                let from = (at + 3).min(self.bytes.len());
                self.bytes[from..].iter().position(|byte| *byte == b'\'').map(|length| from + length)
            }
            Some(_) => {
                let width = self.text[at + 1..].chars().next().map_or(1, char::len_utf8);
                let close = at + 1 + width;
                (self.bytes.get(close) == Some(&b'\'')).then_some(close)
            }
            None => None,
        };
        end.map_or(at + 1, |end| self.blank(at + 1, end) + 1)
    }

    fn literal(&mut self, from: usize, to: usize, close: usize) -> usize {
        self.out.literals.push(Literal { at: from, text: self.text[from..to].to_owned() });
        self.blank(from, to) + close
    }

    fn blank(&mut self, from: usize, to: usize) -> usize {
        for byte in &mut self.code[from..to] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        to
    }
}

/// Can this byte be part of an identifier?
pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_leave_the_code() {
        let text = "let a = \"std::fs\"; // std::net\n/* std /* nested */ env */ let b = r#\"dbg!(\"x\")\"#;";
        let lexed = lex(text);
        assert_eq!(lexed.code.len(), text.len());
        for word in ["std", "dbg", "nested"] {
            assert!(!lexed.code.contains(word), "{word} is left in {:?}", lexed.code);
        }
        let literals: Vec<_> = lexed.literals.iter().map(|literal| literal.text.as_str()).collect();
        assert_eq!(literals, ["std::fs", "dbg!(\"x\")"]);
        assert_eq!(lexed.comments[0].text, "std::net");
        assert_eq!(&text[lexed.literals[1].at..][..4], "dbg!");
    }

    #[test]
    fn quotes_are_told_from_lifetimes() {
        let lexed = lex(r#"fn f<'a>(x: &'a str) { g('"', '\'', '\u{22}', 'é', b'"'); todo!() } // "#);
        assert!(lexed.code.contains("fn f<'a>(x: &'a str)"));
        assert!(lexed.code.contains("todo!()"));
        assert!(lexed.literals.is_empty(), "{:?}", lexed.literals);
    }

    #[test]
    fn escapes_and_raw_names_do_not_end_things_early() {
        let lexed = lex(r##"let r#type = "a\"b"; let c = br"\"; var(c"x");"##);
        let literals: Vec<_> = lexed.literals.iter().map(|literal| literal.text.as_str()).collect();
        assert_eq!(literals, [r#"a\"b"#, "\\", "x"]);
        assert!(lexed.code.contains("let r#type ="));
    }

    #[test]
    fn documentation_is_no_comment() {
        let lexed = lex("//! head\n/// doc\n//// ruler\n// note\n");
        let comments: Vec<_> = lexed.comments.iter().map(|comment| comment.text.as_str()).collect();
        assert_eq!(comments, ["ruler", "note"]);
    }

    #[test]
    fn text_that_ends_early_is_read_to_its_end() {
        for text in ["\"open", "/* open", "r#\"open", "'", "'\\", "\"\\", "b'"] {
            assert_eq!(lex(text).code.len(), text.len(), "{text:?}");
        }
    }
}
