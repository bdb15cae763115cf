//! Queries inside of an engine, with everything around them real: keys, contracts, evidence, sealed files.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and says where")]

mod groups;
mod oblivious;
mod private;
mod queries;
mod refusals;
mod spills;
mod together;
mod together_attacked;
mod together_started;
mod tpch;
mod world;
