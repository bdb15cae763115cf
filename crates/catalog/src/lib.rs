//! The catalog: what can be had, where, at what price.

pub mod check;
mod glob;
pub mod import;
mod lines;
mod merge;
mod model;
mod query;
mod row;
pub mod starter;
mod store;
pub mod tables;

pub use glob::Glob;
pub use merge::merge;
pub use model::*;
pub use query::{AcceleratorFilter, Amount, Condition, Filter, Market, Names, Selection};
pub use row::{Row, RowAccelerator, RowDevice, RowPlace, RowSource, Text};
pub use store::{
    AlignedBytes, BuildError, Catalog, CatalogBuilder, Columns, NOT_OFFERED, OpenError, SCHEMA_VERSION,
    Strings, flags,
};
