//! How many lanes pay: [`Climber`], shown windows of goodput, says how many there should be.
//!
//! Transfers ask it for their connections to stores, and paths to a gateway for theirs, each with habits of its own
//! ([`Habits`]). A pure function of what it is shown, so recorded windows test it.

mod climber;

pub use climber::{Climber, Habits};
