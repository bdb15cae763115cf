//! Quantities as types: [`Usd`] (integer nano-dollars), [`Bytes`], [`Span`] (milliseconds) and
//! [`BitsPerSecond`].
//!
//! Every quantity is an integer, so sums do not depend on the order of their terms and two plans
//! compare equal exactly when they cost the same. Each type parses what people write (`400 USD`,
//! `40 GB`, `1h30m`), prints the shortest honest form, and serialises as a bare integer of its
//! base unit, so that a stored plan never loses a digit.
//!
//! *Guarantee:* arithmetic saturates instead of wrapping; a saturated value compares greater than
//! any real one, so a nonsense input can make a plan look too expensive but never too cheap.
//!
//! *Rejected:* floating point dollars (a bill must add up) and a general units crate (four types,
//! no dimensional algebra needed).

mod bytes;
mod money;
mod parse;
mod rate;
mod span;

pub use bytes::Bytes;
pub use money::Usd;
pub use parse::QuantityError;
pub use rate::BitsPerSecond;
pub use span::Span;
