//! A pattern as a regular expression.
//!
//! What rclone would read in a way that nobody means (an escaped bracket ends a set there, a letter behind
//! a backslash is a class) is refused by name rather than read in another way.

use super::raw;
use super::set::{self, Chars};

/// The expression that matches what a pattern does.
pub(super) fn expression(pattern: &str) -> Result<String, String> {
    let (start, rest) = match pattern.strip_prefix('/') {
        Some(rest) => ("^", rest),
        None => ("(?:^|/)", pattern),
    };
    let mut text = start.to_owned();
    let mut chars = rest.chars().peekable();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        match c {
            '*' => text.push_str(stars(&mut chars)?),
            '?' => text.push_str("[^/]"),
            '[' => text.push_str(&set::of_pattern(&mut chars)?),
            ']' => return Err("`]` closes nothing; a literal one is `\\]`".to_owned()),
            '{' if chars.next_if_eq(&'{').is_some() => text.push_str(&section(&mut chars)?),
            '{' => {
                depth += 1;
                text.push_str("(?:");
            }
            '}' if depth == 0 => return Err("`}` closes nothing; a literal one is `\\}`".to_owned()),
            '}' => {
                depth -= 1;
                text.push(')');
            }
            ',' if depth > 0 => text.push('|'),
            '\\' => text.push_str(&escaped(&mut chars)?),
            c => text.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    if depth > 0 {
        return Err("`{` is not closed; a literal one is `\\{`".to_owned());
    }
    text.push('$');
    Ok(text)
}

fn stars(chars: &mut Chars<'_>) -> Result<&'static str, String> {
    let mut more = 0;
    while chars.next_if_eq(&'*').is_some() {
        more += 1;
    }
    match more {
        0 => Ok("[^/]*"),
        1 => Ok("(?s:.*)"),
        _ => Err("more than two `*` in a row mean nothing".to_owned()),
    }
}

/// A character that means itself.
fn escaped(chars: &mut Chars<'_>) -> Result<String, String> {
    match chars.next() {
        None => Err("it ends with `\\`".to_owned()),
        Some('{') if chars.peek() == Some(&'{') => Err("`{` follows a literal `{`".to_owned()),
        Some(c) if c.is_ascii_punctuation() || c == ' ' => Ok(regex::escape(c.encode_utf8(&mut [0; 4]))),
        Some(c) => Err(format!("`\\{c}` is not an escape; classes belong between `{{{{` and `}}}}`")),
    }
}

/// What is between `{{` and `}}`, the longest that ends so.
fn section(chars: &mut Chars<'_>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match chars.next() {
            None => return Err("`{{` is not closed".to_owned()),
            Some('}') if chars.peek() == Some(&'}') => break,
            Some(c) => text.push(c),
        }
    }
    chars.next();
    while chars.next_if_eq(&'}').is_some() {
        text.push('}');
    }
    Ok(format!("(?:{})", raw::translated(&text)?))
}
