//! The catalog: what can be had, where, at what price.

pub mod model;
pub use model::*;
