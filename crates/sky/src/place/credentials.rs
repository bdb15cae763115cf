//! Credentials as each cloud's own tools find them.

mod aws;
mod azure;
mod google;

pub(super) use aws::aws;
pub(super) use azure::azure;
pub(super) use google::google;
