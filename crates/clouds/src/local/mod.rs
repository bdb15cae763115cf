//! This machine as itself: the same machinery as the emulated clouds, without pretending.
//!
//! One region, [`Local::REGION`], one instance type, [`Local::INSTANCE_TYPE`]. A lease takes the part
//! of the machine that it asks for, and what is taken is not given twice.

mod admission;
mod config;
mod provider;

pub use config::LocalConfig;
pub use provider::Local;
