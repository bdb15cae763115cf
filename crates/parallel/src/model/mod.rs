//! What a training step does: a graph in static single assignment, where each operation says which loops it runs over which
//! dimensions of its operands.
//!
//! Nothing here knows an operation by name. Whoever traces a framework knows it, and writes down the loops; so this reads every
//! framework's graphs, and drifts with none. *Rejected:* a table of each framework's operations on this side, which would have to
//! follow each release. The one table there is, `stablehlo`, is of a dialect that promises to read what older versions wrote.

mod batch;
mod graph;
mod read;
pub(crate) mod wire;

pub(crate) use batch::{Batch, Uncut};
pub use graph::{Input, Kind, Loop, Model, Op, Operand, Output, Reduce, Role, Value, ValueId};
pub use read::{MOST_MODEL_BYTES, ModelError};
