//! Faults: what goes wrong, when, and for which requests.
//!
//! A [`Rule`] joins the three. Rules count the requests that fit them, and nothing else decides: with
//! the same rules and the same order of requests the same requests fail. They are given when the
//! server starts, on its command line (see [`Rule`]'s `FromStr`), or while it runs.

mod body;
mod parse;
mod reply;
mod rule;
mod schedule;

pub(super) use body::Faulty;
pub(super) use reply::error_reply;
pub use rule::{Fault, Rule, When};
pub use schedule::RuleId;
pub(super) use schedule::Schedule;
