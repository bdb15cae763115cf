//! Finding offers: conditions, what each removed, order, and suggestions for names that do not
//! exist.

mod filter;
mod select;
mod sort;
mod suggest;
mod unknown;

pub use filter::{AcceleratorFilter, Amount, Condition, Filter, Market};
pub use select::{COUNT_TOLERANCE_MILLI, Selection};
pub use suggest::{Names, nearest};
