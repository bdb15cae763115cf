//! How several engines run one query: each plans all of it, runs its part, and hands the others what they need of it.
//!
//! No plan passes between engines. Each has the signed text and the signed snapshots, and makes the same physical plan of them; before
//! a row is read they compare its digest ([`links`]). Then every partition of every step is one engine's ([`owners`]), and where
//! a step needs rows of another's partitions there is an exchange ([`node`]): rows go there in sealed frames ([`links`]), and wait in
//! memory that counts as the query's, or sealed on disk ([`inbox`]), until the step asks for them. Whoever receives never keeps a sender waiting for
//! another exchange, so that no two of them can wait for each other. The first engine has the end of the plan, and seals the result.
//!
//! Where one engine fails, ends or is not understood, all end with an error. Nothing is tried again.
//!
//! *Rejected:* plans that are handed out (somebody would have to check that they are the query that was signed), and exchanges that hold senders
//! back (a join that reads one side first would wait for a sender that waits to be read on the other).

mod batches;
mod drive;
mod inbox;
mod links;
mod node;
mod owners;
mod scalars;

pub(crate) use drive::{Drive, Setting, Undriven};
pub(crate) use links::{Links, Meeting, Met};

/// Why an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// It ended, or cannot be reached.
    #[error("another engine of the group ended before the query did")]
    Gone,
    /// What came was not what the peer sealed, or not in that order.
    #[error("what another engine of the group said was changed on the way")]
    Changed,
    /// It planned something else.
    #[error("another engine of the group planned the query otherwise")]
    Plan,
    /// What was put aside on disk.
    #[error("what was put aside on disk cannot be used: it was changed")]
    Aside,
}
