//! A branch on a cloud's name belongs in that cloud's adapter; elsewhere the difference is data.
//!
//! A line breaks the rule when it names a cloud, as a string or as a word, and decides something: it
//! compares, matches or searches. Lists and tables of names decide nothing and pass.

use crate::tidy::finding::Finding;
use crate::tidy::lexer::Literal;
use crate::tidy::scan::words;
use crate::tidy::source::Source;

pub(super) const RULE: &str = "clouds";

/// Names as strings, in small letters.
const CLOUDS: &[&str] = &[
    "aws",
    "azure",
    "cloudflare",
    "coreweave",
    "cudo",
    "digitalocean",
    "fluidstack",
    "gcp",
    "google",
    "hyperbolic",
    "ibm",
    "kubernetes",
    "lambda",
    "nebius",
    "oci",
    "openrouter",
    "paperspace",
    "primeintellect",
    "runpod",
    "slurm",
    "vast",
    "ssh",
    "vsphere",
];

/// Names that as a word of code can only mean the cloud.
const WORDS: &[&str] = &["aws", "azure", "gcp"];

/// Where clouds differ by design.
const ALLOWED: &[(&str, &str)] = &[
    ("crates/clouds/", "the adapters themselves"),
    ("crates/job/src/infra.rs", "the short form of places spells some clouds in ways of their own"),
    ("crates/catalog/src/import", "each cloud's price list has a form of its own"),
    ("crates/name/src/native", "each cloud's native ids have a grammar of their own"),
    ("crates/route/data/", "tariffs are data"),
    ("xtask/", "the rule names what it looks for"),
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    if source.is_test || ALLOWED.iter().any(|(path, _)| source.path.starts_with(path)) {
        return Vec::new();
    }
    let literals = source.literals.iter().filter_map(|literal| Some((literal.at, cloud(literal)?)));
    let words = words(&source.code).filter_map(|(at, word)| {
        let word = word.to_ascii_lowercase();
        Some((at, *WORDS.iter().find(|name| **name == word)?))
    });
    let named = literals.chain(words).filter(|(at, _)| !source.in_test(*at) && decides(source, *at));
    named
        .map(|(at, name)| {
            let what = format!("a decision on the name of a cloud: {name}");
            let fix = "make the difference a property of the provider or a column of its data";
            Finding::error(RULE, &source.path, source.line(at), what, fix)
        })
        .collect()
}

/// The cloud that a string is, or whose place it begins.
fn cloud(literal: &Literal) -> Option<&'static str> {
    let text = literal.text.to_ascii_lowercase();
    let name = text.split('/').next().unwrap_or(&text);
    CLOUDS.iter().find(|cloud| **cloud == name).copied()
}

/// Does the line around `at` compare, match or search?
fn decides(source: &Source, at: usize) -> bool {
    const SIGNS: &[&str] =
        &["==", "!=", "matches!", ".contains(", ".starts_with(", ".eq_ignore_ascii_case(", ".strip_prefix("];
    let (start, line) = source.line_code(source.line(at));
    let branches = words(line).any(|(_, word)| matches!(word, "if" | "match" | "while"));
    let is_pattern = line[at - start..].contains("=>") || line.trim_start().starts_with('|');
    branches || is_pattern || SIGNS.iter().any(|sign| line.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(&Source::new(path, text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn decisions_on_a_name_are_found() {
        for text in [
            "if provider == \"aws\" { a() }",
            "match provider { \"gcp\" => a(), _ => b() }",
            "    | \"azure\"",
            "matches!(provider, \"aws\" | \"gcp\")",
            "let a = place.starts_with(\"aws/\");",
            "let b = cloud != Cloud::Aws;",
            "Cloud::Gcp => 1,",
            "[\"oci\"].contains(&name)",
        ] {
            assert!(lines("crates/broker/src/a.rs", text).starts_with(&[1]), "{text}");
        }
    }

    #[test]
    fn data_tests_docs_and_adapters_pass() {
        for text in [
            "const ALL: &[&str] = &[\"aws\", \"gcp\"];",
            "Kind::Lambda => \"aws\",",
            "/// if aws == \"aws\"\nfn f() {}",
            "#[cfg(test)]\nmod tests { fn f() { assert!(x == \"aws\") } }",
            "if name == \"awsome\" {}",
        ] {
            assert_eq!(lines("crates/broker/src/a.rs", text), [0_usize; 0], "{text}");
        }
        assert_eq!(lines("crates/clouds/src/a.rs", "if provider == \"aws\" {}"), [0_usize; 0]);
    }
}
