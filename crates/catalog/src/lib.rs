//! The catalog: what can be had, where, at what price.

mod model;
mod row;
mod store;

pub use model::*;
pub use row::{Row, RowAccelerator, RowDevice, RowPlace, RowSource, Text};
pub use store::{
    AlignedBytes, BuildError, Catalog, CatalogBuilder, Columns, NOT_OFFERED, OpenError, SCHEMA_VERSION,
    Strings, flags,
};
