//! Text that leads back to a machine or a person.

use crate::tidy::finding::Finding;
use crate::tidy::workspace::TextFile;

pub(super) const RULE: &str = "traces";

/// Roots of paths that exist on one machine only.
const MACHINE_ROOTS: &[&str] = &["/work/", "/root/", "/home/", "/Users/"];

/// Registries and their mirrors: which one a build uses is the builder's own setting.
const REGISTRIES: &[&str] = &[
    "index.crates.io",
    "static.crates.io",
    "pypi.org/simple",
    "files.pythonhosted.org",
    "registry.npmjs.org",
    "proxy.golang.org",
    "/artifactory/",
    "/nexus/repository/",
];

/// Ends of addresses that belong to nobody, or to a program.
const NOBODY: &[&str] =
    &["example.com", "example.org", "example.net", ".example", ".test", ".invalid", ".gserviceaccount.com"];

/// Files that hold such text by their nature.
const EXEMPT: &[(&str, &str)] = &[(file!(), "the rule names what it looks for")];

pub(super) fn check(file: &TextFile) -> Vec<Finding> {
    if EXEMPT.iter().any(|(path, _)| *path == file.path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let mut complain = |what: String, fix: &str| {
            findings.push(Finding::error(RULE, &file.path, index + 1, what, fix));
        };
        if let Some(root) = MACHINE_ROOTS.iter().find(|root| names_path(line, root)) {
            complain(
                format!("a path of one machine, under {root}"),
                "give it relative to the repository root",
            );
        }
        if let Some(host) = REGISTRIES.iter().find(|host| line.contains(**host)) {
            complain(format!("a package registry: {host}"), "leave the registry to the builder's settings");
        }
        if let Some(address) = personal_address(line) {
            complain(format!("an e-mail address: {address}"), "use an address at example.com, or none");
        }
    }
    findings
}

/// Does the line have `root` at the start of a path, rather than inside a longer one?
fn names_path(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        let before = &line[..at];
        // An address such as `s3://home/x` has no path of ours; `file:///home/x` has.
        let in_address = before.ends_with('/') && !before.ends_with("//");
        !in_address && !before.ends_with(|c: char| c.is_alphanumeric() || "_-.~*}>)$".contains(c))
    })
}

fn personal_address(line: &str) -> Option<&str> {
    line.match_indices('@').find_map(|(at, _)| {
        let before = line[..at].trim_end_matches(|c: char| c.is_ascii_alphanumeric() || "._+-".contains(c));
        let start = before.len();
        let length = line[at + 1..].find(|c: char| !c.is_ascii_alphanumeric() && !".-".contains(c));
        let end = length.map_or(line.len(), |length| at + 1 + length);
        let domain = line[at + 1..end].trim_end_matches('.');
        let (_, top) = domain.rsplit_once('.')?;
        // `git@host` is how programs log in, `abfss://container@account.host` names a container; a version such as
        // `x@1.2` has no top-level domain.
        let is_address = start < at
            && &line[start..at] != "git"
            && !before.ends_with("://")
            && top.len() >= 2
            && top.bytes().all(|byte| byte.is_ascii_alphabetic());
        (is_address && !NOBODY.iter().any(|end| domain.ends_with(end))).then(|| &line[start..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_of_several_bytes_before_an_address_is_no_trouble() {
        assert!(personal_address("welkin://9c…@store.example").is_none());
        assert_eq!(personal_address("…me@mail.org"), Some("me@mail.org"));
    }

    fn lines(text: &str) -> Vec<usize> {
        let file = TextFile { path: "docs/a.md".to_owned(), text: text.to_owned() };
        check(&file).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn traces_are_found() {
        assert_eq!(lines("a\nsee /home/ann/x\n\"/root/.cache\" and file:///Users/a\n"), [2, 3]);
        assert_eq!(lines("index = \"https://registry.npmjs.org/x\"\n"), [1]);
        assert_eq!(lines("by Ann <ann.b@mail.some-host.net>\n"), [1]);
    }

    #[test]
    fn other_text_passes() {
        for text in [
            "crates/work/src, s3://home/x, ./home/x, {root}/work/x",
            "ann@example.com, x@p.iam.gserviceaccount.com, git@github.com:a/b",
            "sky:aws/-/infer/x@1.2, `@name`, a @ b.c, p5@v1",
            "welkin://w1:9c…@store.example:7400",
            "abfss://container@account.dfs.core.windows.net/key",
            "https://crates.io/crates/serde, https://github.com/rust-lang/crates.io-index",
        ] {
            assert_eq!(lines(text), [0_usize; 0], "{text}");
        }
    }

    #[test]
    fn the_exempt_file_is_this_one() {
        assert_eq!(EXEMPT[0].0, "xtask/src/tidy/rules/traces.rs");
    }
}
