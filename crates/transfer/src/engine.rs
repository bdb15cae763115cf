//! Moving objects from one endpoint to another: many lanes, nothing lost.
//!
//! ```text
//!  listings ──▶ steps ──▶ feed ──▶ lane ─ read ▶ hash ▶ check ▶ write ─▶ journal
//!  (streams,     compare,   parts of   lane            …                   │
//!   page by page) filter    large ones  …  (as many as the tuner finds worth it)
//! ```
//!
//! 1. The source is listed as a stream; for a comparison the target is listed beside it and both are merged
//!    in the order of keys. The first object moves while the first page is being looked through.
//! 2. Objects of one part are read and written by one lane. Longer ones are opened once and their
//!    parts taken by whichever lane is free.
//! 3. The tuner watches the rate and adds lanes while that pays; throttling takes lanes away.
//! 4. What arrived goes to the journal. A mark in it says up to which key everything is settled.
//! 5. What is to be removed at the target is counted after everything arrived, and removed in a second pass: only what both
//!    passes name.
//!
//! *Guarantee:* an object at the target is the one version of the source that its hash in the journal was
//! made of, or it is not there. Going on with a transfer that was killed moves at most the parts that were
//! in flight again, and whatever changed at either end meanwhile.
//!
//! *Memory:* the pages being merged, the objects in flight, and the blocks of the pool; nothing grows with
//! the number of objects, but 8 bytes for each that is to be removed.

mod compare;
mod content;
mod context;
mod error;
mod feed;
mod job;
mod lane;
mod large;
mod ledger;
mod limiter;
mod merge;
mod observe;
mod options;
mod overlap;
mod preview;
mod remove;
mod retry;
mod retrying;
mod run;
mod spare;
mod stats;
mod steps;
mod stream;
mod times;
mod tuner;
mod verify;
mod whole;

pub use compare::Compare;
pub use error::EngineError;
pub use limiter::Limiter;
pub use observe::{Notice, Observer, Quiet};
pub use options::{Expected, Guard, Options, Scope, Side, Transfer};
pub use overlap::apart;
pub use preview::{Calls, Preview, preview};
pub use retry::Patience;
pub use retrying::{Pages, Retrying};
pub use run::{Ended, Outcome, run};
pub use stats::{Snapshot, Stats};
pub use stream::{End, Flow, StreamError, Streamed, receive, send};
pub use verify::{Fault, Verified, verify};
