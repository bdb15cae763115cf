//! Why text is no StableHLO that can be planned.

use crate::model::{MOST_MODEL_BYTES, ModelError};

/// Why a file of StableHLO cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum StableHloError {
    /// It is too large.
    #[error("the file has {bytes} bytes; a model has at most {MOST_MODEL_BYTES}")]
    TooLarge {
        /// How many it has.
        bytes: u64,
    },
    /// MLIR's binary form.
    #[error(
        "the file is MLIR bytecode; write its text instead: `as_text()` of a lowered function, or `mlir_module()` of an exported one"
    )]
    Bytecode,
    /// No text.
    #[error("the file is not UTF-8 text, from byte {0} on")]
    NotText(usize),
    /// Something in it cannot be.
    #[error("line {line}: {what}")]
    Wrong {
        /// Counted from 1.
        line: usize,
        /// What.
        what: String,
    },
    /// It has no function that could be the step.
    #[error("the file has no function with a body, so it is not StableHLO text")]
    NoFunction,
    /// What was said of its arguments does not fit.
    #[error("{0}")]
    State(String),
    /// What it says is no model.
    #[error("the graph that the text describes is not one")]
    Graph(#[source] ModelError),
}

/// What is wrong, and the byte at which it is.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) at: usize,
    pub(super) what: String,
}

impl Wrong {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into() }
    }

    /// With its line.
    pub(super) fn of(self, text: &str) -> StableHloError {
        let before = &text.as_bytes()[..self.at.min(text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        StableHloError::Wrong { line, what: self.what }
    }
}

/// A piece of somebody's text for a message.
pub(super) fn quoted(text: &str) -> String {
    text.chars().take(60).filter(|letter| !letter.is_control()).collect()
}
