//! Gateways over real connections of this machine.

mod carry;
mod place;
mod support;
