//! What a transfer has done, so that it can go on after any death of the process.
//!
//! An append-only file of lines, each a check sum and a record in JSON. What a killed process was writing
//! fails its sum and is cut off. Each record is written with one call before anything that depends on it is done; a
//! record that says that something *is* done is written after it.
//!
//! ```text
//! open     which transfer this is
//! going    a process goes on: what stands before is what was known then
//! intent   an upload will begin              ┐ so that an upload whose answer was lost
//! begun    it has this id                    ┘ is found and given up
//! part     a part of it is at the target
//! done     an object is at the target, with its hash
//! paired   an object was found to be there already, with marks of both versions
//! failed   an object is not, and why
//! mark     every object up to this key is done, skipped or failed
//! closed   the transfer is over
//! ```
//!
//! *Going on* believes nothing of it unseen: both ends are listed from the beginning, and an object counts as done when
//! the source's version and the target's version and size are still those of its record ([`Past`]). A process
//! that goes on first writes the file anew, with what is known in the order of keys, and records again what it
//! finds still so; its records alone become the manifest. Uploads are gone on with where their parts end.
//!
//! *Bounded:* a line has at most [`MAX_LINE_BYTES`]; a record that is longer is refused when it is written. What
//! is held in memory is what was in flight, whatever the number of objects.
//!
//! *Damage:* a bad line at the end is what a kill leaves, and is cut off. One that good lines follow is damage: such a
//! journal is not gone on with and never becomes a manifest.
//!
//! *Durability:* against the death of the process, a write to the file is enough. The file is also
//! synced to the disk once a second, so that a power cut costs a second's work, which is then done again.
//!
//! *Rejected:* a database: its transactions cost more than the objects they record.

mod file;
mod lines;
mod manifest;
mod pairs;
mod past;
mod private;
mod record;
mod state;

pub use file::{Journal, JournalError};
pub use lines::MAX_LINE_BYTES;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use lines::fuzz_line;
pub use manifest::{Manifest, ManifestEntry, ManifestError, ManifestHead, write_manifest};
pub(crate) use pairs::{Marks, Pairs, PairsWriter, settle};
pub use past::Past;
pub use record::{Done, Record};
pub use state::{Partial, Resumed};

#[cfg(test)]
mod tests;
