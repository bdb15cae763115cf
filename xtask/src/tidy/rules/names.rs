//! Names that say nothing.

use crate::tidy::finding::Finding;
use crate::tidy::scan::words;
use crate::tidy::source::Source;

pub(super) const RULE: &str = "names";

const EMPTY_MODULES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];
const EMPTY_ENDINGS: &[&str] = &["Manager", "Helper", "Processor"];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let stem = source.path.strip_suffix(".rs").unwrap_or(&source.path);
    if let Some(part) = stem.split('/').find(|part| EMPTY_MODULES.contains(part)) {
        let what = format!("a file or folder named `{part}`");
        findings.push(Finding::error(RULE, &source.path, 1, what, "name it after the one idea it holds"));
    }
    let mut before = "";
    for (at, word) in words(&source.code) {
        let declared = std::mem::replace(&mut before, word);
        let line = source.line(at);
        if declared == "mod" && EMPTY_MODULES.contains(&word) {
            let what = format!("a module named `{word}`");
            findings.push(Finding::error(
                RULE,
                &source.path,
                line,
                what,
                "name it after the one idea it holds",
            ));
        }
        let is_type = matches!(declared, "struct" | "enum" | "trait" | "type" | "union");
        if is_type && EMPTY_ENDINGS.iter().any(|ending| word.ends_with(ending)) {
            let what = format!("a type named `{word}`");
            findings.push(Finding::error(RULE, &source.path, line, what, "name it after what it is or does"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn empty_names_are_found() {
        assert_eq!(lines("crates/x/src/utils.rs", ""), [1]);
        assert_eq!(lines("crates/x/tests/common/mod.rs", ""), [1]);
        assert_eq!(
            lines("a.rs", "\npub mod helpers;\nstruct LeaseManager;\ntrait FooHelper {}\n"),
            [2, 3, 4]
        );
    }

    #[test]
    fn telling_names_pass() {
        assert_eq!(
            lines("crates/x/src/lease.rs", "mod communal; struct Managers; let manager = TaskManager::x();"),
            [0_usize; 0]
        );
    }
}
