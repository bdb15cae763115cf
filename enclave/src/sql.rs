//! Running the query of a contract on the data that it names, and nothing else.
//!
//! An [`Engine`] is there for one contract. It makes its keys inside, answers questions with evidence that is bound to them and
//! to that contract ([`Engine::attest`]), and runs once ([`Engine::run`]): it checks the contract, opens the inputs with what
//! their owners released, runs the query, and seals the result for its recipients.
//!
//! DataFusion plans and runs it. It sees no files but sealed ones that were checked, no settings, and no statement other than one
//! query ([`context`], [`query`]). Errors that a value could be in are told by their kind only.
//!
//! *Rejected:* a plan that arrives from outside, which nobody could read and sign; DataFusion's own encryption hooks, which pass over
//! files in the open in silence and read a sealed footer anew for each scan.

mod admit;
mod catalog;
mod context;
mod engine;
mod error;
mod files;
mod groups;
mod query;
mod reader;
mod result;
mod spill;
mod table;

pub use engine::{Engine, Prepared, measure};
pub use error::SqlError;
