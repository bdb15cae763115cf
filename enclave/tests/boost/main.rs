//! Trainings inside of an engine, with everything around them real: keys, contracts, evidence, sealed files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]
#![allow(dead_code, reason = "the world of queries has more than is used here")]

mod models;
mod private;
mod refusals;
#[path = "../sql/world.rs"]
mod world;
