//! The broker on clouds in memory, under virtual time.

mod accounts;
mod cancels;
mod chains;
mod crashes;
mod failures;
mod ownership;
mod seeds;
mod world;
