//! The broker on clouds in memory, under virtual time.

mod chains;
mod world;
