//! Several parties train one model over the network, and none shows its rows.
//!
//! ```text
//!  party a ──┐  questions, from the coordinator; masked numbers, to it
//!  party b ──┼── coordinator ──▶ the model
//!  party c ──┘
//! ```
//!
//! [`welkin_boost::federated`] knows what is asked and answered. Here is what carries it: TLS with certificates on both
//! sides (`wire`, through [`welkin_gateway::Door`]), who takes part ([`Roster`]), masks (`keys`), what is kept for a training
//! that breaks off (`journal` by the coordinator, [`Notes`] by each party), and both sides: [`coordinate`] and [`take_part`].
//!
//! *Guarantee:* the model is, byte for byte, the one of all rows in one place, whoever was killed and came back meanwhile.
//! The coordinator sees sums over all parties; no party sees anything of another's, but what the model says of all.
//!
//! *When a party is gone* the round ends and nothing of it counts: the others wait, with the coordinator, until it is back,
//! and go on from the last round that was complete. Nobody goes on without it, since a model of some of the rows is another
//! model.

mod coordinator;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod journal;
mod keys;
mod link;
mod notes;
mod party;
mod roster;
mod wire;

pub use coordinator::{Coordinating, CoordinatorError, Happening, Tell, Traffic, coordinate};
pub use journal::JournalError;
pub use keys::KeysError;
pub use notes::Notes;
pub use party::{Meanwhile, PartyError, TakingPart, TellParty, take_part};
pub use roster::{COORDINATOR, MOST_PARTIES, Roster, RosterError};
pub use wire::WireError;
