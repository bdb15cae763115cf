//! Why nothing ran.

use crate::{OpenError, SealError};
use arrow_schema::ArrowError;
use datafusion::error::DataFusionError;
use std::path::PathBuf;
use welkin_seal::{ContractError, DataKeysError, Name, NoRandomness, Refusal, SnapshotError};

/// Why nothing ran. What is said never has a value of the data in it.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The contract is none.
    #[error("the contract cannot be read")]
    Contract(#[from] ContractError),
    /// It does not hold.
    #[error("the contract does not hold")]
    Refused(#[from] Refusal),
    /// Asked for two contracts, or to run again.
    #[error("{0}")]
    Session(&'static str),
    /// It asks for what is not there.
    #[error("{0}")]
    Unsupported(String),
    /// A folder is no sealed data set.
    #[error("{} is not a sealed data set", .0.display())]
    Folder(PathBuf, #[source] std::io::Error),
    /// Its snapshot.
    #[error("{} has no snapshot that can be used", .0.display())]
    Snapshot(PathBuf, #[source] SnapshotError),
    /// Its keys.
    #[error("{} has no keys that can be used", .0.display())]
    Keys(PathBuf, #[source] DataKeysError),
    /// Keys that somebody else signed.
    #[error("the keys in {} are not signed by their owner, or are those of another data set", .0.display())]
    OtherKeys(PathBuf),
    /// Nobody released a key that opens.
    #[error("no key of `{0}/{1}`, version {2}, was released to this engine for this contract")]
    NoKey(Name, Name, u64),
    /// A file of the data.
    #[error("{}", .0.display())]
    File(PathBuf, #[source] OpenError),
    /// Files of a data set differ.
    #[error("{} has other columns than the files before it", .0.display())]
    Columns(PathBuf),
    /// The text is no query.
    #[error("the query is refused: {0}")]
    Query(String),
    /// The smallest group cannot be vouched for.
    #[error("the query is refused: the contract asks for groups of at least {1} rows, and {0}")]
    Groups(String, u64),
    /// Too large.
    #[error(
        "the query needs more memory than the {} MiB it may take, and {}", .memory >> 20,
        if *.spill { "cannot go on with what was put aside on disk" } else { "has no folder to put anything aside" }
    )]
    Memory {
        /// How much it may take.
        memory: u64,
        /// Could it put something aside?
        spill: bool,
    },
    /// A value stood in the way. Which, nobody outside may know.
    #[error("the query failed: {0}. More is not said outside, since it could tell what is in the data")]
    Failed(&'static str),
    /// The result cannot be sealed.
    #[error("the result cannot be sealed")]
    Result(#[source] SealError),
    /// The result's folder.
    #[error("the result cannot be written to {}", .0.display())]
    Output(PathBuf, #[source] std::io::Error),
    /// The result's columns.
    #[error("two columns of the result are named `{0}`: name them with AS")]
    Twice(String),
    /// No random numbers.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// No evidence.
    #[error("this machine has no evidence to give: {0}")]
    Evidence(String),
}

impl SqlError {
    /// A word for programs and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Contract(_) => "no-contract",
            Self::Refused(refusal) => refusal.code(),
            Self::Session(_) => "other-session",
            Self::Unsupported(_) => "unsupported",
            Self::Folder(..) | Self::Snapshot(..) => "no-data",
            Self::Keys(..) | Self::OtherKeys(_) => "bad-keys",
            Self::NoKey(..) => "no-key",
            Self::File(_, OpenError::Check(_)) => "not-sealed",
            Self::File(..) | Self::Columns(_) => "changed-file",
            Self::Query(_) | Self::Twice(_) => "no-query",
            Self::Groups(..) => "small-groups",
            Self::Memory { .. } => "memory",
            Self::Failed(_) => "failed",
            Self::Result(_) | Self::Output(..) => "no-result",
            Self::Random(_) => "no-randomness",
            Self::Evidence(_) => "no-evidence",
        }
    }
}

/// What may be said of an error that happened among the data.
pub(super) fn kind(error: &DataFusionError) -> &'static str {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => MEMORY,
        DataFusionError::ArrowError(error, _) => arrow(error),
        DataFusionError::ParquetError(_) => "a sealed file cannot be read: it was changed meanwhile",
        DataFusionError::IoError(_) => "a file cannot be read or written",
        DataFusionError::NotImplemented(_) => "the engine cannot do what it asks for",
        DataFusionError::Execution(_) => "a function was given what it does not take",
        DataFusionError::External(_) => "what was put aside on disk cannot be used: it was changed",
        _ => "an error of the engine",
    }
}

/// The kind that is told with the limit.
pub(super) const MEMORY: &str = "not enough memory";

fn arrow(error: &ArrowError) -> &'static str {
    match error {
        ArrowError::CastError(_) | ArrowError::ParseError(_) => {
            "a value is not of the type it is turned into"
        }
        ArrowError::DivideByZero => "a division by zero",
        ArrowError::ArithmeticOverflow(_) => "a number became too large for its type",
        ArrowError::MemoryError(_) => MEMORY,
        _ => "a computation failed",
    }
}
