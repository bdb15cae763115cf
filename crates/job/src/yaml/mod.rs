//! YAML as SkyPilot reads it: a tree with places, resolved by the rules of YAML 1.1.
//!
//! `saphyr-parser` gives events; [`load`] builds the tree under bounds, [`resolve`] gives plain
//! scalars their type as PyYAML's safe loader does, so that a file means here what it means there.

mod indent;
mod load;
mod python;
mod resolve;
mod tree;

pub(crate) use load::load;
pub(crate) use python::python_str;
pub(crate) use tree::{Entry, Map, Node, Place, Value};
