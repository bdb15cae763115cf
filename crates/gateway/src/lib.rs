//! Gateways: places that are reached over many connections, several ways at once, and through relays.
//!
//! ```text
//!           ┌─ path 1: 2..64 lanes ───────────────────────┐
//!  Agent ───┤                                             ├──▶ Gateway ──▶ files, bucket
//!           └─ path 2: lanes ──▶ relay ──▶ relay ─────────┘
//! ```
//!
//! [`Agent`] is an [`welkin_store::Endpoint`] whose calls are carried out by a [`Gateway`] at the endpoint that it
//! has behind it. Every connection goes to one TCP port and is a *lane*: it carries pieces of any call and any
//! answer. All lanes of all paths take pieces from one queue as they have room, so a path's share is what it moves.
//!
//! * `wire`: frames and messages, and carrying them over lanes. `trust`: who is who, and may do what.
//! * `client`: [`Agent`]. `server`: [`Gateway`], and relays.
//!
//! *Guarantee:* a call is carried out once for each session and its answer comes back, as long as one path comes back
//! within the agent's patience. Every frame is summed at every hop; every block is compared with the BLAKE3 and CRC
//! sums of its first reading before it is given to the place behind. A relay keeps nothing and, unless encryption is
//! off, sees nothing.
//!
//! *Rejected:* one port or process for each connection (firewalls), a fixed share for each path (the slowest decides),
//! QUIC (in user space, half the bytes for each second of processor time, and often blocked).

mod client;
mod error;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod server;
mod trust;
mod wire;

pub use client::agent::{Agent, AgentOptions, MAX_PATHS, farewells};
pub use client::path::{Lanes, MAX_LANES, MIN_LANES, PathOptions, PathReport, Via};
pub use error::LaneError;
pub use server::arenas::few_arenas;
pub use server::log::{Caller, Event, Log};
pub use server::options::{ServeOptions, Trust};
pub use server::serve::{Gateway, serve};
pub use server::strangers::Strangers;
pub use trust::door::{Door, Meeting};
pub use trust::identity::{Fingerprint, Identity, IdentityError};
pub use trust::relaying::Relaying;
pub use trust::role::Role;
pub use trust::roster::{Right, Rights, Roster, RosterError};
pub use trust::signature::is_signed;
pub use trust::token::{Token, TokenError};
pub use wire::compress::Compression;
pub use wire::frame;
pub use wire::route::{Hop, MAX_HOPS};
pub use wire::socket::SocketOptions;
pub use wire::stream::Words;
