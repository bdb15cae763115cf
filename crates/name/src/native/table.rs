//! What the tables of resource types have in common.

use std::borrow::Cow;

use super::NativeError;
use crate::{Builder, Name};

/// An offering in a table: the id does not tell which product it is an instance of.
pub(super) const ANY: &str = "-";

/// Whether a name is one of a table row's. A name with `-` as offering fits only a row that takes any:
/// which of a provider's databases is meant is not guessed at.
pub(super) fn fits(name: &Name, kind: &str, offering: &str) -> bool {
    name.kind_path() == kind && (offering == ANY || name.offering() == offering)
}

/// The instance part of a name, which every native id needs.
pub(super) fn instance<'n>(system: &'static str, name: &'n Name) -> Result<Cow<'n, str>, NativeError> {
    name.instance()
        .ok_or_else(|| NativeError::inexpressible(system, name, "it names an offering and no instance"))
}

/// Builds the name of a sound id.
pub(super) fn build(system: &'static str, builder: &Builder) -> Result<Name, NativeError> {
    builder.build().map_err(|source| NativeError::Name { system, source })
}

/// Whether `text` is a word of an id: not empty and without characters that separate, match or hide.
pub(super) fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "*?#".contains(c))
}
