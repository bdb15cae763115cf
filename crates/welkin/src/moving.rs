//! What the commands that move data share.

mod cost;
mod dry;
mod execute;
mod meter;
mod runtime;
mod select;
mod stdio;

pub(crate) use execute::{Wanted, execute, fault, stopped};
pub(crate) use meter::{bytes_words, rate_words};
pub(crate) use runtime::runtime;
pub(crate) use select::filter;
pub(crate) use welkin_sky::identity;

use crate::output::{err_line, shown};
use welkin_sky::{Hearer, PlaceOptions};

/// What programs at the other end of SSH say goes to standard error.
pub(crate) fn hearer() -> Hearer {
    Hearer::to(|host, line| {
        err_line(&format!("{}: {}", shown(host), shown(line)));
    })
}

/// How places are opened that are not at either end of a copy.
pub(crate) fn plainly() -> PlaceOptions {
    PlaceOptions { hearer: hearer(), ..PlaceOptions::default() }
}
