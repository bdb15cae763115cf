//! How results look: tables and JSON on standard output, progress on standard error.

mod bill;
mod foreign;
mod format;
mod json;
mod lines;
mod nature;
mod offers;
mod plan;
mod progress;
mod spelt;
mod style;
mod table;
mod time;
mod told;
mod words;

pub(crate) use bill::{bill_notes, bill_table};
pub(crate) use foreign::Foreign;
pub(crate) use format::Format;
pub(crate) use json::{write_json, write_line};
pub(crate) use lines::{Lines, Part};
pub(crate) use nature::nature_words;
pub(crate) use offers::{OfferWire, offer_table};
pub(crate) use plan::{placement_words, plan_notes, plan_size, plan_table};
pub(crate) use progress::{Block, Narrator};
pub(crate) use spelt::{shown, shown_lines};
pub(crate) use style::Style;
pub(crate) use table::{Align, Table};
pub(crate) use time::moment;
pub(crate) use told::err_line;
pub(crate) use words::{counted, location_words, missed_words};
