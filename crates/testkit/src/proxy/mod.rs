//! A TCP proxy on loopback that spoils what passes through it.
//!
//! It stands between a client and any server, whatever they speak, and does to the bytes of either
//! [`Direction`] what a [`Trouble`] says: one bit turned over, a cut, a black hole, a lower rate. All of
//! it can change while traffic flows, and bytes are counted.
//!
//! *Positions* are counted in the bytes of one direction over all connections, from the moment the
//! trouble was set. With several connections at once, which of them carries a position is up to the
//! scheduler; that it strikes exactly once is not.
//!
//! *Limits:* one thread; TLS passes through unread; half-closed connections stay half-closed.

mod lane;
mod server;

pub use lane::Trouble;
pub use server::{Direction, Proxy};
