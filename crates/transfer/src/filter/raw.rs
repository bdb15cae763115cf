//! Regular expressions between `{{` and `}}`, as Go reads them.
//!
//! Both engines are of one family. Where they differ (Go's `\d`, `\w` and `\s` know ASCII alone, `\<` is a
//! character there and an end of a word here) the expression is translated, or refused by name.

use super::set::{self, Chars};

/// The expression in this engine's language.
pub(super) fn translated(text: &str) -> Result<String, String> {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    let mut repeated = false;
    while let Some(c) = chars.next() {
        let repeats = matches!(c, '*' | '+' | '?');
        match c {
            '\\' => out.push_str(&escape(&mut chars)?),
            '[' => out.push_str(&set::of_expression(&mut chars)?),
            '(' if chars.peek() == Some(&'?') => out.push_str(&group(&mut chars)?),
            '*' | '+' if repeated => return Err(format!("`{c}` repeats a repetition")),
            c => out.push(c),
        }
        repeated = repeats;
    }
    Ok(out)
}

fn escape(chars: &mut Chars<'_>) -> Result<String, String> {
    Ok(match chars.next().ok_or("it ends with `\\`")? {
        'd' => "[0-9]".to_owned(),
        'D' => "[^0-9]".to_owned(),
        'w' => "[0-9A-Za-z_]".to_owned(),
        'W' => "[^0-9A-Za-z_]".to_owned(),
        's' => r"[\t\n\f\r ]".to_owned(),
        'S' => r"[^\t\n\f\r ]".to_owned(),
        'b' if chars.peek() != Some(&'{') => r"(?-u:\b)".to_owned(),
        c @ ('A' | 'z' | 'a' | 'f' | 't' | 'n' | 'r' | 'v' | 'x' | 'p' | 'P') => format!("\\{c}"),
        c if c.is_ascii_punctuation() => regex::escape(c.encode_utf8(&mut [0; 4])),
        c => return Err(format!("`\\{c}` is not known in an expression")),
    })
}

/// A group that begins with `(?`: a name or flags that both engines know.
fn group(chars: &mut Chars<'_>) -> Result<String, String> {
    let mut out = "(".to_owned();
    while let Some(c) = chars.next() {
        match c {
            '?' | ':' | ')' | 'P' | '<' | 'i' | 'm' | 's' | 'U' | '-' => out.push(c),
            c => return Err(format!("`{out}{c}` is not known in an expression")),
        }
        if c == '<' {
            out.extend(chars.by_ref().take_while(|c| *c != '>'));
            out.push('>');
        }
        if matches!(c, ':' | ')' | '<') {
            return Ok(out);
        }
    }
    Err("`(` is not closed".to_owned())
}
