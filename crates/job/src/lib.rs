//! The job file.

pub mod model;
pub use model::*;
