//! Keys of parties: a root that signs and that messages are sealed for, and the file it lies in.
//!
//! Root → key of a data set and version → keys of files and columns: the root never seals data itself, so that a new version of
//! a key wraps others anew and leaves the data as they are.

mod file;
mod keeper;
mod party;

pub use file::{KeyError, KeyFile, Protection};
pub use keeper::{Keeper, KeeperError};
pub(crate) use party::verifies;
pub use party::{Identity, IdentityError, Root};
