//! Executes plans: durable runs over leases, from submission to committed outputs and a bill.
//!
//! * [`Broker`]: owns a state directory; [`Broker::submit`], [`Broker::run`], [`Broker::resume`],
//!   [`Broker::cancel`], [`Broker::down`], [`Broker::gc`], [`Broker::prune`],
//!   [`Broker::login`] for the machines of clusters;
//! * [`Reader`]: status, history, logs and bills of the same directory, from any process;
//! * [`RunView`]: the state of a run, a fold over its [`Record`]s;
//! * [`Observer`]: what happens, as it happens.
//!
//! *How it works.* A run is an append-only history. Every fact is recorded before the next thing is
//! done, and nothing that costs money is asked for before its intent is on record, with the token
//! that makes asking again harmless. Work is one future for each run; whatever stops it (an error, a
//! cancel, `kill -9`) leaves the history, and driving the run again goes on from there. Leases are
//! given back by a reconciler beside the tasks that looks only at the history.
//!
//! *Guarantee:* a task's outputs are committed once, in one transaction; no lease outlives its
//! attempt without being on record and given back by the next broker; the plan's choice and
//! alternatives are tried in order and nothing else ever is.
//!
//! *Rejected:* tables of mutable state beside the history (two truths), a thread for the database
//! (virtual time would run past it), and releasing leases in destructors (they cannot wait).

mod accounts;
mod acquaint;
mod among;
mod attempt;
mod broker;
mod brought;
mod cancels;
mod claims;
mod cluster;
mod deadline;
mod deliver;
mod domain;
mod drive;
mod egress;
mod error;
mod follow;
mod gc;
mod ignore;
mod kept;
mod known;
mod lease;
mod limits;
mod lines;
mod live;
mod lock;
mod login;
mod meter;
mod now;
mod observe;
mod options;
mod order;
mod patience;
mod place;
mod projects;
mod prune;
mod reader;
mod refusals;
mod rest;
mod rng;
mod seal;
mod sealed;
mod settle;
mod shelf;
mod silence;
mod snapshot;
mod stage;
mod steady;
mod step;
mod store;
mod strays;
mod target;
mod task;
mod trace;
mod view;
mod wishes;

pub use broker::{Broker, Submission};
pub use brought::{Brought, OfThisMachine, Packed, not_elsewhere, of_this_machine, pack};
pub use claims::is_part;
pub use cluster::is_cluster_name;
pub use drive::RunOutcome;
pub use error::{LoginError, OpenError, RunError, StoreError, SubmitError, WishError};
pub use gc::{Collected, GcError};
pub use lines::InLine;
pub use lock::in_use;
pub use observe::{Nobody, Observer, Progress};
pub use options::{BrokerOptions, Hook};
pub use prune::{Kept, Pruned, Weight};
pub use reader::{HistoryLine, LogLine, LogQuery, Piece, Reader, RunSummary};
pub use refusals::refusals;
pub use seal::SealKey;
pub use sealed::{Judged, Owners, SealedWork, Sealing};
pub use steady::{Clocks, MachineClocks, Reading, SteadyClock};
pub use strays::{Stray, Strays};
pub use trace::TraceId;
pub use view::{AttemptView, MissedDeadline, PlaceView, RunView, TaskView};
pub use welkin_records::{
    AttemptEnd, AttemptId, ClusterRole, LeaseState, Manner, Open, Phase, Record, Records, RunId, RunState,
    TaskState, TreeRef,
};
pub use welkin_sqlite::Durability;
pub use wishes::{Idle, Wish};
