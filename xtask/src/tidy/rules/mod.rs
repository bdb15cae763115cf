//! One rule per file; this is their list.

mod claims;
mod closure;
mod clouds;
mod facade;
mod manifest;
mod names;
mod purity;
mod registry;
mod rings;
mod size;
mod sleep;
mod traces;
mod unfinished;

pub(super) use claims::Tests;
pub(crate) use registry::rule_list;
pub(super) use registry::{of_crates, of_source, of_text};
