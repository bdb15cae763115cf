//! Which rules there are, and what each looks at.

use std::fmt::Write;

use anyhow::Result;

use super::{
    claims, closure, clouds, facade, manifest, names, purity, rings, size, sleep, traces, unfinished,
};
use crate::tidy::finding::Finding;
use crate::tidy::source::Source;
use crate::tidy::workspace::{TextFile, Workspace};

const RULES: &[(&str, &str)] = &[
    (rings::RULE, "crates depend inwards only, and keep the borders within a ring"),
    (closure::RULE, "banned packages stay out of the closure of normal dependencies"),
    (manifest::RULE, "each crate has a description, the licence and the workspace's lints"),
    (
        purity::RULE,
        "pure crates touch no file, network, environment, process, clock or thread; the façade no environment or terminal",
    ),
    (names::RULE, "no util, common, helpers, misc; no Manager, Helper, Processor"),
    (unfinished::RULE, "no todo!, unimplemented!, dbg! or #[ignore]"),
    (sleep::RULE, "tests wait for events or for virtual time, never for real time"),
    (size::RULE, "files and functions stay within their budgets"),
    (facade::RULE, "lib.rs and mod.rs hold docs, modules and re-exports (warning)"),
    (clouds::RULE, "no branch on a cloud's name outside its adapter and its data"),
    (traces::RULE, "no machine paths, registry hosts or personal e-mail addresses"),
    (claims::RULE, "tests that documents name as proof exist"),
];

/// A line for each rule.
pub(crate) fn rule_list() -> String {
    let mut list = String::new();
    for (name, what) in RULES {
        let _ = writeln!(list, "{name:12} {what}");
    }
    list
}

/// The rules about crates and their dependencies.
pub(in crate::tidy) fn of_crates(workspace: &Workspace) -> Result<Vec<Finding>> {
    let mut findings = rings::check(&workspace.members);
    findings.extend(workspace.members.iter().flat_map(manifest::check));
    for member in workspace.members.iter().filter(|member| closure::concerns(member)) {
        let nodes = crate::tidy::tree::closure(&workspace.root, &member.name)?;
        findings.extend(closure::check(member, &nodes));
    }
    Ok(findings)
}

/// The rules about one Rust file.
pub(in crate::tidy) fn of_source(workspace: &Workspace, source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(reach) = purity::concerns(&workspace.members, source) {
        findings.extend(purity::check(source, reach));
    }
    findings.extend(names::check(source));
    findings.extend(unfinished::check(source));
    findings.extend(sleep::check(source));
    findings.extend(size::check(source));
    findings.extend(facade::check(source));
    findings.extend(clouds::check(source));
    findings
}

/// The rules about any text.
pub(in crate::tidy) fn of_text(file: &TextFile, tests: &claims::Tests<'_>) -> Vec<Finding> {
    let mut findings = traces::check(file);
    findings.extend(claims::check(file, tests));
    findings
}
