//! The closure of a crate's normal dependencies, from `cargo tree`.
//!
//! `cargo metadata` would need no second call, but joins the features that all crates of the
//! workspace ask for; here only what the crate itself brings in counts. Procedural macros run in the
//! compiler and are left out.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// A package in the closure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) features: BTreeSet<String>,
    /// The names from the crate itself to this package.
    pub(super) path: Vec<String>,
}

pub(super) fn closure(root: &Path, package: &str) -> Result<Vec<Node>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(root)
        .args([
            "tree",
            "--edges=normal,no-proc-macro",
            "--prefix=depth",
            "--format={p}|{f}",
            "--package",
            package,
        ])
        .output()
        .context("starting `cargo tree`")?;
    ensure!(
        output.status.success(),
        "`cargo tree -p {package}`: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    parse(&String::from_utf8_lossy(&output.stdout)).with_context(|| format!("`cargo tree -p {package}`"))
}

/// Reads lines such as `2rand v0.9.1|std,os_rng (*)`.
fn parse(text: &str) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    let mut path: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let unread = || format!("unexpected line: {line}");
        let digits = line.find(|c: char| !c.is_ascii_digit()).with_context(unread)?;
        let depth: usize = line[..digits].parse().with_context(unread)?;
        let (package, features) = line[digits..].split_once('|').with_context(unread)?;
        let name = package.split(' ').next().with_context(unread)?;
        path.truncate(depth);
        path.push(name.to_owned());
        let features = features.trim_end_matches(" (*)").split(',').filter(|feature| !feature.is_empty());
        nodes.push(Node {
            name: name.to_owned(),
            features: features.map(str::to_owned).collect(),
            path: path.clone(),
        });
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_gives_the_path() {
        let nodes = parse("0a v0.1.0 (/x)|\n1b v1.0.0|std\n2c v1.0.0|os,std (*)\n1d v2.0.0|\n").unwrap();
        let paths: Vec<_> = nodes.iter().map(|node| node.path.join(" ")).collect();
        assert_eq!(paths, ["a", "a b", "a b c", "a d"]);
        assert_eq!(nodes[2].features.iter().collect::<Vec<_>>(), ["os", "std"]);
        assert!(parse("no depth|").is_err());
    }
}
