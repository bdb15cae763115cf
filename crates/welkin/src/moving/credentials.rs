//! Credentials as each cloud's own tools find them.

mod aws;
mod azure;
mod google;

pub(super) use aws::aws;
pub(super) use azure::azure;
pub(super) use google::google;

use std::env;

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
