//! Credentials as each cloud's own tools find them.

mod aws;
mod azure;
mod google;

pub(super) use aws::{aws, pair};
pub(super) use azure::{Connection, azure};
pub(super) use google::{file as google_file, google};

use std::env;

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}
