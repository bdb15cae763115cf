//! A mistake in a job file, with its place.

use crate::codes::Code;
use serde::Serialize;
use std::fmt;

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The job is refused.
    Error,
    /// The job is accepted; something deserves a look.
    Warning,
}

/// Another place that belongs to a diagnostic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// What is there.
    pub label: String,
}

/// One mistake or remark, with its place in the file.
///
/// Nothing in it ever holds the value of a secret: the source line is masked where it would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What kind of mistake.
    pub code: Code,
    /// Whether the job is refused.
    pub severity: Severity,
    /// File name as the caller gave it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Length in characters on that line, at least 1.
    pub length: u32,
    /// The offending text, cut to a bounded length; empty where it is secret or there is none.
    pub text: String,
    /// What is wrong.
    pub message: String,
    /// What would be right, when that is short to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Other places that belong to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// The line of the file, cut and with secrets masked.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_line: String,
}

/// Everything that made a job file unacceptable, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostics {
    /// Errors and warnings, at least one error; of each at most [`crate::limits::MAX_DIAGNOSTICS`].
    pub items: Vec<Diagnostic>,
    /// How many more there were.
    pub omitted: usize,
}

impl Diagnostics {
    /// The errors among the items.
    pub fn errors(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter().filter(|item| item.severity == Severity::Error)
    }
}

/// All diagnostics as plain text; see [`crate::render`].
impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::render::render_all(self))
    }
}

impl std::error::Error for Diagnostics {}
