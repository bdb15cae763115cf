//! `lib.rs` and `mod.rs` are read to learn a module's surface; code hides there.

use crate::tidy::finding::Finding;
use crate::tidy::scan::{item, past_attributes, past_bracket, skip_space, words};
use crate::tidy::source::Source;

pub(super) const RULE: &str = "facade";

/// Warns once per file, at the first item that is no module, import or re-export.
pub(super) fn check(source: &Source) -> Option<Finding> {
    let name = source.path.rsplit('/').next();
    if source.is_test || !matches!(name, Some("lib.rs" | "mod.rs")) {
        return None;
    }
    let code = &source.code;
    let mut at = past_inner_attributes(code);
    while at < code.len() {
        let start = past_attributes(code, at);
        if start >= code.len() {
            return None;
        }
        let end = item(code, start).end;
        if !is_declaration(&code[start..end]) && !source.in_test(start) {
            let what = "holds code beside docs, modules and re-exports".to_owned();
            let fix = "move it to a file named after it and re-export it here";
            return Some(Finding::error(RULE, &source.path, source.line(start), what, fix).into_warning());
        }
        // A use tree in braces leaves its semicolon.
        at = skip_space(code, end);
        at = if code[at..].starts_with(';') { skip_space(code, at + 1) } else { at };
    }
    None
}

fn past_inner_attributes(code: &str) -> usize {
    let mut at = skip_space(code, 0);
    while code[at..].starts_with("#![") {
        at = skip_space(code, past_bracket(code, at + 2));
    }
    at
}

/// `mod name;`, `use …;` or `extern crate …;`, with any visibility.
fn is_declaration(item: &str) -> bool {
    let mut rest = item.trim_start();
    if let Some(after) = rest.strip_prefix("pub") {
        rest = after.trim_start();
        if rest.starts_with('(') {
            rest = rest[past_bracket(rest, 0)..].trim_start();
        }
    }
    match words(rest).next() {
        Some((0, "mod")) => item.ends_with(';'),
        Some((0, "use" | "extern")) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str, text: &str) -> Option<usize> {
        check(&Source::new(path, text)).map(|finding| finding.line)
    }

    #[test]
    fn docs_modules_and_re_exports_pass() {
        let text = "//! Head.\n#![forbid(unsafe_code)]\n/// A.\n#[cfg(unix)]\npub mod a;\npub(crate) mod b;\n\
                    pub use a::{B, c::D};\nuse x;\n#[cfg(test)]\nmod tests { fn f() {} }\n";
        assert_eq!(line("crates/x/src/lib.rs", text), None);
        assert_eq!(line("crates/x/src/lib.rs", ""), None);
    }

    #[test]
    fn code_is_found() {
        assert_eq!(line("crates/x/src/lib.rs", "mod a;\n\npub struct S;\nfn f() {}\n"), Some(3));
        assert_eq!(line("crates/x/src/y/mod.rs", "use a::{b, c};\nmod d { fn f() {} }\n"), Some(2));
        assert_eq!(line("crates/x/src/a.rs", "pub struct S;\n"), None);
    }
}
