//! Pure crates are functions of their arguments: their own code reaches no part of the outside. The façade reaches files,
//! and yet neither the environment nor the terminal.

use std::ops::Range;

use crate::tidy::finding::Finding;
use crate::tidy::rings::{Ring, ring_of};
use crate::tidy::scan::words;
use crate::tidy::source::Source;
use crate::tidy::workspace::Member;

pub(super) const RULE: &str = "purity";

/// What of the standard library reaches outside, by path without `std::`.
const OUTSIDE: &[(&str, &str)] = &[
    ("env", "take the value as a parameter"),
    ("fs", "take bytes, or give bytes back, and let the caller touch the disk"),
    ("io::stderr", "return what there is to say"),
    ("io::stdin", "take the bytes as a parameter"),
    ("io::stdout", "return what there is to say"),
    ("net", "let the caller talk to the network"),
    ("os", "let the caller talk to the system"),
    ("process", "return an error; the caller decides how to end"),
    ("thread", "let the caller choose threads"),
    ("time::Instant", "take the time as a parameter"),
    ("time::SystemTime", "take the time as a parameter"),
    ("time::UNIX_EPOCH", "take the time as a parameter"),
    ("hash_map::RandomState", "use a hasher with a fixed seed, or a BTreeMap"),
    ("collections::hash_map::RandomState", "use a hasher with a fixed seed, or a BTreeMap"),
    ("hash::RandomState", "use a hasher with a fixed seed, or a BTreeMap"),
];

/// Values, not sockets.
const HARMLESS: &[&str] = &["net::IpAddr", "net::Ipv4Addr", "net::Ipv6Addr", "net::AddrParseError"];

/// What programs over the façade tell it: where it is called and by whom is not for a library to ask.
const SURROUNDINGS: &[(&str, &str)] = &[
    ("env::args", "take it from `SkyOptions`"),
    ("env::current_dir", "take it from `SkyOptions`"),
    ("env::home_dir", "take it from `SkyOptions`"),
    ("env::var", "take it from `SkyOptions`"),
    ("env::var_os", "take it from `SkyOptions`"),
    ("env::vars", "take it from `SkyOptions`"),
    ("env::vars_os", "take it from `SkyOptions`"),
    ("io::stderr", "return what there is to say"),
    ("io::stdin", "take the bytes as a parameter"),
    ("io::stdout", "return what there is to say"),
    ("process::exit", "return an error; the caller decides how to end"),
];

/// What a file's own code must not reach, and what kind of crate it is in.
pub(super) fn concerns(members: &[Member], source: &Source) -> Option<Reach> {
    let of = |member: &&Member| source.path.starts_with(&format!("{}/src/", member.folder()));
    let name = members.iter().find(of)?.short_name();
    match ring_of(name) {
        Some(Ring::Pure) => Some(Reach { what: OUTSIDE, of: "a pure crate" }),
        _ if name == "sky" => Some(Reach { what: SURROUNDINGS, of: "the façade" }),
        _ => None,
    }
}

/// What is out of reach, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reach {
    what: &'static [(&'static str, &'static str)],
    of: &'static str,
}

pub(super) fn check(source: &Source, reach: Reach) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, _) in words(&source.code).filter(|(_, word)| *word == "std") {
        let Some(rest) = source.code[at + 3..].strip_prefix("::") else { continue };
        if source.in_test(at) {
            continue;
        }
        let start = source.code.len() - rest.len();
        for (offset, path) in paths(&source.code, start..statement_end(&source.code, start)) {
            let Some((_, fix)) = outside(&path, reach.what) else { continue };
            let what = format!("`std::{path}` in {}", reach.of);
            findings.push(Finding::error(RULE, &source.path, source.line(offset), what, fix));
        }
    }
    findings
}

fn outside(
    path: &str,
    what: &'static [(&'static str, &'static str)],
) -> Option<&'static (&'static str, &'static str)> {
    let within = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    // `std::env!` and its like are read by the compiler.
    if path.ends_with('!') || HARMLESS.iter().any(|harmless| within(harmless)) {
        return None;
    }
    // A whole module that is brought in brings in what is in it.
    let of_module = |prefix: &str| prefix.starts_with(&format!("{path}::"));
    what.iter().find(|(prefix, _)| within(prefix) || of_module(prefix) && path == "env")
}

