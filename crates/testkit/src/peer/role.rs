//! Names of the roles in handshakes.

/// A client on its own account.
pub const CLIENT: &str = "welkin-client/2";
/// A relay, for somebody else.
pub const RELAY: &str = "welkin-relay/2";
/// Within a lane, for its far end.
pub const END: &str = "welkin-end/2";
