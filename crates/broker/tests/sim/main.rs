//! The broker on clouds in memory, under virtual time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must fail, in its helpers too")]

mod accounts;
mod cancels;
mod chains;
mod clocks;
mod clusters;
mod crashes;
mod egress;
mod failures;
mod limits;
mod odd;
mod ownership;
mod peers;
mod projects;
mod prune;
mod records;
mod rest;
mod seeds;
mod unheard;
mod world;
