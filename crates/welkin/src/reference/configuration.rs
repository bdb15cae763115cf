//! `docs/configuration.md` is written by hand, and names every key and variable there is, and no other.

use super::docs;
use crate::settings::ConfigFile;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The keys that a section takes, as whoever misspells one is told.
fn keys(section: &str) -> BTreeSet<String> {
    let error = toml::from_str::<ConfigFile>(&format!("{section}not-a-key = 1")).unwrap_err().to_string();
    let (_, known) = error.split_once("expected ").unwrap();
    known.lines().next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The part of the document below a heading.
fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap()
}

/// What the first column of its table names.
fn rows(part: &str) -> BTreeSet<String> {
    let first = |line: &str| {
        let cell = line.strip_prefix("| `")?.split('|').next()?;
        let names = cell.split(", ").map(|name| name.trim().trim_matches('`').to_owned());
        Some(names.collect::<Vec<_>>())
    };
    part.lines().filter_map(first).flatten().collect()
}

#[test]
fn the_reference_of_the_configuration_names_every_key() {
    let text = fs::read_to_string(docs().join("configuration.md")).unwrap();
    for (heading, section) in [
        ("Keys", ""),
        ("Stores: `[stores.NAME]`", "[stores.x]\n"),
        ("Gateways: `[peers.NAME]`", "[peers.x]\n"),
        ("Identity provider: `[oidc]`", "[oidc]\n"),
    ] {
        assert_eq!(rows(part(&text, heading)), keys(section), "{heading}");
    }
}

#[test]
fn what_the_reference_of_the_configuration_shows_is_read() {
    let text = fs::read_to_string(docs().join("configuration.md")).unwrap();
    let examples: Vec<&str> =
        text.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        toml::from_str::<ConfigFile>(example).unwrap_or_else(|error| panic!("{error}\n{example}"));
    }
}

#[test]
fn the_reference_of_the_configuration_names_every_variable() {
    let text = fs::read_to_string(docs().join("configuration.md")).unwrap();
    let documented = rows(part(&text, "Variables"));
    let mut read = BTreeSet::new();
    for file in ["settings.rs", "settings/stores.rs"] {
        let source =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap();
        let (source, _) = source.split_once("#[cfg(test)]").unwrap();
        let quoted = source.split('"').filter(|word| word.starts_with("WELKIN_") && !word.contains('{'));
        read.extend(quoted.map(str::to_owned));
    }
    for variable in &read {
        assert!(documented.contains(variable), "docs/configuration.md does not name {variable}");
    }
}
