//! What can go wrong with a transfer, by meaning.

use std::io;
use std::path::PathBuf;
use thiserror::Error;
use welkin_store::Failure;

/// A failed transfer. Nothing was committed unless the message says so.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TransferError {
    /// A prefix is no place in a store.
    #[error("prefix {prefix:?} is not valid")]
    InvalidPrefix {
        /// The prefix as given.
        prefix: String,
    },
    /// What is to be published is not there.
    #[error("{path} does not exist")]
    SourceMissing {
        /// The path.
        path: PathBuf,
    },
    /// A file was written to while it was being read.
    #[error("{path} changed while it was read")]
    SourceChanged {
        /// The file.
        path: PathBuf,
    },
    /// Something in a folder cannot be part of a tree.
    #[error("{path} cannot be published: {reason}")]
    SourceRefused {
        /// The path.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A folder holds more than a manifest may list.
    #[error("{path} holds more than {limit} entries")]
    SourceTooLarge {
        /// The folder.
        path: PathBuf,
        /// The limit.
        limit: usize,
    },
    /// A local file or folder could not be read or written.
    #[error("cannot {operation} {path}")]
    Local {
        /// What was tried.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A store refused or failed.
    #[error(transparent)]
    Store(#[from] Failure),
    /// The engine could not move a file; it may do so later.
    #[error("{reason}")]
    Engine {
        /// What it said.
        reason: String,
    },
    /// There is no committed tree under the prefix.
    #[error("nothing is published under {prefix}")]
    NotPublished {
        /// The prefix.
        prefix: String,
    },
    /// The tree under the prefix is not the one asked for.
    #[error("the tree under {prefix} has digest {found}, expected {expected}")]
    WrongTree {
        /// The prefix.
        prefix: String,
        /// The digest asked for.
        expected: String,
        /// The digest found.
        found: String,
    },
    /// A manifest is torn, hostile or of another version.
    #[error("the manifest under {prefix} is refused: {reason}")]
    BadManifest {
        /// The prefix.
        prefix: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of a committed tree is missing from its store.
    #[error("object {object} is missing")]
    Missing {
        /// The object.
        object: String,
    },
    /// A file of a committed tree has another length than its manifest says.
    #[error("object {object} has {found} bytes or more, expected {expected}")]
    WrongSize {
        /// The object.
        object: String,
        /// Bytes expected.
        expected: u64,
        /// Bytes seen before reading was given up.
        found: u64,
    },
    /// A file of a committed tree has other content than its manifest says.
    #[error("object {object} has hash {found}, expected {expected}")]
    Corrupt {
        /// The object.
        object: String,
        /// Hash expected.
        expected: String,
        /// Hash found.
        found: String,
    },
    /// Something else is where a tree was to be delivered.
    #[error("{path} holds what was not put there by this delivery, and is left as it is")]
    Occupied {
        /// The place.
        path: PathBuf,
    },
    /// The place to fetch to cannot be replaced.
    #[error("cannot fetch to {path}: {reason}")]
    BadDestination {
        /// The place.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
}

impl TransferError {
    /// The error with every cause behind it, on one line.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    pub(crate) fn local(operation: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Local { operation, path: path.into(), source }
    }
}
