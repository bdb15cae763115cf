//! Plans over the starter catalog, seen from outside.
#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod bed;
mod kept;
mod prices;
mod promises;
