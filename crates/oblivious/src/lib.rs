//! Queries whose accesses to memory and whose instructions depend on sizes and never on values.
//!
//! Whoever runs a machine may see which pages and cache lines a program touches, though not what is in them, and learns values
//! from that: which group a row went to, where a search ended, which rows a filter kept. A [`Plan`] is run ([`Plan::run`]) so that
//! there is nothing to learn: what is read and written, and in which order, is a function of the plan, of how many rows its tables have, and
//! of how wide their columns are. The one thing that is told in the end is how many rows the answer has.
//!
//! * Rows have a fixed width ([`Rows`]), texts too: that of the longest in the column. Each row says whether it counts; rows that were
//!   filtered out stay and move along with the others.
//! * [`sort`] is a sorting network, [`compact`] a compaction network: the same rows are compared whatever is in them, and a mask
//!   decides whether they change places. [`sort_packed`] is another one, for keys of few words, which steps make of columns.
//! * Groups are a sort and one pass for each aggregate; a join is a sort of both sides together and one pass. Rows with the same key stay in
//!   their order.
//!
//! *What is promised* is the sequence of addresses and instructions, and `tests/trace.rs` holds it by comparing whole traces of
//! different values under valgrind. The crate is optimised in tests as it is for release, so that what is traced is what
//! is shipped. *Not promised:* how long single instructions take.
//!
//! *Rejected:* a shuffle by random numbers before an ordinary sort. It is faster for many rows, but its accesses are random
//! instead of fixed, and two traces could not be compared. Oblivious RAM, for the same reason, and because a scan is cheaper here.

mod bits;
mod compact;
mod expr;
mod group;
mod join;
mod lanes;
mod pack;
mod plan;
mod rows;
mod sort;
mod table;
mod vectors;

pub use bits::{mask, select};
pub use compact::{compact, compact_narrowly};
pub use expr::{Arithmetic, Comparison, Expr};
pub use group::{Call, Function};
pub use lanes::{sort_packed, sort_packed_narrowly};
pub use plan::{Failure, Plan, SortKey, Unfit};
pub use rows::Rows;
pub use sort::sort;
pub use table::{Kind, Table, of_decimal, of_float, of_int, of_text, to_decimal, to_float, to_int, to_text};
