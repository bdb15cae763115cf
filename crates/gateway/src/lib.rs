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
//! * [`frame`]: what is on the wire. `reader`, `batch`: in and out of a stream. `route`: the first words.
//! * `outbox`, `flight`, `lane`, `assembly`: carrying messages both ways, lost by no lane that dies.
//! * `desk`, `path`, `tuner`, `watch`, `agent`: the client. `session`, `perform`, `serve`, `relay`: the gateway.
//! * `call`, `list`, `convert`: what is asked and answered. `sessions`, `account`, `strangers`: who may have how much.
//! * `identity`, `trust`, `role`, `roster`: who is who, and may do what. `relaying`: where lanes go on. `log`: who was here.
//! * `shake`, `seal`: what relays cannot read. `squeeze`: compression.
//!
//! *Guarantee:* a call is carried out once for each session and its answer comes back, as long as one path comes back
//! within the agent's patience. Every frame is summed at every hop; every block is compared with the BLAKE3 and CRC
//! sums of its first reading before it is given to the place behind. A relay keeps nothing and, unless encryption is
//! off, sees nothing.
//!
//! *Rejected:* one port or process for each connection (firewalls), a fixed share for each path (the slowest decides),
//! QUIC (in user space, half the bytes for each second of processor time, and often blocked).

mod account;
mod agent;
mod arenas;
mod assembly;
mod batch;
mod call;
mod convert;
mod desk;
mod error;
mod flight;
pub mod frame;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod lane;
mod list;
mod log;
mod message;
mod options;
mod outbox;
mod path;
mod perform;
mod reader;
mod relay;
mod relaying;
mod role;
mod roster;
mod route;
mod seal;
mod serve;
mod session;
mod sessions;
mod shake;
mod socket;
mod squeeze;
mod strangers;
mod stream;
mod trust;
mod tuner;
mod watch;

pub use agent::{Agent, AgentOptions, MAX_PATHS, farewells};
pub use arenas::few_arenas;
pub use error::LaneError;
pub use identity::{Fingerprint, Identity, IdentityError};
pub use log::{Caller, Event, Log};
pub use options::{ServeOptions, Trust};
pub use path::{Lanes, MAX_LANES, MIN_LANES, PathOptions, PathReport, Via};
pub use relaying::Relaying;
pub use role::Role;
pub use roster::{Right, Rights, Roster, RosterError};
pub use route::{Hop, MAX_HOPS};
pub use serve::{Gateway, serve};
pub use socket::SocketOptions;
pub use squeeze::Compression;
pub use stream::Words;
