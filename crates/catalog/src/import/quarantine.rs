//! What an importer does not trust, and why.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Most entries that a file keeps in full; further ones are only counted. A file in which every row
/// is wrong then costs some 2 MiB.
pub const MAX_KEPT: usize = 10_000;

/// Longest excerpt of a row that is kept, in bytes.
const MAX_TEXT: usize = 160;

/// Why a row or a value was set aside. The names are stable: `welkin catalog check` prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Quotes are not closed, or the line is too long.
    MalformedRow,
    /// More or fewer fields than the header has.
    WrongFieldCount,
    /// Not UTF-8.
    BadUtf8,
    /// A number was expected.
    NotANumber,
    /// A number below zero, or hardware of an absurd size.
    OutOfRange,
    /// A field that every row needs is empty.
    MissingField,
    /// A name that could be taken for a path: places name buckets and folders.
    UnsafeName,
    /// Neither an on-demand nor a spot price.
    MissingPrice,
    /// An on-demand price of zero.
    ZeroPrice,
    /// A spot price of zero, which some lists write for "none".
    ZeroSpot,
    /// A price no machine has.
    AbsurdPrice,
    /// A price far from that of the same machine in other regions.
    ImplausiblePrice,
    /// A price that stands for "not known": the same for many counts of one accelerator.
    Placeholder,
    /// Spot dearer than on demand.
    SpotAboveOnDemand,
    /// Said twice.
    Duplicate,
    /// Said twice with different prices; the cheaper is set aside.
    ConflictingDuplicate,
    /// A machine that always carries an accelerator whose price is not in the list.
    NoAcceleratorPrice,
    /// An accelerator with no machine to carry it.
    NoHost,
    /// A shape that is listed but cannot be ordered.
    NotForSale,
    /// More regions, accelerators or pairs of host and accelerator than any real list has.
    TooMany,
}

impl Reason {
    /// The reason as a word of lower-case letters and underscores.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::MalformedRow => "malformed_row",
            Self::WrongFieldCount => "wrong_field_count",
            Self::BadUtf8 => "bad_utf8",
            Self::NotANumber => "not_a_number",
            Self::OutOfRange => "out_of_range",
            Self::MissingField => "missing_field",
            Self::UnsafeName => "unsafe_name",
            Self::MissingPrice => "missing_price",
            Self::ZeroPrice => "zero_price",
            Self::ZeroSpot => "zero_spot",
            Self::AbsurdPrice => "absurd_price",
            Self::ImplausiblePrice => "implausible_price",
            Self::Placeholder => "placeholder",
            Self::SpotAboveOnDemand => "spot_above_on_demand",
            Self::Duplicate => "duplicate",
            Self::ConflictingDuplicate => "conflicting_duplicate",
            Self::NoAcceleratorPrice => "no_accelerator_price",
            Self::NoHost => "no_host",
            Self::NotForSale => "not_for_sale",
            Self::TooMany => "too_many",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// How much of a row was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The row is not in the catalog.
    Row,
    /// The row is in the catalog without this value.
    Value,
}

/// One thing that was set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// File, as the origin names it.
    pub file: String,
    /// Line, from 1; the accelerator's line for a composed offer.
    pub line: u32,
    /// Name of the column; empty when it is the row as a whole.
    pub column: &'static str,
    /// Why.
    pub reason: Reason,
    /// How much.
    pub scope: Scope,
    /// The offending text, shortened.
    pub text: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A complaint about one line, before the file's name is put to it.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) line: u32,
    pub(super) column: &'static str,
    pub(super) reason: Reason,
    pub(super) scope: Scope,
    pub(super) text: String,
    pub(super) message: String,
}

impl Complaint {
    /// About the row at `line` as a whole.
    pub(super) fn row(line: u32, reason: Reason, text: &str, message: impl Into<String>) -> Self {
        let (column, scope) = ("", Scope::Row);
        Self { line, column, reason, scope, text: shorten(text), message: message.into() }
    }

    /// The same about one column.
    pub(super) fn in_column(self, column: &'static str) -> Self {
        Self { column, ..self }
    }

    /// The same, but the row stays.
    pub(super) fn value_only(self) -> Self {
        Self { scope: Scope::Value, ..self }
    }
}

/// The complaints of one file: all counted, the first [`MAX_KEPT`] kept.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    pub(super) file: String,
    pub(super) kept: Vec<Quarantined>,
    pub(super) counts: BTreeMap<Reason, u32>,
}

impl Quarantine {
    pub(super) fn add(&mut self, complaint: Complaint) {
        *self.counts.entry(complaint.reason).or_default() += 1;
        if self.kept.len() < MAX_KEPT {
            let Complaint { line, column, reason, scope, text, message } = complaint;
            self.kept.push(Quarantined {
                file: self.file.clone(),
                line,
                column,
                reason,
                scope,
                text,
                message,
            });
        }
    }
}

fn shorten(text: &str) -> String {
    if text.len() <= MAX_TEXT {
        return text.to_owned();
    }
    let end = (0..=MAX_TEXT).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &text[..end])
}
