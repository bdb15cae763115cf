//! How results look: tables and JSON on standard output, progress on standard error.

mod format;
mod json;
mod offers;
mod plan;
mod style;
mod table;
mod words;

pub(crate) use format::Format;
pub(crate) use json::write_json;
pub(crate) use offers::{OfferWire, gib, offer_table};
pub(crate) use plan::{placement_words, plan_notes, plan_size, plan_table};
pub(crate) use style::Style;
pub(crate) use table::{Align, Table};
pub(crate) use words::{accelerator, counted, thousandths};
