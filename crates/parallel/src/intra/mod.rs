//! One mesh: how each tensor lies on it and how each operation is split.

mod bench;
#[cfg(test)]
mod brute;
mod costs;
mod done;
mod floor;
mod lives;
mod memory;
mod problem;
mod shares;
mod split;
mod weights;

pub(crate) use bench::{Bench, Benches};
pub use costs::{Costs, costs};
pub(crate) use floor::{floor_s, kept_floor};
pub(crate) use problem::{Allowed, kinds, same};
pub(crate) use shares::Shares;
pub(crate) use split::{NoSplit, Split, split, split_shared, split_within};
pub(crate) use weights::weights;
