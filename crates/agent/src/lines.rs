//! From a stream of bytes to lines, as a terminal would show them.
//!
//! `\n` and `\r\n` end a line. After a lone `\r` a terminal writes over the line, so only the last
//! state of a progress bar is a line. [`LineSplitter::glimpse`] gives what has not been seen yet to those
//! who want to show it before the line ends: the state of a bar as a line, and of a line that has not
//! ended (dots, a prompt) the next piece. A line longer than [`MAX_LINE_BYTES`] is split. Nothing is
//! split inside a character or a secret.

use crate::mask::Masker;

/// Longest line of one event.
pub(crate) const MAX_LINE_BYTES: usize = 64 << 10;

/// What a splitter hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Words {
    /// A whole line.
    Line(String),
    /// The next piece of a line; `last` when the line ends with it.
    Piece { text: String, last: bool },
}

/// Splits one stream.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    /// The line being read.
    open: Vec<u8>,
    /// How much of it was handed out in pieces.
    shown: usize,
    /// What stood before the last lone `\r` of that line.
    overwritten: Option<Vec<u8>>,
    /// Whether that was shown by a glimpse already.
    glimpsed: bool,
}

impl LineSplitter {
    /// Takes bytes and hands out each line that ended, masked.
    pub(crate) fn push(&mut self, bytes: &[u8], masker: &Masker, mut each: impl FnMut(Words)) {
        let mut rest = bytes;
        while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
            self.extend(&rest[..at], masker, &mut each);
            match rest[at] {
                b'\n' => self.end_line(masker, &mut each),
                _ => self.carriage_return(masker, &mut each),
            }
            rest = &rest[at + 1..];
        }
        self.extend(rest, masker, &mut each);
    }

    /// Whether a glimpse would show anything.
    pub(crate) const fn has_unseen(&self) -> bool {
        self.shown < self.open.len() || (self.overwritten.is_some() && !self.glimpsed)
    }

    /// What nobody has seen yet: the state of a line that is written over and over, else the next piece
    /// of the line that is open.
    pub(crate) fn glimpse(&mut self, masker: &Masker) -> Option<Words> {
        if let Some(state) = self.overwritten.as_ref().filter(|_| !self.glimpsed) {
            self.glimpsed = true;
            return Some(Words::Line(masker.clean(state)));
        }
        // Longer ones are cut into lines soon, and pieces must not reach beyond such a cut.
        if self.open.len() > MAX_LINE_BYTES / 2 {
            return None;
        }
        let unseen = &self.open[self.shown..];
        let piece = &unseen[..whole_characters(unseen).min(unseen.len() - masker.pending(unseen))];
        if piece.is_empty() {
            return None;
        }
        self.shown += piece.len();
        Some(Words::Piece { text: masker.clean(piece), last: false })
    }

    /// Hands out what is left when the stream ends.
    pub(crate) fn finish(&mut self, masker: &Masker, mut each: impl FnMut(Words)) {
        if !self.open.is_empty() || (self.overwritten.is_some() && !self.glimpsed) {
            self.end_line(masker, &mut each);
        }
    }

    fn end_line(&mut self, masker: &Masker, each: &mut impl FnMut(Words)) {
        while self.open.len() > MAX_LINE_BYTES {
            self.cut(masker, each);
        }
        let overwritten = self.overwritten.take();
        let glimpsed = std::mem::take(&mut self.glimpsed);
        match overwritten {
            // `text\r\n`, or a bar whose last state stands.
            Some(state) if self.open.is_empty() => {
                if !glimpsed {
                    each(Words::Line(masker.clean(&state)));
                }
            }
            _ => each(self.rest(self.open.len(), masker)),
        }
        self.open.clear();
        self.shown = 0;
    }

    /// The open line up to `end`, or what of it was not handed out yet.
    fn rest(&self, end: usize, masker: &Masker) -> Words {
        let text = masker.clean(&self.open[self.shown..end]);
        if self.shown == 0 { Words::Line(text) } else { Words::Piece { text, last: true } }
    }

    fn carriage_return(&mut self, masker: &Masker, each: &mut impl FnMut(Words)) {
        if self.open.is_empty() {
            return;
        }
        // A line that was seen in part is seen to its end; the next state is a line of its own.
        self.glimpsed = self.shown > 0;
        if self.glimpsed {
            each(self.rest(self.open.len(), masker));
        }
        self.overwritten = Some(std::mem::take(&mut self.open));
        self.shown = 0;
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

    fn cut(&mut self, masker: &Masker, each: &mut impl FnMut(Words)) {
        let at = cut_point(&self.open, masker);
        each(self.rest(at, masker));
        self.open.drain(..at);
        self.shown = 0;
        self.overwritten = None;
        self.glimpsed = false;
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

    fn split(pieces: &[&[u8]], masker: &Masker) -> Vec<String> {
        let mut splitter = LineSplitter::default();
        let mut lines = Vec::new();
        for piece in pieces {
            splitter.push(piece, masker, |words| lines.push(line(words)));
        }
        splitter.finish(masker, |words| lines.push(line(words)));
        lines
    }

    fn line(words: Words) -> String {
        match words {
            Words::Line(line) => line,
            Words::Piece { .. } => panic!("{words:?} without a glimpse"),
        }
    }

    fn piece(text: &str, last: bool) -> Words {
        Words::Piece { text: text.to_owned(), last }
    }

    #[test]
    fn lines_end_as_on_a_terminal() {
        let none = Masker::default();
        for (bytes, want) in [
            (&b"a\nb\n"[..], vec!["a", "b"]),
            (b"a\r\n\r\nb", vec!["a", "", "b"]),
            (b"\n\n", vec!["", ""]),
            (b"10%\r20%\r30%\ndone\n", vec!["30%", "done"]),
            (b"10%\r20%\r", vec!["20%"]),
            (b"10%\r20%\r\n", vec!["20%"]),
            (b"", vec![]),
            (b"\xff\n", vec!["\u{FFFD}"]),
        ] {
            assert_eq!(split(&[bytes], &none), want, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_glimpse_shows_a_state_once() {
        let (none, mut lines) = (Masker::default(), Vec::new());
        let mut splitter = LineSplitter::default();
        splitter.push(b"1%\r2%\r", &none, |words| lines.push(line(words)));
        assert_eq!(splitter.glimpse(&none), Some(Words::Line("2%".to_owned())));
        assert_eq!(splitter.glimpse(&none), None);
        splitter.push(b"\nend\n", &none, |words| lines.push(line(words)));
        assert_eq!(lines, ["end"]);
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
        let next = Words::Line("next".to_owned());
        assert_eq!(said, [piece("..", false), piece(".", false), piece("\u{e4} ok", true), next]);
    }

    #[test]
    fn a_bar_whose_states_begin_with_the_return_is_seen_too() {
        let (none, mut said) = (Masker::default(), Vec::new());
        let mut splitter = LineSplitter::default();
        splitter.push(b"\r10%", &none, |words| said.push(words));
        said.extend(splitter.glimpse(&none));
        splitter.push(b"\r20%\r30%", &none, |words| said.push(words));
        said.extend(splitter.glimpse(&none));
        splitter.finish(&none, |words| said.push(words));
        let states = ["20%", "30%"].map(|state| Words::Line(state.to_owned()));
        assert_eq!(said[..2], [piece("10%", false), piece("", true)]);
        assert_eq!(said[2..], states);
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
        let text: String = said
            .into_iter()
            .map(|words| match words {
                Words::Line(text) | Words::Piece { text, .. } => text,
            })
            .collect();
        assert_eq!(text, "key: ****, s3cond");
    }

    #[test]
    fn a_long_line_is_split_but_no_secret_and_no_character() {
        let masker = Masker::new(["s3cret"]);
        let mut line = vec![b'x'; MAX_LINE_BYTES - 3];
        line.extend_from_slice(b"s3cret tail");
        let lines = split(&[&line], &masker);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1], "**** tail");

        let wide = "ä".repeat(MAX_LINE_BYTES);
        let lines = split(&[b"x", wide.as_bytes()], &Masker::default());
        assert_eq!(lines.concat(), format!("x{wide}"));
        assert!(lines.iter().all(|line| line.len() <= MAX_LINE_BYTES));
    }

    proptest! {
        /// Where the reads happen to end changes nothing.
        #[test]
        fn pieces_do_not_matter(text in "[ab\r\n\u{e4}]{0,60}", cut in 0_usize..60) {
            let masker = Masker::new(["ab"]);
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            prop_assert_eq!(split(&[bytes], &masker), split(&[&bytes[..cut], &bytes[cut..]], &masker));
        }
    }
}
