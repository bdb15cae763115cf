//! Arrows between crates point inwards only.

use std::collections::BTreeSet;

use crate::tidy::finding::Finding;
use crate::tidy::rings::{BORDERS, Ring, ring_of};
use crate::tidy::workspace::{Dependency, Member};

pub(super) const RULE: &str = "rings";

pub(super) fn check(members: &[Member]) -> Vec<Finding> {
    let mut findings: Vec<_> = members.iter().flat_map(|member| arrows(member, members)).collect();
    findings.extend(members.iter().flat_map(|member| borders(member, members)));
    findings
}

fn find<'a>(members: &'a [Member], name: &str) -> Option<&'a Member> {
    members.iter().find(|member| member.name == name)
}

/// Checks the arrows that leave a crate.
fn arrows(member: &Member, members: &[Member]) -> Vec<Finding> {
    let Some(ring) = ring_of(member.short_name()) else {
        let what = format!("`{}` is in no ring", member.name);
        let fix = "add it to the table in xtask/src/tidy/rings.rs";
        return vec![Finding::error(RULE, &member.manifest_path, 1, what, fix)];
    };
    let mut findings = Vec::new();
    for dependency in &member.dependencies {
        let Some(target) = find(members, &dependency.name) else { continue };
        let Some(target_ring) = ring_of(target.short_name()) else { continue };
        let of_itself = target.name == member.name;
        if of_itself || is_allowed(ring, target_ring, dependency) {
            continue;
        }
        let what = format!("{} ({ring:?}) depends on {} ({target_ring:?})", member.name, target.name);
        let fix = "turn the arrow round: a trait or plain data in the inner ring, passed in from outside";
        findings.push(Finding::error(
            RULE,
            &member.manifest_path,
            member.dependency_line(dependency),
            what,
            fix,
        ));
    }
    findings
}

fn is_allowed(from: Ring, to: Ring, dependency: &Dependency) -> bool {
    match (from, to) {
        (Ring::Dev, _) => true,
        (_, Ring::Dev) => dependency.kind.as_deref() == Some("dev"),
        _ => to <= from,
    }
}

/// Checks the borders within rings, through normal and build dependencies of any length.
fn borders(member: &Member, members: &[Member]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for border in BORDERS.iter().filter(|border| border.of == member.short_name()) {
        for dependency in
            member.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"))
        {
            let reached = reach(&dependency.name, members);
            let known =
                reached.iter().find(|name| border.forbids.iter().any(|ban| *ban == "*" || ban == *name));
            let Some(known) = known else { continue };
            let what = format!("{} knows `{known}` through {}", member.name, dependency.name);
            let fix = format!("drop the dependency: {}", border.why);
            let line = member.dependency_line(dependency);
            findings.push(Finding::error(RULE, &member.manifest_path, line, what, &fix));
        }
    }
    findings
}

/// The crates of the workspace that a dependency brings in, itself included.
fn reach<'a>(name: &str, members: &'a [Member]) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<_> = find(members, name).into_iter().collect();
    while let Some(member) = open.pop() {
        if reached.insert(member.short_name()) {
            let normal =
                member.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"));
            open.extend(normal.filter_map(|dependency| find(members, &dependency.name)));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, dependencies: &[(&str, Option<&str>)]) -> Member {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind)| Dependency { name: (*name).to_owned(), kind: kind.map(str::to_owned) })
            .collect();
        Member {
            name: name.to_owned(),
            manifest_path: format!("{name}/Cargo.toml"),
            dependencies,
            ..Member::default()
        }
    }

    fn found(members: &[Member]) -> Vec<String> {
        check(members).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn arrows_inwards_and_to_oneself_pass() {
        let members = [
            member("welkin-units", &[("serde", None)]),
            member("welkin-provider", &[("welkin-units", None), ("welkin-provider", Some("dev"))]),
            member("welkin-broker", &[("welkin-provider", None), ("welkin-testkit", Some("dev"))]),
            member("welkin-testkit", &[("welkin-provider", None)]),
        ];
        assert_eq!(found(&members), [""; 0]);
    }

    #[test]
    fn arrows_outwards_fail_whatever_their_kind() {
        for kind in [None, Some("dev"), Some("build")] {
            let members = [member("welkin-job", &[("welkin-broker", kind)]), member("welkin-broker", &[])];
            assert_eq!(found(&members), ["welkin-job (Pure) depends on welkin-broker (Edge)"]);
        }
        let members = [member("welkin-broker", &[("welkin-testkit", None)]), member("welkin-testkit", &[])];
        assert_eq!(found(&members), ["welkin-broker (Edge) depends on welkin-testkit (Dev)"]);
    }

    #[test]
    fn a_crate_without_a_ring_fails() {
        assert_eq!(found(&[member("welkin-new", &[])]), ["`welkin-new` is in no ring"]);
    }

    #[test]
    fn borders_hold_through_a_third_crate() {
        let members = [
            member("welkin-agent", &[("welkin-transfer", None)]),
            member("welkin-transfer", &[("welkin-catalog", None)]),
            member("welkin-catalog", &[]),
            member("welkin-name", &[("welkin-units", None)]),
            member("welkin-units", &[]),
        ];
        let expected = [
            "welkin-agent knows `catalog` through welkin-transfer",
            "welkin-name knows `units` through welkin-units",
        ];
        assert_eq!(found(&members), expected);
    }
}
