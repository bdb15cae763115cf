//! Policies: which evidence is good enough to have keys.
//!
//! Nothing is accepted that a policy does not name: a kind of evidence without a table, a program without a measurement
//! and a question without a nonce are refused, and the policy without a word refuses everything. Each rule gives a
//! [`Check`], so that a person sees all that stands in the way at once.
//!
//! *Rejected:* a policy language. What has to be said is a list of values and minima; a program that decides could not be
//! reviewed by the parties that rely on it.

mod file;
mod judge;

pub use file::PolicyError;
pub use judge::{Check, Expected, Outcome, Verdict};

use crate::evidence::Kind;
use crate::hex::HexBytes;
use std::collections::BTreeMap;

/// Which evidence is good enough.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    rules: BTreeMap<Kind, Rule>,
}

/// What holds for a kind of evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rule {
    /// Accept programs whose operator may look inside.
    allow_debug: bool,
    /// By the kind's names: the values that are accepted.
    measurements: BTreeMap<String, Vec<HexBytes>>,
    /// By the kind's names: the oldest version that is accepted.
    minimum: BTreeMap<String, u64>,
    /// What a manufacturer may say of a firmware; without a list, that it is up to date.
    status: Option<Vec<String>>,
    /// Warnings of a manufacturer that are put up with.
    advisories: Vec<String>,
}
