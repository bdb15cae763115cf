//! Records of runs in one SQLite database: see [`Sqlite`], which is a [`welkin_records::Records`].
//!
//! `schema` has the tables and the numbered steps that lead to them, `commit` makes writes, and each table has a
//! file with its statements. Output of steps that write much lies in files beside it: `output`.

mod commit;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod glance;
mod history;
mod ledger;
mod meta;
mod output;
mod projects;
mod requests;
mod room;
mod runs;
mod schema;
mod store;
mod sums;
mod text;
mod told;

pub use store::{Durability, Sqlite};
