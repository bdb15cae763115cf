//! From a stream of bytes to lines, of which every byte can be had back.
//!
//! `\n` ends a line, and nothing else does: what a terminal makes of `\r` is for whoever shows it.
//! [`LineSplitter::glimpse`] gives what has not been seen yet of a line that has not ended (dots, a prompt, a bar) to those who
//! want to show it before. A line longer than [`MAX_LINE_BYTES`] comes in pieces. Nothing is split inside a character or a
//! secret.

use crate::mask::Masker;

/// Longest line of one event.
pub(crate) const MAX_LINE_BYTES: usize = 64 << 10;

/// What a splitter hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Words {
    /// A whole line.
    Line(String),
    /// The next piece of a line; `last` when the line ends with it, `unended` when that is since the stream does.
    Piece { text: String, last: bool, unended: bool },
}

/// Splits one stream.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    /// The line being read, from where it was cut last.
    open: Vec<u8>,
    /// How much of it was handed out in pieces.
    shown: usize,
    /// Whether something of the line was handed out before.
    begun: bool,
}

impl LineSplitter {
    /// Takes bytes and hands out each line that ended, masked.
    pub(crate) fn push(&mut self, bytes: &[u8], masker: &Masker, mut each: impl FnMut(Words)) {
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            self.extend(&rest[..at], masker, &mut each);
            self.end_line(masker, &mut each);
            rest = &rest[at + 1..];
        }
        self.extend(rest, masker, &mut each);
    }

    /// Whether a glimpse would show anything.
    pub(crate) const fn has_unseen(&self) -> bool {
        self.shown < self.open.len()
    }

    /// What nobody has seen yet of the line that is open.
    pub(crate) fn glimpse(&mut self, masker: &Masker) -> Option<Words> {
        // Longer ones are cut soon, and pieces must not reach beyond such a cut.
        if self.open.len() > MAX_LINE_BYTES / 2 {
            return None;
        }
        let unseen = &self.open[self.shown..];
        let piece = &unseen[..whole_characters(unseen).min(unseen.len() - masker.pending(unseen))];
        if piece.is_empty() {
            return None;
        }
        self.shown += piece.len();
        self.begun = true;
        Some(Words::Piece { text: masker.clean(piece), last: false, unended: false })
    }

    /// Hands out what is left when the stream ends.
    pub(crate) fn finish(&mut self, masker: &Masker, mut each: impl FnMut(Words)) {
        if !self.open.is_empty() || self.begun {
            self.cut_long(masker, &mut each);
            let text = masker.clean(&self.open[self.shown..]);
            each(Words::Piece { text, last: true, unended: true });
            (self.shown, self.begun) = (0, false);
            self.open.clear();
        }
    }

    fn end_line(&mut self, masker: &Masker, each: &mut impl FnMut(Words)) {
        self.cut_long(masker, each);
        let text = masker.clean(&self.open[self.shown..]);
        each(match self.begun {
            false => Words::Line(text),
            true => Words::Piece { text, last: true, unended: false },
        });
        (self.shown, self.begun) = (0, false);
        self.open.clear();
    }

    fn extend(&mut self, mut bytes: &[u8], masker: &Masker, each: &mut impl FnMut(Words)) {
        let full = MAX_LINE_BYTES + masker.longest().max(1);
        while self.open.len() + bytes.len() >= full {
            let (head, tail) = bytes.split_at(full - self.open.len());
            self.open.extend_from_slice(head);
            bytes = tail;
            self.cut(masker, each);
        }
        self.open.extend_from_slice(bytes);
    }

    fn cut_long(&mut self, masker: &Masker, each: &mut impl FnMut(Words)) {
        while self.open.len() > MAX_LINE_BYTES {
            self.cut(masker, each);
        }
    }

    fn cut(&mut self, masker: &Masker, each: &mut impl FnMut(Words)) {
        let at = cut_point(&self.open, masker);
        let text = masker.clean(&self.open[self.shown..at]);
        each(Words::Piece { text, last: false, unended: false });
        self.open.drain(..at);
        (self.shown, self.begun) = (0, true);
    }
}

/// Length of the bytes at the beginning of `text` that end with a whole character, or with what can
/// never become one.
fn whole_characters(text: &[u8]) -> usize {
    match std::str::from_utf8(text) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(error) => {
            let bad = error.valid_up_to() + error.error_len().unwrap_or(1);
            bad + whole_characters(&text[bad..])
        }
        Ok(_) => text.len(),
    }
}

