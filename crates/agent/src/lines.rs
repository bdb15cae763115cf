//! From a stream of bytes to lines, as a terminal would show them.
//!
//! `\n` and `\r\n` end a line. After a lone `\r` a terminal writes over the line, so only the last
//! state of a progress bar is a line; [`LineSplitter::glimpse`] gives the state so far to those who
//! want to show it before the line ends. A line longer than [`MAX_LINE_BYTES`] is split, never inside
//! a character or a secret.

use crate::mask::Masker;

/// Longest line of one event.
pub(crate) const MAX_LINE_BYTES: usize = 64 << 10;

/// Splits one stream.
#[derive(Debug, Default)]
pub(crate) struct LineSplitter {
    /// The line being read.
    open: Vec<u8>,
    /// What stood before the last lone `\r` of that line.
    overwritten: Option<Vec<u8>>,
    /// Whether that was shown by a glimpse already.
    glimpsed: bool,
}

impl LineSplitter {
    /// Takes bytes and hands out each line that ended, masked.
    pub(crate) fn push(&mut self, bytes: &[u8], masker: &Masker, mut each: impl FnMut(String)) {
        let mut rest = bytes;
        while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
            self.extend(&rest[..at], masker, &mut each);
            match rest[at] {
                b'\n' => self.end_line(masker, &mut each),
                _ => self.carriage_return(),
            }
            rest = &rest[at + 1..];
        }
        self.extend(rest, masker, &mut each);
    }

    /// The present state of a line that is written over and over, once.
    pub(crate) fn glimpse(&mut self, masker: &Masker) -> Option<String> {
        let state = self.overwritten.as_ref().filter(|_| !self.glimpsed)?;
        self.glimpsed = true;
        Some(masker.clean(state))
    }

    /// Hands out what is left when the stream ends.
    pub(crate) fn finish(&mut self, masker: &Masker, mut each: impl FnMut(String)) {
        if !self.open.is_empty() || (self.overwritten.is_some() && !self.glimpsed) {
            self.end_line(masker, &mut each);
        }
    }

    fn end_line(&mut self, masker: &Masker, each: &mut impl FnMut(String)) {
        while self.open.len() > MAX_LINE_BYTES {
            self.cut(masker, each);
        }
        let overwritten = self.overwritten.take();
        let glimpsed = std::mem::take(&mut self.glimpsed);
        match overwritten {
            // `text\r\n`, or a bar whose last state stands.
            Some(state) if self.open.is_empty() => {
                if !glimpsed {
                    each(masker.clean(&state));
                }
            }
            _ => each(masker.clean(&self.open)),
        }
        self.open.clear();
    }

    fn carriage_return(&mut self) {
        if !self.open.is_empty() {
            self.overwritten = Some(std::mem::take(&mut self.open));
            self.glimpsed = false;
        }
    }

    fn extend(&mut self, mut bytes: &[u8], masker: &Masker, each: &mut impl FnMut(String)) {
        // Past the cut there must be room to see the end of a secret that begins before it.
        let full = MAX_LINE_BYTES + masker.longest().max(1);
        while self.open.len() + bytes.len() >= full {
            let (head, tail) = bytes.split_at(full - self.open.len());
            self.open.extend_from_slice(head);
            bytes = tail;
            self.cut(masker, each);
        }
        self.open.extend_from_slice(bytes);
    }

    fn cut(&mut self, masker: &Masker, each: &mut impl FnMut(String)) {
        let rest = self.open.split_off(cut_point(&self.open, masker));
        each(masker.clean(&self.open));
        self.open = rest;
        self.overwritten = None;
        self.glimpsed = false;
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
            splitter.push(piece, masker, |line| lines.push(line));
        }
        splitter.finish(masker, |line| lines.push(line));
        lines
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
        splitter.push(b"1%\r2%\r", &none, |line| lines.push(line));
        assert_eq!(splitter.glimpse(&none).as_deref(), Some("2%"));
        assert_eq!(splitter.glimpse(&none), None);
        splitter.push(b"\nend\n", &none, |line| lines.push(line));
        assert_eq!(lines, ["end"]);
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
