//! Why nothing ran.

use crate::exchange::ExchangeError;
use crate::{OpenError, SealError};
use std::path::PathBuf;
use welkin_boost::RecipeError;
use welkin_seal::{ContractError, DataKeysError, Name, NoRandomness, Refusal, SnapshotError};

/// Why nothing ran. What is said never has a value of the data in it.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
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
    /// It cannot be trained obliviously.
    #[error("the recipe is refused: the contract asks for an oblivious run, and {0}")]
    TrainedInSight(String),
    /// Noise would not hide everybody in its trees.
    #[error("the recipe is refused: the contract asks for differential privacy, and {0}")]
    TrainedInTheOpen(String),
    /// It cannot be run obliviously.
    #[error("the query is refused: the contract asks for an oblivious run, and there is none of {0}")]
    Oblivious(String),
    /// Noise would not hide everybody.
    #[error("the query is refused: the contract asks for differential privacy, and {0}")]
    Private(String),
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
    /// The text is no recipe.
    #[error("the recipe is refused")]
    Recipe(#[from] RecipeError),
    /// It does not fit to the data that the contract names, or to itself.
    #[error("the recipe is refused: {0}")]
    Unfit(String),
    /// A column that cannot be used.
    #[error("the column `{column}` of {table} {what}")]
    Column {
        /// Owner, name and version.
        table: String,
        /// Its name.
        column: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// More rows than memory.
    #[error("the rows take {} MiB, and the run may take {}", .needs.div_ceil(1 << 20), .memory >> 20)]
    Rows {
        /// How much they take at least.
        needs: u64,
        /// How much it may take.
        memory: u64,
    },
    /// A value stood in the way. Which, nobody outside may know.
    #[error("no model was trained: {0}. More is not said outside, since it could tell what is in the data")]
    Untrained(&'static str),
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
    /// The engines that run it together are not those that the contract names, or not those that owners judged.
    #[error("{0}")]
    Group(String),
    /// The folder in which engines find each other.
    #[error("engines cannot meet in {}", .0.display())]
    Meeting(PathBuf, #[source] std::io::Error),
    /// Another engine.
    #[error("the query was run by several engines together, and that ended")]
    Peer(#[source] ExchangeError),
    /// No evidence.
    #[error("this machine has no evidence to give: {0}")]
    Evidence(String),
}

impl EngineError {
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
            Self::Oblivious(_) | Self::TrainedInSight(_) => "not-oblivious",
            Self::Private(_) | Self::TrainedInTheOpen(_) => "not-private",
            Self::Recipe(_) | Self::Unfit(_) => "no-recipe",
            Self::Column { .. } => "no-column",
            Self::Memory { .. } | Self::Rows { .. } => "memory",
            Self::Failed(_) | Self::Untrained(_) => "failed",
            Self::Result(_) | Self::Output(..) => "no-result",
            Self::Random(_) => "no-randomness",
            Self::Group(_) => "bad-group",
            Self::Meeting(..) => "no-meeting",
            Self::Peer(ExchangeError::Plan) => "other-plan",
            Self::Peer(_) => "peer",
            Self::Evidence(_) => "no-evidence",
        }
    }
}