/// Where to cut an over-long line: at the limit, or before the character or secret that lies across
/// it. A secret longer than a line is cut after.
fn cut_point(text: &[u8], masker: &Masker) -> usize {
    let limit = MAX_LINE_BYTES.min(text.len());
    if let Some((start, end)) =
        masker.spots(text).into_iter().find(|(start, end)| *start < limit && limit < *end)
    {
        return if start > 0 { start } else { end };
    }
    // At most three bytes of a character lie before a cut inside it.
    let starts_character = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xC0 != 0x80);
    (limit.saturating_sub(3)..=limit).rev().find(starts_character).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(pieces: &[&[u8]], masker: &Masker) -> Vec<Words> {
        let mut splitter = LineSplitter::default();
        let mut said = Vec::new();
        for piece in pieces {
            splitter.push(piece, masker, |words| said.push(words));
        }
        splitter.finish(masker, |words| said.push(words));
        said
    }

    fn line(text: &str) -> Words {
        Words::Line(text.to_owned())
    }

    fn piece(text: &str, last: bool) -> Words {
        Words::Piece { text: text.to_owned(), last, unended: false }
    }

    fn unended(text: &str) -> Words {
        Words::Piece { text: text.to_owned(), last: true, unended: true }
    }

    /// What a reader puts together again.
    fn written(said: &[Words]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for words in said {
            let (text, end) = match words {
                Words::Line(text) => (text, &b"\n"[..]),
                Words::Piece { text, last, unended } => {
                    (text, if *last && !unended { &b"\n"[..] } else { b"" })
                }
            };
            bytes.extend_from_slice(&welkin_provider::exact::bytes(text));
            bytes.extend_from_slice(end);
        }
        bytes
    }

    #[test]
    fn a_line_ends_with_its_end_and_keeps_everything_else() {
        let none = Masker::default();
        for (bytes, want) in [
            (&b"a\nb\n"[..], vec![line("a"), line("b")]),
            (b"a\r\n\r\nb", vec![line("a\r"), line("\r"), unended("b")]),
            (b"\n\n", vec![line(""), line("")]),
            (b"10%\r20%\ndone\n", vec![line("10%\r20%"), line("done")]),
            (b"\0\n", vec![line("\0")]),
            (b"", vec![]),
            (b"\xff\n", vec![line("\u{10FFFF}")]),
        ] {
            let said = split(&[bytes], &none);
            assert_eq!(said, want, "{:?}", String::from_utf8_lossy(bytes));
            assert_eq!(written(&said), bytes);
        }
    }

    #[test]
    fn a_line_that_has_not_ended_is_seen_in_pieces() {
        let (none, mut said) = (Masker::default(), Vec::new());
        let mut splitter = LineSplitter::default();
        splitter.push(b"..", &none, |words| said.push(words));
        said.extend(splitter.glimpse(&none));
        said.extend(splitter.glimpse(&none));
        // Half a character waits for its other half.
        splitter.push(b".\xc3", &none, |words| said.push(words));
        said.extend(splitter.glimpse(&none));
        splitter.push(b"\xa4 ok\nnext\n", &none, |words| said.push(words));
        assert_eq!(said, [piece("..", false), piece(".", false), piece("\u{e4} ok", true), line("next")]);
    }

    #[test]
    fn what_was_seen_when_the_stream_ends_is_said_to_have_no_end() {
        let (none, mut said) = (Masker::default(), Vec::new());
        let mut splitter = LineSplitter::default();
        splitter.push(b"? ", &none, |words| said.push(words));
        said.extend(splitter.glimpse(&none));
        splitter.finish(&none, |words| said.push(words));
        splitter.finish(&none, |words| said.push(words));
        assert_eq!(said, [piece("? ", false), unended("")]);
        assert_eq!(written(&said), b"? ");
    }

    #[test]
    fn no_piece_ends_inside_a_secret() {
        let masker = Masker::new(["s3cret"]);
        let mut said = Vec::new();
        let mut splitter = LineSplitter::default();
        for byte in b"key: s3cret, s3c" {
            splitter.push(&[*byte], &masker, |words| said.push(words));
            said.extend(splitter.glimpse(&masker));
        }
        splitter.push(b"ond\n", &masker, |words| said.push(words));
        assert_eq!(written(&said), b"key: ****, s3cond\n");
    }

    #[test]
    fn a_long_line_comes_in_pieces_but_no_secret_and_no_character_does() {
        let masker = Masker::new(["s3cret"]);
        let mut long = vec![b'x'; MAX_LINE_BYTES - 3];
        long.extend_from_slice(b"s3cret tail");
        let said = split(&[&long], &masker);
        assert_eq!((said.len(), &said[1]), (2, &unended("**** tail")));

        let wide = format!("x{}\n", "ä".repeat(MAX_LINE_BYTES));
        let said = split(&[b"x", &wide.as_bytes()[1..]], &Masker::default());
        assert_eq!(written(&said), wide.as_bytes());
        let texts = said.iter().map(|words| match words {
            Words::Line(text) | Words::Piece { text, .. } => text.len(),
        });
        assert!(texts.clone().all(|length| length <= MAX_LINE_BYTES) && texts.count() == 3);
    }

    proptest! {
        /// Where the reads happen to end changes nothing, and every byte comes back.
        #[test]
        fn pieces_do_not_matter(text in proptest::collection::vec(0_u8..=255, 0..60), cut in 0_usize..60) {
            let masker = Masker::default();
            let cut = cut.min(text.len());
            let said = split(&[&text], &masker);
            prop_assert_eq!(&said, &split(&[&text[..cut], &text[cut..]], &masker));
            prop_assert_eq!(written(&said), text);
        }
    }
}
