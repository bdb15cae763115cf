//! Finding one's way in lexed code: words, brackets, items, functions.

use std::ops::Range;

use super::lexer::is_word;

/// The identifiers and keywords of `code` with their offsets.
pub(super) fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let bytes = code.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() && !is_word(bytes[at]) {
            at += 1;
        }
        let start = at;
        while at < bytes.len() && is_word(bytes[at]) {
            at += 1;
        }
        (start < at).then(|| (start, &code[start..at]))
    })
}

/// The offset of the first byte at or after `at` that is no white space.
pub(super) fn skip_space(code: &str, at: usize) -> usize {
    code.len() - code[at..].trim_start().len()
}

/// Just past the bracket that closes the one at `open`, or the end of the code.
pub(super) fn past_bracket(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return offset + 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Where the item that begins at `at` has its body: the offset of its `{`, or nothing when a `;` ends it.
pub(super) fn body_of(code: &str, at: usize) -> Option<usize> {
    end_of_head(code, at).filter(|end| code.as_bytes()[*end] == b'{')
}

/// The item that begins at `at`, to the end of its body or its `;`.
pub(super) fn item(code: &str, at: usize) -> Range<usize> {
    let end = match end_of_head(code, at) {
        Some(end) if code.as_bytes()[end] == b'{' => past_bracket(code, end),
        Some(end) => end + 1,
        // The last field, variant or expression of what surrounds it.
        None => code[at..].find('}').map_or(code.len(), |length| at + length),
    };
    at..end
}

/// The first `{` or `;` outside other brackets, unless the code around the item ends before it.
fn end_of_head(code: &str, at: usize) -> Option<usize> {
    let mut from = at;
    loop {
        let found = from + code[from..].find(['(', '[', '{', ';', '}'])?;
        match code.as_bytes()[found] {
            b'{' | b';' => return Some(found),
            b'(' | b'[' => from = past_bracket(code, found),
            _ => return None,
        }
    }
}

/// The offset just past the attributes that begin at `at`.
pub(super) fn past_attributes(code: &str, at: usize) -> usize {
    let mut at = skip_space(code, at);
    while code[at..].starts_with("#[") {
        at = skip_space(code, past_bracket(code, at + 1));
    }
    at
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    /// From `fn` to the closing brace.
    pub(super) range: Range<usize>,
}

pub(super) fn functions(code: &str) -> impl Iterator<Item = Function<'_>> {
    words(code).filter(|(_, word)| *word == "fn").filter_map(|(at, _)| {
        let (_, name) = words(&code[at + 2..]).next()?;
        // `fn(…)` is a type.
        if !code[skip_space(code, at + 2)..].starts_with(name) {
            return None;
        }
        let open = body_of(code, at)?;
        Some(Function { name, range: at..past_bracket(code, open) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_with_their_bodies() {
        let code =
            "trait T { fn a(&self); fn b() -> [u8; { 1 }] { if x { y } } }\nstruct S { f: fn(u8) -> u8 }";
        let found: Vec<_> = functions(code).map(|f| (f.name, &code[f.range])).collect();
        assert_eq!(found, [("b", "fn b() -> [u8; { 1 }] { if x { y } }")]);
    }

    #[test]
    fn items_end_at_brace_or_semicolon() {
        assert_eq!(item("mod a; mod b {}", 0), 0..6);
        assert_eq!(item("mod b { fn f() {} } x", 0), 0..19);
        assert_eq!(item("const A: [u8; 2] = [1, 2]; x", 0), 0..26);
        assert_eq!(past_attributes("#[a] #[b(c)]\n fn", 0), 14);
    }
}
