//! The client of gateways: an endpoint whose calls are carried out elsewhere.
//!
//! * `agent`: the endpoint. `requests`: what was asked and not answered yet.
//! * `path`: a way of many lanes. `tuner`, `watch`: how many.

pub(crate) mod agent;
pub(crate) mod path;
pub(crate) mod requests;
pub(crate) mod tuner;
pub(crate) mod watch;
