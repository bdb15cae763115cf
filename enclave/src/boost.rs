//! Training the model of a contract on the rows of all its parties, and nothing else.
//!
//! What was agreed on is a recipe ([`welkin_boost::Recipe`]): columns, parameters, rounds. Rows are read out of sealed files that were
//! checked, in the order of the contract's inputs, and the trainer is the one of `welkin boost`: the model is, byte for byte, what it
//! makes of the same rows in the open, or of parties that keep theirs. It is sealed as a whole for its recipients.
//!
//! Which rows: those of all inputs, apart from data sets of the name that the recipe has under `valid`, by which the model is judged.
//!
//! *Rejected:* a query that picks the rows, whose order nothing would fix; trees whose leaves are held to a smallest group, which
//! would be another model than elsewhere (a contract that asks for it is refused).
//!
//! Where a contract spends epsilon, trees have noise ([`welkin_boost::train_privately`]), and nothing that a row has is an error.

mod numbers;
mod rows;
mod spell;
mod threads;
mod training;

pub use spell::spell;
pub(crate) use training::{Manner, Training};
