//! One Rust file, split and with its test code marked.

use std::ops::Range;

use super::lexer::{Comment, Lexed, Literal, lex};
use super::scan::{item, past_attributes, past_bracket, skip_space, words};

#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the repository root, with forward slashes.
    pub(super) path: String,
    /// As long as the text; see the lexer.
    pub(super) code: String,
    pub(super) literals: Vec<Literal>,
    pub(super) comments: Vec<Comment>,
    /// Does the whole file serve tests, examples or benchmarks?
    pub(super) is_test: bool,
    tests: Vec<Range<usize>>,
    line_starts: Vec<usize>,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let Lexed { code, literals, comments } = lex(text);
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let tests = test_items(&code);
        let is_test = is_test_path(path) || code.contains("#![cfg(test)]");
        Self { path: path.to_owned(), code, literals, comments, is_test, tests, line_starts }
    }

    /// The line of an offset, counted from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }

    /// How many lines the file has.
    pub(super) fn lines(&self) -> usize {
        self.code.lines().count()
    }

    /// The code of a line, counted from 1, and its offset.
    pub(super) fn line_code(&self, line: usize) -> (usize, &str) {
        let start = self.line_starts[line - 1];
        let rest = &self.code[start..];
        (start, rest.split_once('\n').map_or(rest, |(first, _)| first))
    }

    /// Is this offset in code that only tests compile?
    pub(super) fn in_test(&self, at: usize) -> bool {
        self.is_test || self.tests.iter().any(|range| range.contains(&at))
    }

    /// Does the text `macro_name!` stand in the code, as a word of its own? Gives the offsets.
    pub(super) fn macro_calls<'a>(&'a self, name: &'a str) -> impl Iterator<Item = usize> + 'a {
        words(&self.code)
            .filter(move |(at, word)| *word == name && self.code[at + word.len()..].starts_with('!'))
            .map(|(at, _)| at)
    }

    /// The modules this file declares for tests only, as `mod name;`.
    pub(super) fn test_modules(&self) -> impl Iterator<Item = &str> {
        self.tests.iter().filter_map(|range| {
            let item = &self.code[range.clone()];
            let (at, _) = words(item).find(|(_, word)| *word == "mod")?;
            let (_, name) = words(&item[at + 3..]).next()?;
            item.trim_end().ends_with(';').then_some(name)
        })
    }
}

fn is_test_path(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    parts.next() == Some("tests.rs")
        || parts.any(|part| matches!(part, "tests" | "benches" | "examples" | "fuzz"))
}

/// The ranges of items under `#[test]`, `#[…::test]`, `#[cfg(test)]` or `#[cfg(doctest)]`.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (at, _) in code.match_indices("#[") {
        if ranges.last().is_some_and(|range| range.contains(&at)) {
            continue;
        }
        let end = past_bracket(code, at + 1);
        if is_test_attribute(code[at + 2..end].trim_end_matches(']')) {
            let start = past_attributes(code, at);
            ranges.push(at..item(code, skip_space(code, start)).end);
        }
    }
    ranges
}

fn is_test_attribute(attribute: &str) -> bool {
    let attribute = attribute.trim();
    let path = attribute.split('(').next().unwrap_or(attribute).trim();
    match path {
        "cfg" => {
            words(attribute).any(|(_, word)| matches!(word, "test" | "doctest"))
                && !attribute.contains("not(test")
        }
        _ => path == "test" || path.ends_with("::test"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_code_is_told_from_the_rest() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n #[test]\n fn b() {}\n}\nfn c() {}\n";
        let source = Source::new("crates/x/src/a.rs", text);
        let at = |needle: &str| text.find(needle).unwrap();
        assert!(!source.in_test(at("fn a")));
        assert!(source.in_test(at("fn b")));
        assert!(!source.in_test(at("fn c")));
        assert_eq!(source.line(at("fn c")), 7);
        assert_eq!(source.lines(), 7);
        assert_eq!(source.line_code(5), (at(" fn b"), " fn b() {}"));
    }

    #[test]
    fn attributes_and_paths_mark_tests() {
        for attribute in
            ["test", "tokio::test(start_paused = true)", "cfg(test)", "cfg(doctest)", "cfg(all(test, unix))"]
        {
            assert!(is_test_attribute(attribute), "{attribute}");
        }
        for attribute in ["cfg(not(test))", "cfg(unix)", "derive(Debug)", "expect(test_thing)"] {
            assert!(!is_test_attribute(attribute), "{attribute}");
        }
        for path in ["crates/x/tests/a.rs", "crates/x/src/a/tests.rs", "crates/x/examples/e.rs"] {
            assert!(is_test_path(path), "{path}");
        }
        assert!(!is_test_path("crates/testkit/src/lib.rs"));
    }

    #[test]
    fn test_modules_in_files_of_their_own_are_named() {
        let source =
            Source::new("a.rs", "mod real;\n#[cfg(test)]\nmod oracle;\n#[cfg(test)]\nmod tests { }\n");
        assert_eq!(source.test_modules().collect::<Vec<_>>(), ["oracle"]);
    }
}
