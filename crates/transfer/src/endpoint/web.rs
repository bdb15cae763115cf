//! What the adapters of stores that speak HTTP have in common.

mod date;
mod failure;
mod url;
pub(super) mod xml;

pub(super) use date::{Moment, http_date_ms, iso_date_ms};
pub(super) use failure::{MOST_TEXT, broken, by_status, check_range, pause, text};
pub(super) use url::{AGENT, PATH, QUERY, Service};
