//! The port of the data plane: what a place that holds objects can do.
//!
//! Files of this machine, buckets of S3, Google Cloud Storage and Azure, and the folders behind another
//! Welkin gateway are all an [`Endpoint`]. The engine knows nothing of them but this.
//!
//! * Keys are UTF-8 with `/` between their parts, without a leading slash, and order as bytes.
//! * A *version* is whatever changes when an object does (an ETag; length, time and inode of a file). A
//!   read that names one fails with [`FailureKind::Changed`] rather than return bytes of another.
//! * An object comes into being whole: by [`Endpoint::put`], or by parts of equal power-of-two length but
//!   the last, and then [`Endpoint::finish`]. Until then nobody sees it.
//! * Whoever writes takes the bytes from [`crate::block::Block::slices`] (or checks them), so that what flipped in memory
//!   is never written.
//! * Blocks come shared, so that a place can hand one to a thread, or keep it until it is acknowledged.
//! * No method retries, but for a connection that had been closed while idle. Pauses and repetition
//!   are the engine's.

mod failure;
pub mod inside;
mod limits;
mod metadata;
mod under;
mod whereabouts;

pub use failure::{Failure, FailureKind};
pub use limits::Limits;
pub use metadata::{MODE, MTIME, Metadata};
pub use under::Under;
pub use whereabouts::Whereabouts;

use crate::block::{Block, Buffer};
use async_trait::async_trait;
use std::sync::Arc;

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, in milliseconds since 1970, if the place knows.
    pub modified_ms: Option<i64>,
    /// What changes when it does.
    pub version: Option<String>,
}

impl Listed {
    /// What is there and could not be looked at; one that is a folder ends with a slash. Reading it says why.
    ///
    /// It stands for what may be below it as well: whoever compares listings must not take anything for gone because
    /// of it.
    #[must_use]
    pub fn out_of_sight(key: String) -> Self {
        Self { key, size: 0, modified_ms: None, version: None }
    }

    /// Whether it is that.
    #[must_use]
    pub fn is_out_of_sight(&self) -> bool {
        self.size == 0 && self.modified_ms.is_none() && self.version.is_none()
    }

    /// Whether it is that because its name may be no UTF-8. Its key has U+FFFD for what cannot be said, and so another
    /// object may have the same: nothing may be read, written or removed by it.
    #[must_use]
    pub fn is_nameless(&self) -> bool {
        let name = self.key.trim_end_matches('/').rsplit('/').next();
        self.is_out_of_sight() && name.is_some_and(|name| name.contains(char::REPLACEMENT_CHARACTER))
    }
}

/// What a listing leaves out, though it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The key that it would have.
    pub key: String,
    /// Why.
    pub why: WhyLeftOut,
}

/// Why a listing leaves something out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyLeftOut {
    /// A link, where whoever lists decides what becomes of links.
    Link,
    /// A link behind a gateway, which leaves all of them out.
    LinkThere,
    /// A pipe, a socket or a device.
    Special,
    /// A file that is being written.
    Temporary,
    /// What only a newer gateway knows.
    Unknown,
}

impl WhyLeftOut {
    /// As a sentence about it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Link => "it is a link (--links keeps links, --copy-links takes what they lead to)",
            Self::LinkThere => "it is a link, and gateways leave links out",
            Self::Special => "it is neither a file nor a folder",
            Self::Temporary => "its name is that of a file that welkin is writing",
            Self::Unknown => "the gateway leaves it out",
        }
    }
}

/// An object as it is when one looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// As in a listing.
    pub listed: Listed,
    /// What is kept beside its content.
    pub metadata: Metadata,
    /// CRC-64/NVME of its whole content, where the place keeps one.
    pub crc64: Option<u64>,
}

impl From<Listed> for Found {
    fn from(listed: Listed) -> Self {
        Self { listed, metadata: Metadata::default(), crc64: None }
    }
}

/// What to read.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// The object.
    pub key: &'a str,
    /// From which byte.
    pub offset: u64,
    /// How many bytes; all of them must come.
    pub length: usize,
    /// Whether this is the whole object.
    pub whole: bool,
    /// Only of this version.
    pub version: Option<&'a str>,
}

