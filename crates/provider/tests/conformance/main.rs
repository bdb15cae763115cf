//! The conformance suite on the cloud in memory, and on clouds that are broken in one way each.

mod broken;
mod harness;
mod sound;
