//! One mesh: how each tensor lies on it and how each operation is split.

mod memory;
mod problem;
mod split;
mod weights;

pub(crate) use split::{NoSplit, Split, split};
