//! The name of a run where steps of many systems are collected: the id of its trace.
//!
//! It follows from what is on record since the run was submitted, so that whoever goes on with a run goes on with its trace, and
//! whoever reads about the run knows under which id its steps are found.

use crate::view::{PlaceView, RunView, TaskView};
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Tells digests of this kind from all others.
const CONTEXT: &str = "welkin 2026-11-28 trace of a run";

/// The id of a trace, as W3C Trace Context has it: shown as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId([u8; 16]);

impl TraceId {
    /// One that was sent in binary.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// As it is sent in binary.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl RunView {
    /// The id of its trace.
    ///
    /// Runs of two brokers may have one name, so the moment of the submission and the plan are part of it.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        let mut hash = blake3::Hasher::new_derive_key(CONTEXT);
        for part in [self.id.0.as_bytes(), self.plan.as_bytes(), &self.submitted.0.to_le_bytes()] {
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize().as_bytes()[..16]);
        TraceId(id)
    }
}

impl TaskView {
    /// Where it may run, as the plan has it: the choice, and the alternatives in their order.
    #[must_use]
    pub const fn places(&self) -> &Arc<[PlaceView]> {
        &self.places
    }
}
