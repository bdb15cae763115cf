//! Taking secrets out of what is written down.

use memchr::memmem;
use std::collections::BTreeSet;
use welkin_provider::exact;

const MASK: &[u8] = b"****";

/// Replaces every occurrence of a secret value by `****`.
///
/// A value of several lines is also masked line by line, since output is written line by line. Even
/// a value of one byte is masked: garbled output says plainly that the "secret" is none.
#[derive(Debug, Default)]
pub(crate) struct Masker {
    finders: Vec<memmem::Finder<'static>>,
    longest: usize,
}

impl Masker {
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needles = BTreeSet::new();
        for secret in secrets {
            needles.insert(secret.trim_end_matches(['\n', '\r']));
            needles.extend(secret.split(['\n', '\r']));
        }
        needles.remove("");
        let longest = needles.iter().map(|needle| needle.len()).max().unwrap_or(0);
        let finders = needles.iter().map(|needle| memmem::Finder::new(*needle).into_owned()).collect();
        Self { finders, longest }
    }

    /// Length of the longest value; a text cut anywhere may hold all but one byte of it at its end.
    pub(crate) const fn longest(&self) -> usize {
        self.longest
    }

    /// Length of the longest end of `text` with which a value may begin that goes on behind it.
    pub(crate) fn pending(&self, text: &[u8]) -> usize {
        let begins = |length: &usize| {
            let end = &text[text.len() - length..];
            self.finders
                .iter()
                .any(|finder| finder.needle().len() > *length && finder.needle().starts_with(end))
        };
        (1..self.longest.min(text.len() + 1)).rev().find(begins).unwrap_or(0)
    }

    /// The byte ranges that secrets take in `text`, merged and in order.
    pub(crate) fn spots(&self, text: &[u8]) -> Vec<(usize, usize)> {
        let mut spots = Vec::new();
        for finder in &self.finders {
            let mut from = 0;
            // Step by one, so that no overlapping occurrence is missed.
            while let Some(at) = finder.find(&text[from..]) {
                spots.push((from + at, from + at + finder.needle().len()));
                from += at + 1;
            }
        }
        spots.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::with_capacity(spots.len());
        for (start, end) in spots {
            match merged.last_mut() {
                Some(last) if start < last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        merged
    }

    /// `text` with its secrets masked, as events carry bytes.
    pub(crate) fn clean(&self, text: &[u8]) -> String {
        let spots = self.spots(text);
        if spots.is_empty() {
            return exact::text(text);
        }
        let mut masked = Vec::with_capacity(text.len());
        let mut from = 0;
        for (start, end) in spots {
            masked.extend_from_slice(&text[from..start]);
            masked.extend_from_slice(MASK);
            from = end;
        }
        masked.extend_from_slice(&text[from..]);
        exact::text(&masked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_masked_wherever_they_are() {
        let masker = Masker::new(["hunter2", "abc\ndef\n", ""]);
        assert_eq!(masker.clean(b"x hunter2hunter2 y"), "x ******** y");
        assert_eq!(masker.clean(b"def abc"), "**** ****");
        assert_eq!(masker.clean(b"nothing"), "nothing");
        assert_eq!(Masker::new([]).clean(b"a\xFFb"), "a\u{10FFFF}b");
    }

    #[test]
    fn overlapping_values_leave_no_rest() {
        let masker = Masker::new(["aba", "bab"]);
        assert_eq!(masker.clean(b"-ababa-"), "-****-");
    }
}
