//! Sets of characters, `[a-z]`, as patterns and expressions have them.
//!
//! `^` at the beginning means all others; `!` is a character like any.

use std::iter::Peekable;
use std::str;

pub(super) type Chars<'a> = Peekable<str::Chars<'a>>;

const NAMED: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// A set of a pattern, behind its `[`.
pub(super) fn of_pattern(chars: &mut Chars<'_>) -> Result<String, String> {
    read(chars, false)
}

/// A set of an expression, behind its `[`: there `]` may be escaped, or come first.
pub(super) fn of_expression(chars: &mut Chars<'_>) -> Result<String, String> {
    read(chars, true)
}

fn read(chars: &mut Chars<'_>, expression: bool) -> Result<String, String> {
    let mut text = "[".to_owned();
    if chars.next_if_eq(&'^').is_some() {
        text.push('^');
    }
    let mut first = true;
    loop {
        let c = chars.next().ok_or("`[` is not closed; a literal one is `\\[`")?;
        let low = match c {
            ']' if first && !expression => return Err("`[]` is empty".to_owned()),
            ']' if !first => break,
            '[' if chars.peek() == Some(&':') => {
                text.push_str(&named(chars)?);
                first = false;
                continue;
            }
            c => member(c, chars, expression)?,
        };
        first = false;
        push(&mut text, low);
        // A `-` before the end is a character.
        let mut ahead = chars.clone();
        if ahead.next() == Some('-') && !matches!(ahead.next(), Some(']') | None) {
            chars.next();
            let c = chars.next().unwrap_or_default();
            let high = member(c, chars, expression)?;
            if high < low {
                return Err(format!("`{low}-{high}` is upside down"));
            }
            text.push('-');
            push(&mut text, high);
        }
    }
    text.push(']');
    Ok(text)
}

fn push(text: &mut String, c: char) {
    text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

fn member(c: char, chars: &mut Chars<'_>, expression: bool) -> Result<char, String> {
    match c {
        '[' if !expression || chars.peek() == Some(&':') => Err("`[` is within a set".to_owned()),
        '\\' => match chars.next() {
            Some(c @ ('[' | ']')) if !expression => Err(format!("`\\{c}` is within a set")),
            Some(c) if c.is_ascii_punctuation() => Ok(c),
            Some(c) => Err(format!("`\\{c}` is within a set")),
            None => Err("`[` is not closed; a literal one is `\\[`".to_owned()),
        },
        c => Ok(c),
    }
}

/// `[:alpha:]`, or `[:^alpha:]` for all others.
fn named(chars: &mut Chars<'_>) -> Result<String, String> {
    chars.next();
    let mut name = String::new();
    while let Some(c) = chars.next_if(|c| c.is_ascii_lowercase() || *c == '^') {
        name.push(c);
    }
    let known = NAMED.contains(&name.strip_prefix('^').unwrap_or(&name));
    if known && chars.next() == Some(':') && chars.next() == Some(']') {
        Ok(format!("[:{name}:]"))
    } else {
        Err(format!("`[:{name}:]` is not a class of characters"))
    }
}
