//! What each crate's manifest says about the crate.

use crate::tidy::finding::Finding;
use crate::tidy::workspace::Member;

pub(super) const RULE: &str = "manifest";

/// A description shorter than this says nothing.
const SHORTEST_DESCRIPTION: usize = 12;

const LICENCE: &str = "Apache-2.0";

pub(super) fn check(member: &Member) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut complain = |key: &str, what: String, fix: &str| {
        let line =
            member.manifest.lines().position(|line| line.trim().starts_with(key)).map_or(1, |at| at + 1);
        findings.push(Finding::error(RULE, &member.manifest_path, line, what, fix));
    };
    let name = &member.name;
    if member.description.as_deref().unwrap_or("").trim().len() < SHORTEST_DESCRIPTION {
        complain(
            "description",
            format!("{name} has no description"),
            "say in a sentence what the crate holds",
        );
    }
    if member.license.as_deref() != Some(LICENCE) {
        complain("license", format!("{name} is not under {LICENCE}"), "write `license.workspace = true`");
    }
    if !inherits_lints(&member.manifest) {
        let fix = "write `[lints]` and below it `workspace = true`";
        complain("[lints", format!("{name} does not take the workspace's lints"), fix);
    }
    findings
}

fn inherits_lints(manifest: &str) -> bool {
    let mut section = "";
    manifest.lines().map(str::trim).any(|line| {
        if line.starts_with('[') {
            section = line;
        }
        let setting: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        (section == "[lints]" && setting == "workspace=true")
            || (section.is_empty() && setting == "lints.workspace=true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(manifest: &str, description: Option<&str>, license: Option<&str>) -> Member {
        Member {
            name: "welkin-x".to_owned(),
            manifest: manifest.to_owned(),
            description: description.map(str::to_owned),
            license: license.map(str::to_owned),
            ..Member::default()
        }
    }

    #[test]
    fn a_complete_manifest_passes() {
        let complete = member("[lints]\nworkspace = true\n", Some("Names of services."), Some("Apache-2.0"));
        assert_eq!(check(&complete), []);
    }

    #[test]
    fn each_omission_is_a_finding() {
        let lines = |member: Member| check(&member).iter().map(|finding| finding.line).collect::<Vec<_>>();
        let manifest = "[package]\ndescription = \"TBD\"\n[lints.rust]\nworkspace = true\n";
        assert_eq!(lines(member(manifest, Some("TBD"), None)), [2, 1, 3]);
        assert_eq!(lines(member("", None, Some("MIT"))).len(), 3);
    }
}
