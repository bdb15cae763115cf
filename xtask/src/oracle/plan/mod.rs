//! Random jobs over random small catalogs, held against brute force.
//!
//! 1. [`piece`] and [`generate`] make a round from its seed: price lists, a job, and what is asked; [`mod@write`]
//!    puts them into files.
//! 2. [`brute`] tries every assignment of machines to tasks with arithmetic of its own: whole numbers of
//!    1e-18 dollars and milliseconds ([`money`]), conditions as `docs/job-file.md` states them
//!    ([`candidate`]), prices of movements by the tables that the product carries ([`tables`], [`tariff`]).
//! 3. [`judge`] holds the answers of the command line against them: plan and alternatives line by line,
//!    what is called best, gaps, fronts, refusals, and why a place lost.
//!
//! Guarantee: the seed decides everything, and an answer is wrong only by more than the rounding of its lines.
//!
//! Rejected: the planner's own types and checks. A fault in what a condition means would hide in both.

mod allowance;
mod answer;
mod bounds;
mod brute;
mod candidate;
mod generate;
mod glob;
mod goods;
mod judge;
mod limits;
mod money;
mod piece;
mod round;
mod scene;
mod tables;
mod tariff;
mod write;

pub(super) use round::play;
