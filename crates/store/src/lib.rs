//! The port of the data plane: what a place that holds objects can do, and the blocks that move between places.
//!
//! | file | what |
//! |---|---|
//! | `endpoint` | [`Endpoint`], what it is asked and what it answers, [`Failure`] |
//! | `endpoint/inside.rs` | names that others made, which stay below whatever root they are put under |
//! | `endpoint/under.rs` | [`Under`]: what lies below a folder, as a place of its own |
//! | `access` | [`StoreAccess`]: where a store is and how it is reached, and [`Opener`], which opens it |
//! | `block`, `hash` | bytes with the sums of their first reading, and the hash of an object from its parts |
//! | `memory` | [`Memory`]: a place in memory |
//! | `whole` | objects that are held whole |
//! | `conformance` | the suite that every place passes (a feature) |
//! | `thread` | calls of the file system, several on one thread |
//!
//! Whoever moves bytes (`welkin-transfer`), keeps them (`welkin-stores`) or carries them between machines
//! (`welkin-gateway`) knows this and nothing of the others.

mod access;
pub mod block;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod endpoint;
pub mod hash;
mod memory;
pub mod thread;
pub mod whole;

pub use access::{Access, Opener, StoreAccess};
pub use endpoint::{
    Dangling, Endpoint, Failure, FailureKind, Found, LeftOut, Limits, Listed, Lister, MODE, MTIME, Metadata,
    Part, Piece, Read, Under, Upload, Whereabouts, WhyLeftOut, inside,
};
pub use memory::Memory;
pub use welkin_address::StoreAddress;
