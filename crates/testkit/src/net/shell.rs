//! Calls of `ip` and `tc`.

use std::io;
use std::process::{Command, Stdio};

use thiserror::Error;

/// Something about the network could not be set up or changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NetError {
    /// A program could not be started.
    #[error("cannot run `{line}`")]
    Start {
        /// What was to run.
        line: String,
        /// Why it did not.
        #[source]
        source: io::Error,
    },
    /// A program said no.
    #[error("`{line}` failed: {said}")]
    Failed {
        /// What ran.
        line: String,
        /// Its standard error.
        said: String,
    },
    /// A system call said no.
    #[error("cannot {what}")]
    System {
        /// What was to be done.
        what: String,
        /// Why it was not.
        #[source]
        source: io::Error,
    },
}

impl NetError {
    pub(super) fn system(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::System { what: what.into(), source: source.into() }
    }
}

/// Runs a line, split at its spaces; its output.
pub(super) fn run(line: &str) -> Result<String, NetError> {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    let output = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| NetError::Start { line: line.to_owned(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(NetError::Failed { line: line.to_owned(), said })
}
