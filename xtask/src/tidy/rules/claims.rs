//! Tests that documents name as the proof of what they claim.
//!
//! A claim about safety is worth what holds it. Documents name a test as `crates/x/tests/a.rs::name`; when
//! the test is renamed or removed, the claim must be looked at again.

use std::collections::{BTreeSet, HashMap};

use crate::tidy::finding::Finding;
use crate::tidy::scan::functions;
use crate::tidy::source::Source;
use crate::tidy::workspace::TextFile;

pub(super) const RULE: &str = "claims";

const FIX: &str = "name a test that holds the claim, or withdraw the claim";

/// The names of the functions of every Rust file.
pub(in crate::tidy) struct Tests<'a> {
    by_path: HashMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Tests<'a> {
    pub(in crate::tidy) fn of(sources: &'a [Source]) -> Self {
        let names = |source: &'a Source| functions(&source.code).map(|function| function.name).collect();
        Self { by_path: sources.iter().map(|source| (source.path.as_str(), names(source))).collect() }
    }
}

pub(super) fn check(file: &TextFile, tests: &Tests<'_>) -> Vec<Finding> {
    if !file.path.starts_with("docs/") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        for (path, name) in named(line) {
            let what = match tests.by_path.get(path) {
                None => format!("there is no file {path}"),
                Some(names) if !names.contains(name) => format!("{path} has no function {name}"),
                Some(_) => continue,
            };
            findings.push(Finding::error(RULE, &file.path, index + 1, what, FIX));
        }
    }
    findings
}

/// What stands as `path.rs::name` between backquotes.
fn named(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split('`').skip(1).step_by(2).filter_map(|quoted| {
        let (path, name) = quoted.split_once("::")?;
        path.ends_with(".rs").then_some((path, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(document: &str) -> Vec<usize> {
        let sources = [Source::new("crates/x/tests/a.rs", "#[test]\nfn it_holds() {}\n// fn not_code() {}")];
        let file = TextFile { path: "docs/a.md".to_owned(), text: document.to_owned() };
        check(&file, &Tests::of(&sources)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn tests_that_exist_pass() {
        assert_eq!(findings("| held | `crates/x/tests/a.rs::it_holds` |"), [0_usize; 0]);
        assert_eq!(findings("`a::b`, crates/x/tests/a.rs::unquoted"), [0_usize; 0]);
    }

    #[test]
    fn tests_that_are_gone_are_found() {
        assert_eq!(findings("a\n`crates/x/tests/a.rs::it_fell`\n`crates/x/tests/b.rs::it_holds`"), [2, 3]);
        assert_eq!(findings("`crates/x/tests/a.rs::not_code`"), [1]);
    }
}
