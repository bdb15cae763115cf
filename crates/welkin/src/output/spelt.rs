//! Names and sentences of others on one line: of stores, gateways, relays, and files that somebody else named.
//!
//! A terminal obeys what is written to it, and what it does not show can make two names look like one. Here everything
//! unseen is spelt (`\x1b`), so nothing is obeyed and nothing is lost. For the output of tasks, which may be coloured, there
//! is [`super::Foreign`].

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a letter is obeyed or unseen rather than shown: controls, and what reorders or hides its neighbours.
fn is_unseen(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(letter, '\u{feff}' | '\u{61c}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A name or a sentence on one line, with what is unseen spelt.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    shown_but(text, |_| false)
}

/// The same for a text of several lines.
pub(crate) fn shown_lines(text: &str) -> Cow<'_, str> {
    shown_but(text, |letter| matches!(letter, '\n' | '\t'))
}

fn shown_but(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|letter| is_unseen(letter) && !keep(letter)) {
        return Cow::Borrowed(text);
    }
    let mut spelt = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            letter if keep(letter) || !is_unseen(letter) => spelt.push(letter),
            '\n' => spelt.push_str("\\n"),
            '\r' => spelt.push_str("\\r"),
            '\t' => spelt.push_str("\\t"),
            letter if u32::from(letter) < 0x100 => {
                let _ = write!(spelt, "\\x{:02x}", u32::from(letter));
            }
            letter => {
                let _ = write!(spelt, "\\u{{{:x}}}", u32::from(letter));
            }
        }
    }
    Cow::Owned(spelt)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_show_what_they_hold() {
        for (text, expected) in [
            ("a/b ü \u{1f980}", "a/b ü \u{1f980}"),
            ("a\x1b[2Jb", "a\\x1b[2Jb"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\u{9b}31m\u{7f}", "\\x9b31m\\x7f"),
            ("x\u{202e}gpj.exe", "x\\u{202e}gpj.exe"),
            ("\u{feff}\u{200b}", "\\u{feff}\\u{200b}"),
        ] {
            assert_eq!(shown(text), expected);
        }
        assert_eq!(shown_lines("a\n\tb\x07"), "a\n\tb\\x07");
    }
}
