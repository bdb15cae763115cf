//! Gateways over real connections of this machine: what has to work, over every kind of path, and what must not
//! harm: damage, death, delay, and hostile peers.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod believing;
mod bounds;
mod carry;
mod damage;
mod death;
mod faults;
mod hostile;
mod listing;
mod outside;
mod place;
mod proxy;
mod rights;
mod roles;
mod support;
mod trust;
