//! Running the rules, and what they found.

use std::fmt;

use anyhow::Result;

use super::expectation;
use super::finding::{Finding, Level};
use super::rules;
use super::workspace::Workspace;

/// All findings, by file and line.
#[derive(Debug)]
pub(crate) struct Report {
    findings: Vec<Finding>,
    files: usize,
}

/// Checks the workspace that the current folder belongs to.
pub(crate) fn run() -> Result<Report> {
    let workspace = Workspace::read()?;
    let mut findings = rules::of_crates(&workspace)?;
    for source in &workspace.sources {
        findings.extend(expectation::settle(source, rules::of_source(&workspace, source)));
    }
    let tests = rules::Tests::of(&workspace.sources);
    for file in &workspace.texts {
        findings.extend(rules::of_text(file, &tests));
    }
    findings.sort_by(|a, b| (&a.file, a.line, a.rule).cmp(&(&b.file, b.line, b.rule)));
    Ok(Report { findings, files: workspace.texts.len() })
}

impl Report {
    /// How many findings fail the check.
    pub(crate) fn errors(&self) -> usize {
        self.findings.iter().filter(|finding| finding.level == Level::Error).count()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            write!(f, "{finding}")?;
        }
        let errors = self.errors();
        let warnings = self.findings.len() - errors;
        writeln!(f, "tidy: {} files, {errors} errors, {warnings} warnings", self.files)
    }
}
