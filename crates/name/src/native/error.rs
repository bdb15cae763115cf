//! What can go wrong between a name and a native id.

use crate::{Name, ParseError};

/// Why a native id is not a name, or a name not a native id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NativeError {
    /// The text is not an id of that system.
    #[error("`{id}` is no {system}: expected {expected}")]
    Syntax {
        /// What the ids are called.
        system: &'static str,
        /// The text, cut to a line.
        id: String,
        /// What was expected.
        expected: &'static str,
    },
    /// A sound id of a resource type that has no kind here.
    #[error("{system} of type `{resource}` has no kind of name")]
    Unsupported {
        /// What the ids are called.
        system: &'static str,
        /// The type of the resource.
        resource: String,
    },
    /// A name that such an id cannot express.
    #[error("`{name}` has no {system}: {why}")]
    Inexpressible {
        /// What the ids are called.
        system: &'static str,
        /// The name.
        name: Box<Name>,
        /// What stands in the way.
        why: &'static str,
    },
    /// The id is sound, but a part of it may not stand in a name.
    #[error("the {system} makes no name")]
    Name {
        /// What the ids are called.
        system: &'static str,
        /// What is wrong with the name.
        #[source]
        source: ParseError,
    },
}

/// Longest id that an error repeats, in bytes.
const EXCERPT_MAX: usize = 120;

impl NativeError {
    /// A stable code for programs and for the conformance suite.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "native_syntax",
            Self::Unsupported { .. } => "native_unsupported",
            Self::Inexpressible { .. } => "native_inexpressible",
            Self::Name { .. } => "native_name",
        }
    }

    #[cold]
    pub(super) fn syntax(system: &'static str, id: &str, expected: &'static str) -> Self {
        Self::Syntax { system, id: id.escape_debug().take(EXCERPT_MAX).collect(), expected }
    }

    #[cold]
    pub(super) fn unsupported(system: &'static str, resource: &str) -> Self {
        Self::Unsupported { system, resource: resource.escape_debug().take(EXCERPT_MAX).collect() }
    }

    #[cold]
    pub(super) fn inexpressible(system: &'static str, name: &Name, why: &'static str) -> Self {
        Self::Inexpressible { system, name: Box::new(name.clone()), why }
    }
}
