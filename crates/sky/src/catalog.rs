//! The catalog of a home: built from the starter prices, imported lists, this machine and the user's hosts.

mod cache;
mod lists;
mod machine;

pub(crate) use cache::{Stamp, open, rebuild_with, stamp};
pub use lists::{Content, ListOrigin, PriceList, PriceLists};
