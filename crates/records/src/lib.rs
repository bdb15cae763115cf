//! What is put on record about runs, and the port to whatever keeps it.
//!
//! * [`Record`]: one fact of a run's history; [`RunId`], [`AttemptId`] and the states that follow from it;
//! * [`Write`]: changes that are made together or not at all;
//! * [`Records`]: the port. [`Memory`] keeps records for tests, `welkin-sqlite` and `welkin-postgres` in databases;
//! * [`Project`]: who shares a budget and quotas, and [`Use`], by which it is judged whether there is enough left;
//! * [`Peers`]: what brokers agree about that share one store;
//! * `conformance` (a feature): the suite that every implementation passes.
//!
//! *How it is cut.* A write is data and no closure over a connection, so that writes of many runs can wait
//! together and be committed in one transaction by anything that has transactions. A look is one question
//! that has one answer, so that a server over a network can give it in one round trip.
//!
//! *Rejected:* a port of tables and rows (every implementation would have the schema of the first), and one
//! of keys and values (sums and lists would have to be computed from everything there is).

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod id;
mod memory;
mod output;
mod peers;
mod port;
mod projects;
mod record;
mod rows;
mod state;
mod write;

pub use error::StoreError;
pub use id::{AttemptId, RUNS, RunId};
pub use memory::Memory;
pub use output::{
    LAST_PIECE, LEFT_OUT, PAGE_BYTES, PIECE, UNENDED, cut_page, left_out_count, left_out_words, line_of,
};
pub use peers::{Fence, Peers, Standing};
pub use port::Records;
pub use projects::{
    Claim, ClaimRow, DEFAULT_PROJECT, InUse, LeaseClaim, Limits, Money, Over, OverLimit, Project, Use,
    is_project_name, spent_by,
};
pub use record::{AttemptEnd, Manner, Record, TreeRef};
pub use rows::{
    ClusterRole, Extent, Gone, Lines, LogRow, Moved, Numbered, Open, RunLine, RunRow, Since, StepKey, Told,
    Which,
};
pub use state::{LeaseState, Phase, RunState, TaskState};
pub use write::{Change, Write, Written};
