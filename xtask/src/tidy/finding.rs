//! What a rule reports.

use std::fmt;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Fails the check.
    Error,
    /// Is shown, and fails nothing.
    Warning,
}

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The rule's short name, as an expectation spells it.
    pub(crate) rule: &'static str,
    pub(crate) level: Level,
    /// Relative to the repository root, with forward slashes.
    pub(crate) file: String,
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) fix: String,
}

impl Finding {
    /// A finding that fails the check.
    pub(crate) fn error(rule: &'static str, file: &str, line: usize, what: String, fix: &str) -> Self {
        Self { rule, level: Level::Error, file: file.to_owned(), line, what, fix: fix.to_owned() }
    }

    /// The same finding, as advice.
    pub(crate) fn into_warning(self) -> Self {
        Self { level: Level::Warning, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        writeln!(f, "{}:{}: {level}[{}]: {}", self.file, self.line, self.rule, self.what)?;
        writeln!(f, "    fix: {}", self.fix)
    }
}
