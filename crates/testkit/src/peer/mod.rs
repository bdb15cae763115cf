//! A foreign peer of the lane protocol, for tests of what gateways, relays and clients do with one that is hostile.
//!
//! Written from the bytes of the protocol and not from the gateway's code, so that both cannot be wrong in the same way:
//! it shares no line with them, and it lets through what they would never send.
//!
//! * [`Frame`]: 64 bytes and a payload, with the right sums unless told otherwise.
//! * [`Key`]: who it is. [`Wire`]: a connection, plain or by TLS in any role.
//! * [`Caller`]: the client's side, frame by frame. [`Seal`]: the handshake through relays, and what it seals.
//! * [`Answerer`]: a gateway that says whatever a test lets it say.

mod answerer;
mod caller;
mod frame;
mod key;
mod role;
mod seal;
mod wire;

pub use answerer::{Answer, Answerer};
pub use caller::{Caller, find, list, put, read};
pub use frame::{Frame, HEADED, HEADER_BYTES, Kind, SEALED, SQUEEZED};
pub use key::Key;
pub use role::{CLIENT, END, RELAY};
pub use seal::Seal;
pub use wire::Wire;
