//! What a transfer has done, so that it can go on after any death of the process.
//!
//! An append-only file of lines, each a check sum and a record in JSON. What a killed process was writing
//! fails its sum and is cut off. Each record is written with one call before anything that depends on it is done; a
//! record that says that something *is* done is written after it.
//!
//! ```text
//! open     which transfer this is
//! intent   an upload will begin              ┐ so that an upload whose answer was lost
//! begun    it has this id                    ┘ is found and given up
//! part     a part of it is at the target
//! done     an object is at the target, with its hash
//! failed   an object is not, and why
//! mark     every object up to this key is done, skipped or failed
//! closed   the transfer is over
//! ```
//!
//! *Resuming* lists again from the last mark on, skips what is done beyond it, and goes on with
//! uploads where their parts end. What is held in memory for that is bounded by what was in flight, whatever
//! the number of objects. *Bounded:* a line has at most [`MAX_LINE_BYTES`].
//!
//! *Durability:* against the death of the process, a write to the file is enough. The file is also
//! synced to the disk once a second, so that a power cut costs a second's work, which is then done again.
//!
//! *Rejected:* a database: its transactions cost more than the objects they record.

mod file;
mod manifest;
mod record;
mod state;

pub use file::{Journal, JournalError, MAX_LINE_BYTES};
pub use manifest::{Manifest, ManifestEntry, ManifestError, ManifestHead, write_manifest};
pub use record::{Done, Record};
pub use state::{Partial, Resumed};
