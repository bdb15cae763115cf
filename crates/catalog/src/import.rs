//! Importing price lists: bytes in, offers and complaints out.
//!
//! The format is SkyPilot's catalog, version 8: one CSV file a cloud, columns found by name, the
//! same names everywhere but not the same set. [`import`] goes through a file in six steps:
//!
//! 1. *Read*: split lines, repair the one fault that can be repaired (surplus fields of a last
//!    column that is an unquoted list), read numbers. A row that fails is [`Quarantined`] with its
//!    line and reason; the rest of the file goes on.
//! 2. *Name*: accelerators get their normalised name and memory, TPU rows become slices of so many
//!    chips, places their country, machine types their architecture and TEE.
//! 3. *Duplicates*: rows with the same key become one. If they disagree, the dearer stays: a wrong
//!    price may then make a plan look too expensive, never too cheap.
//! 4. *Placeholders*: one price for accelerators of many counts is none; see `placeholder`.
//! 5. *Compose*: where a provider prices accelerators apart from their hosts, each pair that can be
//!    bought becomes an offer at the sum of both prices; see `compose`.
//! 6. *Doubt*: prices far from those of the same machine elsewhere, and spot prices above on-demand
//!    prices, are quarantined; see `doubt` for the arithmetic.
//!
//! *Guarantee:* no input panics; memory is bounded by [`MAX_FILE_BYTES`] and [`MAX_FILE_ROWS`];
//! files do not see each other, so a broken one costs nothing but itself.

mod compose;
mod dialect;
mod doubt;
mod duplicates;
mod fields;
mod file;
mod gpu_memory;
mod header;
mod intern;
mod number;
mod offers;
mod parse;
mod placeholder;
mod quarantine;

pub(crate) use compose::starves;
pub(crate) use dialect::Dialect;
pub use file::{FileError, Imported, MAX_FILE_BYTES, MAX_FILE_ROWS, Origin, import};
pub use quarantine::{MAX_KEPT, Quarantined, Reason, Scope};
