//! What is on the wire, and carrying it both ways, lost by no lane that dies.
//!
//! * [`frame`]: what is on the wire. `reader`, `batch`: in and out of a stream. `route`: the first words.
//! * `outbox`, `in_flight`, `lane`, `assembly`, `message`: messages, cut into pieces and put together.
//! * `call`, `list`, `convert`: what is asked and answered.
//! * `handshake`, `seal`: what relays cannot read. `compress`: compression. `stream`, `socket`: what lies below.

pub(crate) mod assembly;
pub(crate) mod batch;
pub(crate) mod call;
pub(crate) mod compress;
pub(crate) mod convert;
pub mod frame;
pub(crate) mod handshake;
pub(crate) mod in_flight;
pub(crate) mod lane;
pub(crate) mod list;
pub(crate) mod message;
pub(crate) mod outbox;
pub(crate) mod reader;
pub(crate) mod route;
pub(crate) mod seal;
pub(crate) mod socket;
pub(crate) mod stream;
