//! Tables for people, JSON for programs.

use clap::ValueEnum;
use serde::Deserialize;

/// How a result is written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For programs, with a versioned schema.
    Json,
}
