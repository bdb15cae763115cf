//! Exit codes. They are part of the interface: scripts branch on them, so a number never changes its
//! meaning.

use std::process::ExitCode;

macro_rules! exits {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// How the program ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Exit {
            $($(#[doc = $doc])+ $name = $code,)+
        }

        impl Exit {
            /// Every exit code with its meaning, for `welkin explain exit-codes`.
            pub(crate) const TABLE: &'static [(u8, &'static str)] = &[$(($code, concat!($($doc),+)),)+];
        }
    };
}

exits! {
    /// Everything asked for was done.
    Success = 0,
    /// Something failed that no other code describes.
    Failure = 1,
    /// The command line is not valid.
    Usage = 2,
    /// The job file, plan file or price list is not valid.
    Invalid = 3,
    /// No offer, or no combination of offers, keeps the conditions.
    Infeasible = 4,
    /// A question was answered with no.
    Declined = 5,
    /// The run failed.
    RunFailed = 6,
    /// The run was cancelled.
    RunCancelled = 7,
    /// Another broker holds the state directory.
    InUse = 8,
    /// What was named does not exist.
    NotFound = 9,
    /// Something costing money may be left; `welkin gc` tries again.
    Unsettled = 10,
    /// The network or a server failed.
    Network = 11,
    /// Two plans differ.
    Different = 12,
    /// Some objects could not be moved, or are not what their manifest says; the others are.
    Incomplete = 13,
    /// The transfer was stopped; the same command goes on with it.
    Stopped = 14,
    /// The records of some runs cannot be read; what was said or done is about the others.
    Unreadable = 15,
    /// Evidence, a contract or sealed data was refused.
    Refused = 16,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
