//! An engine: its keys, its evidence, and the one contract that it is there for.
//!
//! An [`Engine`] is there for one contract. It makes its keys inside, answers questions with evidence that is bound to them and
//! to that contract ([`Engine::attest`]), and runs once ([`Engine::run`]): it checks the contract, opens the inputs with what
//! their owners released, does what was agreed on ([`crate::sql`], [`crate::boost`]), and seals the result for its recipients.
//!
//! What is said of errors never has a value of the data in it.

mod admit;
mod error;
mod files;
mod folder;
mod group;
mod session;
mod source;

pub(crate) use admit::Data;
pub use error::EngineError;
pub(crate) use files::SealedPart;
pub(crate) use folder::{Filled, Place, write};
pub use session::{Engine, Prepared, measure};
pub use source::Source;
