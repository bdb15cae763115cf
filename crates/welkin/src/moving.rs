//! What the commands that move data share.

mod cost;
mod credentials;
mod dry;
mod execute;
mod meter;
mod peers;
mod place;
mod private;
mod records;
mod runtime;
mod same;
mod select;
mod stdio;
mod stores;

pub(crate) use execute::{Wanted, execute, fault, stopped};
pub(crate) use meter::{bytes_words, rate_words};
pub(crate) use peers::{Opening, identity};
pub(crate) use place::Place;
pub(crate) use records::{About, Records, State};
pub(crate) use runtime::runtime;
pub(crate) use select::filter;
