//! The gateway and the relay.
//!
//! * `serve`: who comes in. `session`, `perform`: what is asked, and carrying it out. `relay`: what goes on.
//! * `sessions`, `account`, `strangers`: who may have how much. `log`: who was here. `arenas`: memory.

pub(crate) mod account;
pub(crate) mod arenas;
pub(crate) mod log;
pub(crate) mod options;
pub(crate) mod perform;
pub(crate) mod relay;
pub(crate) mod serve;
pub(crate) mod session;
pub(crate) mod sessions;
pub(crate) mod strangers;
