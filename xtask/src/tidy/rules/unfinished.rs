//! Marks of unfinished work.

use crate::tidy::finding::Finding;
use crate::tidy::source::Source;

pub(super) const RULE: &str = "unfinished";

const MACROS: &[(&str, &str)] = &[
    ("todo", "write it, or return an error that says what is not supported"),
    ("unimplemented", "write it, or return an error that says what is not supported"),
    ("dbg", "remove it"),
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, fix) in MACROS {
        for at in source.macro_calls(name) {
            let what = format!("`{name}!` in the code");
            findings.push(Finding::error(RULE, &source.path, source.line(at), what, fix));
        }
    }
    for (at, _) in source.code.match_indices("#[ignore") {
        let fix = "make the test pass, or have it say why it skips when what it needs is absent";
        let what = "a test that never runs: `#[ignore]`".to_owned();
        findings.push(Finding::error(RULE, &source.path, source.line(at), what, fix));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<usize> {
        check(&Source::new("a.rs", text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn each_mark_is_found() {
        assert_eq!(lines("fn a() {\n todo!()\n}"), [2]);
        assert_eq!(lines("fn a() { unimplemented!(\"x\") }"), [1]);
        assert_eq!(lines("let x = dbg!(y);"), [1]);
        assert_eq!(lines("#[test]\n#[ignore = \"slow\"]\nfn a() {}"), [2]);
    }

    #[test]
    fn words_in_comments_names_and_strings_pass() {
        assert_eq!(
            lines("// todo!()\nlet s = \"dbg!\"; not_todo!(); todo();\n/// #[ignore]\nfn a() {}"),
            [0_usize; 0]
        );
    }
}
