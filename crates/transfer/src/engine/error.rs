//! Why a transfer ends before its end.

use crate::journal::JournalError;
use thiserror::Error;
use welkin_store::Failure;

/// Why a transfer ended before its end. Everything that arrived is on record, and it can go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EngineError {
    /// A listing failed.
    #[error(transparent)]
    Listing(Failure),
    /// A failure that every further call would share.
    #[error(transparent)]
    Fatal(Failure),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// One end lies in the other, and what is asked for would spoil something because of it. Nothing was moved.
    #[error("{from} and {to} overlap: {what}")]
    Overlapping {
        /// The source.
        from: String,
        /// The target.
        to: String,
        /// How.
        what: String,
        /// What leads from the outer to the inner: `a/b/`, or nothing where they are one place.
        way: String,
    },
    /// The source has no object at all, and whoever asked did not say that it may be so.
    #[error("nothing was found at the source, and the target has {there} objects that would all be removed")]
    NothingFound {
        /// Objects at the target.
        there: u64,
    },
    /// More would be removed than is allowed.
    #[error(
        "{surplus} of {there} objects at the target are not at the source, and at most {most} may be removed"
    )]
    Guarded {
        /// Objects that would be removed.
        surplus: u64,
        /// Objects at the target.
        there: u64,
        /// The bound.
        most: u64,
    },
}
