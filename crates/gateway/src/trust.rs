//! Who is who, and may do what.
//!
//! * `identity`, `certificates`: keys, and the certificates that show them. `role`: client or relay.
//! * `door`: sessions of parties that are no lanes. `signature`: what an identity has signed.
//! * `token`: keys in one word.
//! * `roster`: who may do what. `relaying`: where lanes may go on.

pub(crate) mod certificates;
pub(crate) mod door;
pub(crate) mod identity;
pub(crate) mod relaying;
pub(crate) mod role;
pub(crate) mod roster;
pub(crate) mod signature;
pub(crate) mod token;
