//! What the adapters of stores that speak HTTP have in common.

mod date;
mod delete;
mod failure;
mod metadata;
mod pages;
mod sums;
mod url;
pub(super) mod xml;

pub(super) use date::{Moment, http_date_ms, iso_date_ms};
pub(super) use delete::delete;
pub(super) use failure::{
    MOST_ERROR, MOST_TEXT, answered, broken, by_status, check_range, length_of_range, pause, range, text,
    words,
};
pub(super) use metadata::{Naming, listed};
pub(super) use pages::{Asked, MOST_BYTES, MOST_LISTED, NoPage, Page, Paged, Pages};
pub(super) use sums::{Sum, content_md5, crc32c, tag_of_parts};
pub(super) use url::{AGENT, PATH, QUERY, Service};