/// Just past the path or use tree that begins at `at`.
fn statement_end(code: &str, at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '{' if depth > 0 || code[..at + offset].ends_with("::") => depth += 1,
            '}' if depth > 0 => depth -= 1,
            _ if depth > 0 || c == ':' || c == '!' || c == '_' || c.is_alphanumeric() => {}
            _ => return at + offset,
        }
        if c == '}' && depth == 0 {
            return at + offset + 1;
        }
    }
    code.len()
}

/// The paths of a use tree, each with the offset of its last part: `a::{b, c::d}` is `a::b`, `a::c::d`.
fn paths(code: &str, range: Range<usize>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut prefixes: Vec<String> = vec![String::new()];
    let mut path = String::new();
    let mut last = range.start;
    for (offset, c) in code[range.clone()].char_indices() {
        match c {
            '{' => prefixes.push(std::mem::take(&mut path)),
            '}' | ',' => {
                if !path.is_empty() {
                    found.push((last, std::mem::take(&mut path)));
                }
                if c == '}' {
                    prefixes.pop();
                }
            }
            _ if c.is_whitespace() => {}
            _ => {
                if path.is_empty() {
                    path.push_str(prefixes.last().map_or("", String::as_str));
                }
                path.push(c);
                last = range.start + offset;
            }
        }
    }
    if !path.is_empty() {
        found.push((last, path));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(usize, String)> {
        reached(text, Reach { what: OUTSIDE, of: "a pure crate" })
    }

    fn reached(text: &str, reach: Reach) -> Vec<(usize, String)> {
        let findings = check(&Source::new("crates/job/src/a.rs", text), reach);
        findings.into_iter().map(|f| (f.line, f.what.split('`').nth(1).unwrap().to_owned())).collect()
    }

    #[test]
    fn every_way_to_write_a_path_is_seen() {
        assert_eq!(found("fn f() { std::fs::read(x); }"), [(1, "std::fs::read".to_owned())]);
        assert_eq!(found("use std::thread;"), [(1, "std::thread".to_owned())]);
        let grouped = "use std::{\n    fmt,\n    time::{Duration, Instant},\n    env,\n};";
        assert_eq!(found(grouped), [(3, "std::time::Instant".to_owned()), (4, "std::env".to_owned())]);
        assert_eq!(found("let t: std::time::SystemTime = x;").len(), 1);
        assert_eq!(found("std::process::exit(1)").len(), 1);
        assert_eq!(found("std::net::TcpStream::connect(a)").len(), 1);
    }

    #[test]
    fn only_the_code_of_pure_crates_is_concerned() {
        let member = |name: &str| Member {
            name: format!("welkin-{name}"),
            manifest_path: format!("crates/{name}/Cargo.toml"),
            ..Member::default()
        };
        let members = [member("job"), member("broker")];
        let concerned = |path: &str| concerns(&members, &Source::new(path, "")).is_some();
        assert!(concerned("crates/job/src/deep/a.rs"));
        assert!(!concerned("crates/job/tests/a.rs"));
        assert!(!concerned("crates/broker/src/a.rs"));
    }

    #[test]
    fn the_facade_reaches_files_and_no_surroundings() {
        let facade = |text: &str| reached(text, Reach { what: SURROUNDINGS, of: "the façade" }).len();
        for text in
            ["use std::env;", "std::env::var_os(a)", "use std::io::{self, stdout};", "std::process::exit(1)"]
        {
            assert_eq!(facade(text), 1, "{text}");
        }
        for text in [
            "std::env::current_exe()",
            "use std::fs;",
            "use std::io::{self, Write};",
            "std::env::consts::ARCH",
        ] {
            assert_eq!(facade(text), 0, "{text}");
        }
    }

    #[test]
    fn values_macros_tests_and_words_pass() {
        for text in [
            "use std::time::Duration;",
            "use std::net::{IpAddr, Ipv4Addr};",
            "const A: &str = std::env!(\"A\");",
            "// std::fs\nlet a = \"std::fs\";",
            "#[cfg(test)]\nmod tests { use std::fs; }",
            "use std::environment;",
            "use std::collections::{BTreeMap, hash_map::Entry};",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
