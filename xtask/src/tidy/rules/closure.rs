//! Banned packages, wherever in the closure they hide.

use std::collections::BTreeSet;

use crate::tidy::finding::Finding;
use crate::tidy::rings::{ALONG, BANS, Ban, Banned, Holder, ring_of};
use crate::tidy::tree::Node;
use crate::tidy::workspace::{Dependency, Member};

pub(super) const RULE: &str = "closure";

/// Is any ban about this crate?
pub(super) fn concerns(member: &Member) -> bool {
    bans(member).next().is_some()
}

pub(super) fn check(member: &Member, closure: &[Node]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut banned: BTreeSet<&str> = BTreeSet::new();
    for node in closure {
        if comes_along(member, node) {
            continue;
        }
        let Some(ban) = bans(member).find(|ban| ban.packages.iter().any(|banned| matches(banned, node)))
        else {
            continue;
        };
        // Once is enough, and what a banned package brings along goes when it goes.
        let known = node.path.iter().any(|name| banned.contains(name.as_str()));
        banned.insert(&node.name);
        if known {
            continue;
        }
        let direct = node.path.get(1).unwrap_or(&node.name).clone();
        let line = member.dependency_line(&Dependency { name: direct, kind: None });
        let what = format!("banned package in {}: {}", member.name, node.path[1..].join(" → "));
        findings.push(Finding::error(RULE, &member.manifest_path, line, what, ban.why));
    }
    findings
}

fn comes_along(member: &Member, node: &Node) -> bool {
    ALONG.iter().any(|along| {
        along.of == member.short_name()
            && along.package == node.name
            && node.path.get(1).is_some_and(|direct| direct == along.with)
    })
}

fn bans(member: &Member) -> impl Iterator<Item = &'static Ban> {
    let name = member.short_name().to_owned();
    let ring = ring_of(&name);
    BANS.iter().filter(move |ban| match ban.of {
        Holder::Ring(of) => ring == Some(of),
        Holder::Crate(of) => name == of,
    })
}

fn matches(banned: &Banned, node: &Node) -> bool {
    match banned {
        Banned::Package(name) => node.name == *name,
        Banned::Feature(name, feature) => node.name == *name && node.features.contains(*feature),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(path: &[&str], features: &[&str]) -> Node {
        Node {
            name: (*path.last().unwrap()).to_owned(),
            features: features.iter().map(|feature| (*feature).to_owned()).collect(),
            path: path.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn found(name: &str, closure: &[Node]) -> Vec<String> {
        let member = Member { name: name.to_owned(), ..Member::default() };
        check(&member, closure).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_comes_along_with_a_named_dependency_is_allowed_and_reached_otherwise_it_is_not() {
        let along = [node(&["welkin-seal"], &[]), node(&["welkin-seal", "ring", "getrandom"], &[])];
        assert_eq!(found("welkin-seal", &along), [""; 0]);
        let direct = [node(&["welkin-seal"], &[]), node(&["welkin-seal", "getrandom"], &[])];
        assert_eq!(found("welkin-seal", &direct).len(), 1);
    }

    #[test]
    fn a_banned_package_is_shown_once_with_its_path_and_without_its_own_dependencies() {
        let closure = [
            node(&["welkin-job"], &[]),
            node(&["welkin-job", "yaml", "rand"], &["std"]),
            node(&["welkin-job", "yaml", "rand", "getrandom"], &[]),
            node(&["welkin-job", "other", "more", "rand"], &["std"]),
            node(&["welkin-job", "serde"], &["std"]),
        ];
        assert_eq!(found("welkin-job", &closure), ["banned package in welkin-job: yaml → rand"]);
        assert_eq!(found("welkin-clouds", &closure), [""; 0]);
    }

    #[test]
    fn a_package_may_be_banned_with_a_feature_only() {
        assert_eq!(found("welkin-job", &[node(&["welkin-job", "chrono"], &["alloc"])]), [""; 0]);
        assert_eq!(found("welkin-job", &[node(&["welkin-job", "chrono"], &["now"])]).len(), 1);
    }

    #[test]
    fn a_crate_can_have_bans_of_its_own() {
        assert_eq!(found("welkin-broker", &[node(&["welkin-broker", "clap"], &[])]).len(), 1);
        assert_eq!(found("welkin-broker", &[node(&["welkin-broker", "tokio"], &[])]), [""; 0]);
    }
}
