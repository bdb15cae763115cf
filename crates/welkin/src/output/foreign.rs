//! Words of others on the user's terminal: output of tasks, names and messages of servers.
//!
//! A terminal obeys what it is sent: escape sequences move its cursor, change its title, fill its
//! clipboard. So whatever somebody else wrote loses them before it reaches a terminal, unless the user
//! asks for it with `--color always`. What goes to a file or a pipe is data and stays as it is.

use crate::cli::ColorChoice;
use std::borrow::Cow;
use std::str::Chars;

/// How words of others are written to one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Foreign {
    /// As they are.
    Raw,
    /// Without anything that a terminal would obey.
    Tame,
}

impl Foreign {
    /// For a stream: raw when nobody looks, or when the user asked for colour come what may.
    pub(crate) fn for_stream(choice: ColorChoice, is_terminal: bool) -> Self {
        if is_terminal && choice != ColorChoice::Always { Self::Tame } else { Self::Raw }
    }

    /// The words as they may be written.
    pub(crate) fn text(self, words: &str) -> Cow<'_, str> {
        match self {
            Self::Raw => Cow::Borrowed(words),
            Self::Tame => tame(words),
        }
    }
}

/// `words` without escape sequences and control characters; tabs stay.
pub(crate) fn tame(words: &str) -> Cow<'_, str> {
    if !words.contains(|c: char| c.is_control() && c != '\t') {
        return Cow::Borrowed(words);
    }
    let mut tamed = String::with_capacity(words.len());
    let mut rest = words.chars();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => escape(&mut rest),
            '\u{9b}' => parameters(&mut rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => text(&mut rest),
            '\t' => tamed.push(c),
            c if c.is_control() => {}
            c => tamed.push(c),
        }
    }
    Cow::Owned(tamed)
}

/// Skips the rest of a sequence that ESC began (ECMA-48, 5.3 and 5.4).
fn escape(rest: &mut Chars<'_>) {
    loop {
        match rest.next() {
            Some('[') => return parameters(rest),
            Some(']' | 'P' | 'X' | '^' | '_') => return text(rest),
            // Intermediate characters; the next one may be the last.
            Some(' '..='/') => {}
            _ => return,
        }
    }
}

/// Skips parameters up to the letter that ends them.
fn parameters(rest: &mut Chars<'_>) {
    let _ = rest.find(|c| matches!(c, '@'..='~'));
}

/// Skips a text up to its end mark: BEL, ST, or ESC and a backslash.
fn text(rest: &mut Chars<'_>) {
    while let Some(c) = rest.next() {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                let _ = rest.next();
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_gone_and_the_words_stay() {
        for (words, left) in [
            ("plain\ttext \u{e4}", "plain\ttext \u{e4}"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}a\u{1b}]52;c;AAAA\u{1b}\\b", "ab"),
            ("\u{1b}(Bx\u{1b}cy\u{1b}", "xy"),
            ("\u{9b}2Jz\u{9d}t\u{9c}w", "zw"),
            ("a\u{8}b\u{0}c\rd\ne", "abcde"),
            ("\u{1b}[", ""),
        ] {
            assert_eq!(tame(words), left, "{words:?}");
        }
    }

    #[test]
    fn pipes_and_those_who_ask_get_everything() {
        let red = "\u{1b}[31mred";
        for (choice, terminal, wanted) in [
            (ColorChoice::Auto, false, red),
            (ColorChoice::Never, false, red),
            (ColorChoice::Always, true, red),
            (ColorChoice::Auto, true, "red"),
            (ColorChoice::Never, true, "red"),
        ] {
            assert_eq!(Foreign::for_stream(choice, terminal).text(red), wanted, "{choice:?} {terminal}");
        }
    }
}
