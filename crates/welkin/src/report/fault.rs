//! A failure that has a code.

use super::Code;
use serde::Serialize;
use serde_json::Value;
use std::fmt;

/// A failure with a stable code, and what to do about it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(super) code: Code,
    message: String,
    pub(super) hint: Option<String>,
    /// Whether the message is complete as it stands, with places and codes of its own.
    pub(super) verbatim: bool,
    /// What programs may want to know besides.
    pub(super) details: Option<Value>,
}

impl Fault {
    /// A failure in the user's words.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, verbatim: false, details: None }
    }

    /// What to do about it.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Adds what programs may want to know besides: it is shown in JSON only.
    pub(crate) fn details(self, details: &impl Serialize) -> Self {
        Self { details: serde_json::to_value(details).ok(), ..self }
    }

    /// Why it was refused, in the word that programs get.
    pub(crate) fn refused(&self) -> Option<&str> {
        self.details.as_ref()?.get("refused")?.as_str()
    }

    /// Marks the message as complete: it is shown without a prefix.
    pub(crate) fn verbatim(self) -> Self {
        Self { verbatim: true, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
