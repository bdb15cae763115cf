//! A text cut into the parts of a name, before anything is known about their contents.
//!
//! Separators are looked for from the outside in: the first `#`, then the first `?` before it, then
//! the first `@` before that, then slashes. None of the four may stand unescaped where it could be
//! mistaken, so one pass decides.

use crate::error::{ParseError, Part, Reason};

/// Longest text the parsers look at, in bytes. A canonical name has at most [`MAX_LEN`] bytes; three
/// times that if each byte is escaped, and a fourth for qualifiers that the canonical form drops.
///
/// [`MAX_LEN`]: crate::MAX_LEN
pub(crate) const MAX_INPUT: usize = 4 * crate::MAX_LEN;

/// A piece of the input and where it begins.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) text: &'a str,
    pub(crate) at: usize,
}

impl<'a> Raw<'a> {
    /// Cuts at the first `separator`: what stands before it, and what after.
    pub(crate) fn cut(self, separator: char) -> (Self, Option<Self>) {
        match self.text.split_once(separator) {
            None => (self, None),
            Some((before, after)) => {
                let after = Raw { text: after, at: self.at + before.len() + 1 };
                (Raw { text: before, at: self.at }, Some(after))
            }
        }
    }

    /// The pieces between `separator`s.
    pub(crate) fn split(self, separator: char) -> impl Iterator<Item = Self> {
        let mut rest = Some(self);
        std::iter::from_fn(move || {
            let (piece, after) = rest?.cut(separator);
            rest = after;
            Some(piece)
        })
    }

    pub(crate) fn end(self) -> usize {
        self.at + self.text.len()
    }
}

/// The parts of a name or selector; a selector may lack all but the first.
pub(crate) struct Split<'a> {
    pub(crate) provider: Raw<'a>,
    pub(crate) location: Option<Raw<'a>>,
    pub(crate) kind: Option<Raw<'a>>,
    pub(crate) offering: Option<Raw<'a>>,
    pub(crate) version: Option<Raw<'a>>,
    pub(crate) quals: Option<Raw<'a>>,
    pub(crate) instance: Option<Raw<'a>>,
}

/// Refuses a text that is too long to look at.
pub(crate) fn check_length(text: &str) -> Result<(), ParseError> {
    if text.len() <= MAX_INPUT {
        return Ok(());
    }
    let hint = format!("{} bytes; at most {MAX_INPUT} are read", text.len());
    Err(ParseError::new(Reason::TooLong, Part::Name, MAX_INPUT, "").hint(hint))
}

/// Whether `text` begins with `sky:` in any case.
pub(crate) fn has_scheme(text: &str) -> bool {
    text.as_bytes().get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"sky:"))
}

/// Cuts off the scheme.
pub(crate) fn after_scheme(input: Raw<'_>) -> Result<Raw<'_>, ParseError> {
    if !has_scheme(input.text) {
        let fault = ParseError::new(Reason::Scheme, Part::Name, input.at, input.text);
        return Err(fault.hint("a name begins with `sky:`, as in `sky:aws/us-east-1/vm/m7i.large`"));
    }
    let rest = Raw { text: &input.text[4..], at: input.at + 4 };
    if rest.text.starts_with("//") {
        let fault = ParseError::new(Reason::EmptyPart, Part::Provider, rest.at, "//");
        return Err(fault.hint("the provider follows the colon, without `//`"));
    }
    Ok(rest)
}

impl<'a> Split<'a> {
    /// Cuts what follows the scheme.
    pub(crate) fn of(rest: Raw<'a>) -> Self {
        let (rest, instance) = rest.cut('#');
        let (rest, quals) = rest.cut('?');
        let (path, version) = rest.cut('@');
        let (provider, path) = path.cut('/');
        let (location, path) = cut_opt(path);
        let (kind, offering) = cut_opt(path);
        Self { provider, location, kind, offering, version, quals, instance }
    }
}

fn cut_opt(raw: Option<Raw<'_>>) -> (Option<Raw<'_>>, Option<Raw<'_>>) {
    match raw.map(|raw| raw.cut('/')) {
        None => (None, None),
        Some((first, rest)) => (Some(first), rest),
    }
}
