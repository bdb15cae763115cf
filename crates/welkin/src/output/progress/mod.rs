//! What happens, as it happens: plain lines in a pipe, a block of live lines on a terminal.

mod block;
mod narrator;
mod words;

pub(crate) use block::Block;
pub(crate) use narrator::Narrator;