/// What was read.
#[derive(Debug)]
pub struct Piece {
    /// The bytes, summed as they came.
    pub block: Block,
    /// What is kept beside the content, as far as this read showed it.
    pub metadata: Metadata,
    /// Version that the bytes belong to.
    pub version: Option<String>,
}

/// A write in parts under way.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upload {
    /// The object that will be.
    pub key: String,
    /// The place's name for the write. Together with the key it is all that is needed to go on after a restart.
    pub id: String,
}

/// A part that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// From 0.
    pub number: u32,
    /// The place's receipt.
    pub tag: String,
}

/// A write in parts that somebody began and nobody finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dangling {
    /// The write.
    pub upload: Upload,
    /// When it was begun, in milliseconds since 1970, if the place knows.
    pub begun_ms: Option<i64>,
}

/// Pages of a listing, in the order of the keys.
///
/// *After a failure* the same page is asked for again, and either comes or fails again. It is never passed over, and
/// `None` is no answer to it: a lister that finds in a repetition that nothing follows says so with an empty page
/// first. What would otherwise look complete and is not, a mirror would remove at the target.
#[async_trait]
pub trait Lister: Send {
    /// The next page, which may be empty; `None` after the last.
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure>;

    /// What was left out up to the end of the last page and not told yet.
    fn left_out(&mut self) -> Vec<LeftOut> {
        Vec::new()
    }
}

/// A place that holds objects. What holds of all of them is at the head of this file.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// Its name for people, such as `s3://bucket`.
    fn name(&self) -> String;

    /// Which place it is, told apart from every other: not for people, but for records. Whatever decides where bytes go
    /// is in it (the service's address, account and bucket; the peer behind a gateway; the folder), and nothing
    /// that changes while the place stays the same, such as a token. No secret is in it.
    fn identity(&self) -> String;

    /// Where what begins with `prefix` (empty, or ending with a slash) really lies, in each way in which that can be
    /// known: two places overlap where one's chain leads into the other's. Unlike its identity it leaves out who asks
    /// and by which name.
    async fn whereabouts(&self, prefix: &str) -> Vec<Whereabouts> {
        vec![Whereabouts::at(self.identity()).below(prefix)]
    }

    /// Whether its listings show when the content was written at its origin, rather than when it came here.
    fn lists_mtimes(&self) -> bool {
        false
    }

    /// Whether a part that it took is still there after a power cut.
    fn keeps_parts(&self) -> bool {
        true
    }

    /// Another key that what is written under this one would take the place of: where links are kept, a link and a file of
    /// one name.
    fn twin_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        let _ = key;
        None
    }

    /// What fits.
    fn limits(&self) -> Limits;

    /// Whether its calls are nothing but calls of this machine's file system, so that several of them can be made on
    /// one thread.
    fn is_files(&self) -> bool {
        false
    }

    /// Lists objects whose keys begin with `prefix` and come after `after`.
    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister>;

    /// Looks at an object; `None` when there is none.
    async fn find(&self, key: &str) -> Result<Option<Found>, Failure>;

    /// Reads bytes of an object into `buffer`.
    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure>;

    /// Writes an object at once and returns its version, if the place tells it.
    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure>;

    /// Begins an object of `size` bytes that comes in parts of `part_bytes`. A size of 0 says that nobody
    /// knows it yet: parts come in order then (though several at once where the place takes them so), and
    /// the first that is shorter is the last.
    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure>;

    /// Writes a part. Repeating it replaces what was there.
    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure>;

    /// Makes the object appear, from all of its parts in order, and returns its version. `root` is the BLAKE3 hash of
    /// the whole: a place that can compare it does.
    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure>;

    /// Gives a write up; what arrived of it is dropped. One that does not exist any more is no failure.
    async fn abort(&self, upload: &Upload) -> Result<(), Failure>;

    /// Writes in parts below `prefix` that nobody finished.
    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure>;

    /// Removes objects. Those that are not there are no failure. Returns those that could not be removed.
    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure>;

    /// The same for who sees only what is below `floor`, a prefix that ends with a slash: what leads there stays, also where
    /// nothing is left in it.
    async fn delete_below(&self, floor: &str, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let _ = floor;
        self.delete(keys).await
    }

    /// Says that nothing more will be asked, where there is somebody who keeps something for whoever asks.
    async fn close(&self) {}
}
