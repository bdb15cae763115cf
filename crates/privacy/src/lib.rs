//! Differential privacy in integers: counts and sums of clamped values, with noise that is drawn exactly.
//!
//! A [`Tally`] takes rows, each in a group that was named before there were any rows, and lets out one integer for each group and each
//! [`Measure`], with noise. What it promises: whether all rows of one person are among the rows or not changes the probability of any
//! outcome by a factor of at most e^epsilon, for the epsilon of its [`Share`].
//!
//! 1. A person has at most so many rows that count ([`Tally::admits`]); which, depends on that person's rows alone.
//! 2. Values are clamped to their [`Bound`], so that a person moves the sums of all groups together by no more than a number that is
//!    known before: the sensitivity of the measure.
//! 3. Each sum gets discrete Laplace noise of the scale sensitivity ÷ epsilon, where the measures share epsilon evenly ([`Scale`]).
//!
//! Sums, sensitivities and noise are integers, and scales are fractions of integers. Nothing is computed in floating point, and no
//! probability is rounded: noise from floating-point numbers has low bits that tell the value below it.
//!
//! *Not promised:* how long drawing takes, which depends on the noise that is drawn; and that rows of different persons are independent.
//!
//! Sources: Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (2020), algorithms 1 and 2, for the noise;
//! Mironov, "On Significance of the Least Significant Bits for Differential Privacy" (2012), for what floating point gives away.
//!
//! *Rejected:* the Gaussian in the place of Laplace. Its guarantee has a second number, which contracts would have to keep a second
//! budget for; it gains where one person is in many groups or measures, and queries have few of both.

mod noise;
mod tally;

pub use noise::{NoDraw, Random, Scale};
pub use tally::{Bound, Measure, Person, Released, Share, Tally, Wide, average};
