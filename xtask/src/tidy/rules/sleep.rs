//! Tests that wait for real time are slow when they pass and wrong when the machine is busy.

use crate::tidy::finding::Finding;
use crate::tidy::scan::{functions, past_bracket, skip_space, words};
use crate::tidy::source::Source;

pub(super) const RULE: &str = "sleep";

const SLEEPS: &[&str] = &["sleep", "sleep_ms", "sleep_until"];
const PAUSED: &str = "start_paused = true";

pub(super) fn check(source: &Source) -> Vec<Finding> {
    let all_paused = every_test_is_paused(source);
    let mut findings = Vec::new();
    for (at, word) in words(&source.code).filter(|(_, word)| SLEEPS.contains(word)) {
        let before = source.code[..at].trim_end();
        let is_call = source.code[skip_space(&source.code, at + word.len())..].starts_with('(');
        // A method is the sleep of a clock that was passed in, and tests pass one of their own.
        let is_other = before.ends_with("fn") || before.ends_with('.');
        if !is_call || is_other || !source.in_test(at) {
            continue;
        }
        // Paused time stops tokio's clock; a sleep of the whole thread is always real.
        if !before.ends_with("thread::") && (all_paused || in_paused_function(source, at)) {
            continue;
        }
        let what = "a test that sleeps".to_owned();
        let fix = "wait for the event itself, or run under tokio's paused time (`start_paused = true`)";
        findings.push(Finding::error(RULE, &source.path, source.line(at), what, fix));
    }
    findings
}

/// Are there asynchronous tests, and do all of them run in paused time? Then so do their helpers.
fn every_test_is_paused(source: &Source) -> bool {
    let mut tests = source.code.match_indices("#[tokio::test").peekable();
    tests.peek().is_some()
        && tests.all(|(at, _)| source.code[at..past_bracket(&source.code, at + 1)].contains(PAUSED))
}

fn in_paused_function(source: &Source, at: usize) -> bool {
    functions(&source.code).filter(|function| function.range.contains(&at)).any(|function| {
        let start = source.code[..function.range.start].rfind(['}', ';', '{']).unwrap_or(0);
        source.code[start..function.range.start].contains(PAUSED)
            || source.code[function.range].contains("time::pause()")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn sleeping_tests_are_found() {
        let test = "#[test]\nfn a() {\n std::thread::sleep(X);\n}\n";
        assert_eq!(lines("crates/x/src/a.rs", test), [3]);
        assert_eq!(lines("crates/x/tests/a.rs", "async fn f() {\n tokio::time::sleep(X).await;\n}"), [2]);
        let paused = "#[tokio::test(start_paused = true)]\nasync fn a() {\n thread::sleep(X);\n}\n";
        assert_eq!(lines("crates/x/tests/a.rs", paused), [3]);
    }

    #[test]
    fn helpers_are_in_virtual_time_when_every_test_is() {
        let helper = "async fn f() {\n sleep(X).await;\n}\n";
        let test = |how: &str| format!("#[tokio::test{how}]\nasync fn a() {{ f().await }}\n");
        let paused = "(flavor = \"current_thread\", start_paused = true)";
        assert_eq!(lines("crates/x/tests/a.rs", &format!("{helper}{}", test(paused))), [0_usize; 0]);
        assert_eq!(lines("crates/x/tests/a.rs", &format!("{helper}{}{}", test(paused), test(""))), [2]);
    }

    #[test]
    fn virtual_time_and_product_code_pass() {
        let paused =
            "#[tokio::test(start_paused = true)]\nasync fn a() {\n tokio::time::sleep(X).await;\n}\n";
        assert_eq!(lines("crates/x/tests/a.rs", paused), [0_usize; 0]);
        assert_eq!(lines("crates/x/src/a.rs", "fn a() { thread::sleep(X); }"), [0_usize; 0]);
        assert_eq!(lines("crates/x/tests/a.rs", "fn a() { clock.sleep(X); }"), [0_usize; 0]);
        assert_eq!(
            lines("crates/x/tests/a.rs", "fn sleep() {} // sleep(1)\nlet s = \"sleep(1)\";"),
            [0_usize; 0]
        );
    }
}
