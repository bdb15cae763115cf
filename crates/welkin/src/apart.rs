//! The broker as a process of its own: started by the first command that needs it, used by all.
//!
//! One for each user and folder. It listens in the state directory, drives every run that is not over, and ends when
//! nobody has needed it for a while. A command that finds none, or one that goes by something older (another program,
//! other hosts, another configuration), starts one: whoever ends leaves runs as `kill -9` would, and whoever begins
//! goes on with them.

mod environment;
mod follow;
mod process;
mod reach;
mod state;
mod surroundings;

pub(crate) use environment::differences;
pub(crate) use follow::follow;
pub(crate) use process::{run as process, serve};
pub(crate) use reach::{Reached, far, fault, giving_way, listening, needs_own, reach, records, way};
pub(crate) use state::State;
