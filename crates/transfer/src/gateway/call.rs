//! What is asked and answered: the heads of messages, in JSON, and how they stand for the port's types.
//!
//! The types of the wire are not those of the port. What a peer sends is turned into the port's types here, and what
//! cannot be (a key too long, a part that begins where none can) is refused here.

use super::frame::MAX_BODY_BYTES;
use crate::block::{Block, BlockWriter, Buffer};
use crate::endpoint::{Dangling, Failure, FailureKind, Found, Limits, Listed, Metadata, Part, Upload};
use crate::hash::ChainingValue;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Longest key that is looked at; endpoints have their own limits below it.
const MAX_KEY_BYTES: usize = 4096;

/// Sums of a body, made when it was first read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Sums {
    offset: u64,
    whole: bool,
    #[serde(with = "hex")]
    blake3: [u8; 32],
    crc64: u64,
}

/// A call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Call {
    List { cursor: u64, prefix: String, after: Option<String> },
    Find { key: String },
    Read { key: String, offset: u64, length: u64, whole: bool, version: Option<String> },
    Put { key: String, metadata: Metadata, sums: Sums },
    Begin { key: String, metadata: Metadata, size: u64, part_bytes: u64 },
    Part { upload: WireUpload, number: u32, sums: Sums },
    Finish { upload: WireUpload, root: String },
    Abort { upload: WireUpload },
    Dangling { prefix: String },
    Delete,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// The body is a list of [`WireListed`]; `last` when none follows.
    Page {
        last: bool,
    },
    Found {
        found: Option<WireFound>,
    },
    /// The body is the bytes.
    Piece {
        metadata: Metadata,
        version: Option<String>,
        sums: Sums,
    },
    Version {
        version: Option<String>,
    },
    Upload {
        upload: WireUpload,
    },
    Part {
        number: u32,
        tag: String,
    },
    Done,
    /// The body is a list of [`WireDangling`].
    Dangling,
    /// The body is a list of keys and failures.
    Undeleted,
    Failed {
        failure: WireFailure,
    },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WireUpload {
    key: String,
    id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireListed {
    #[serde(rename = "k")]
    key: String,
    #[serde(rename = "s")]
    size: u64,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    modified_ms: Option<i64>,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireFound {
    listed: WireListed,
    metadata: Metadata,
    crc64: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireDangling {
    upload: WireUpload,
    begun_ms: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WirePart {
    #[serde(rename = "n")]
    number: u32,
    #[serde(rename = "t")]
    tag: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireFailure {
    kind: String,
    operation: String,
    message: String,
    retry_after_ms: Option<u64>,
}

/// What a gateway tells of the place behind it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct WireLimits {
    object_bytes: u64,
    part_bytes_min: u64,
    part_bytes_max: u64,
    parts: u32,
    part_bytes_best: u64,
    key_bytes: u64,
}

impl Sums {
    pub(super) fn of(block: &Block) -> Self {
        Self {
            offset: block.offset(),
            whole: block.is_whole(),
            blake3: *block.chaining().as_bytes(),
            crc64: block.crc64(),
        }
    }

    /// The block that `length` bytes of `buffer` are, if they are those that the sender summed.
    pub(super) fn block(&self, buffer: Buffer, length: usize) -> Result<Block, Failure> {
        let wrong = |kind, message: &str| Err(Failure::new(kind, "take a block over", message));
        if !self.fits(length) {
            return wrong(FailureKind::Invalid, "it begins where no part of its length can");
        }
        let mut writer = BlockWriter::new(buffer, self.offset, length, self.whole);
        while writer.missing() > 0 {
            let count = writer.spare().len();
            writer.advance(count);
        }
        match writer.finish() {
            Ok(block) if block.chaining() == self.chaining() && block.crc64() == self.crc64 => Ok(block),
            _ => wrong(FailureKind::Corrupt, "it is not what was first read"),
        }
    }

    fn chaining(&self) -> ChainingValue {
        ChainingValue::subtree(self.blake3)
    }

    /// Whether BLAKE3 has a subtree there: a hostile peer must not make the hasher panic.
    fn fits(&self, length: usize) -> bool {
        part_fits(self.offset, length, self.whole)
    }
}

/// Whether `length` bytes at `offset` can be hashed as a part of an object.
pub(super) fn part_fits(offset: u64, length: usize, whole: bool) -> bool {
    if whole {
        return offset == 0;
    }
    let aligned = offset.is_multiple_of(crate::hash::MIN_PART_BYTES);
    // A subtree that is no whole object has at least one byte.
    aligned
        && length > 0
        && (offset == 0 || blake3::hazmat::max_subtree_len(offset).is_none_or(|most| length as u64 <= most))
}

impl Call {
    /// Refuses what no endpoint should see.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let keys: [&str; 2] = match self {
            Self::List { prefix, after, .. } => [prefix, after.as_deref().unwrap_or_default()],
            Self::Find { key } | Self::Read { key, .. } | Self::Put { key, .. } | Self::Begin { key, .. } => {
                [key, ""]
            }
            Self::Part { upload, .. } | Self::Finish { upload, .. } | Self::Abort { upload } => {
                [&upload.key, &upload.id]
            }
            Self::Dangling { prefix } => [prefix, ""],
            Self::Delete => ["", ""],
        };
        if keys.iter().any(|key| key.len() > MAX_KEY_BYTES) {
            return Err(Failure::new(FailureKind::Unsupported, "take a call", "its key is too long"));
        }
        if let Self::Read { offset, length, whole, .. } = self
            && (*length > MAX_BODY_BYTES as u64 || !part_fits(*offset, *length as usize, *whole))
        {
            return Err(Failure::new(
                FailureKind::Invalid,
                "take a call",
                "no block has this place and length",
            ));
        }
        Ok(())
    }
}

impl From<&Upload> for WireUpload {
    fn from(upload: &Upload) -> Self {
        Self { key: upload.key.clone(), id: upload.id.clone() }
    }
}

impl From<WireUpload> for Upload {
    fn from(upload: WireUpload) -> Self {
        Self { key: upload.key, id: upload.id }
    }
}

impl From<Listed> for WireListed {
    fn from(listed: Listed) -> Self {
        let Listed { key, size, modified_ms, version } = listed;
        Self { key, size, modified_ms, version }
    }
}

impl From<WireListed> for Listed {
    fn from(listed: WireListed) -> Self {
        let WireListed { key, size, modified_ms, version } = listed;
        Self { key, size, modified_ms, version }
    }
}

impl From<Found> for WireFound {
    fn from(found: Found) -> Self {
        Self { listed: found.listed.into(), metadata: found.metadata, crc64: found.crc64 }
    }
}

impl From<WireFound> for Found {
    fn from(found: WireFound) -> Self {
        Self { listed: found.listed.into(), metadata: found.metadata, crc64: found.crc64 }
    }
}

impl From<Dangling> for WireDangling {
    fn from(dangling: Dangling) -> Self {
        Self { upload: (&dangling.upload).into(), begun_ms: dangling.begun_ms }
    }
}

impl From<WireDangling> for Dangling {
    fn from(dangling: WireDangling) -> Self {
        Self { upload: dangling.upload.into(), begun_ms: dangling.begun_ms }
    }
}

impl From<&Part> for WirePart {
    fn from(part: &Part) -> Self {
        Self { number: part.number, tag: part.tag.clone() }
    }
}

impl From<WirePart> for Part {
    fn from(part: WirePart) -> Self {
        Self { number: part.number, tag: part.tag }
    }
}

const KINDS: &[(FailureKind, &str)] = &[
    (FailureKind::NotFound, "not_found"),
    (FailureKind::Changed, "changed"),
    (FailureKind::Credentials, "credentials"),
    (FailureKind::Forbidden, "forbidden"),
    (FailureKind::Throttled, "throttled"),
    (FailureKind::Transient, "transient"),
    (FailureKind::Corrupt, "corrupt"),
    (FailureKind::Full, "full"),
    (FailureKind::TooLarge, "too_large"),
    (FailureKind::Unsupported, "unsupported"),
    (FailureKind::Invalid, "invalid"),
];

impl From<Failure> for WireFailure {
    fn from(failure: Failure) -> Self {
        let kind = KINDS.iter().find(|(kind, _)| *kind == failure.kind).map_or("transient", |(_, name)| name);
        let retry_after_ms = failure.retry_after.map(|pause| pause.as_millis() as u64);
        let (operation, message) = (failure.operation, failure.message);
        Self { kind: kind.to_owned(), operation, message, retry_after_ms }
    }
}

impl From<WireFailure> for Failure {
    fn from(failure: WireFailure) -> Self {
        // A kind of a newer gateway: whoever does not know it can only try again.
        let kind = KINDS
            .iter()
            .find(|(_, name)| *name == failure.kind)
            .map_or(FailureKind::Transient, |(kind, _)| *kind);
        Self::new(kind, failure.operation, failure.message)
            .retry_after(failure.retry_after_ms.map(Duration::from_millis))
    }
}

/// Part length that suits lanes: one frame.
const BEST_PART_BYTES: u64 = super::frame::MAX_PIECE_BYTES as u64;

impl From<Limits> for WireLimits {
    fn from(limits: Limits) -> Self {
        Self {
            object_bytes: limits.object_bytes,
            part_bytes_min: limits.part_bytes_min,
            part_bytes_max: limits.part_bytes_max.min(MAX_BODY_BYTES as u64),
            parts: limits.parts,
            // A place that takes short parts gets those that suit the way there; one with requests of its own to pay
            // for each part, such as a store, keeps its own best.
            part_bytes_best: if limits.part_bytes_min <= BEST_PART_BYTES {
                BEST_PART_BYTES
            } else {
                limits.part_bytes_best
            },
            key_bytes: limits.key_bytes as u64,
        }
    }
}

impl From<WireLimits> for Limits {
    fn from(limits: WireLimits) -> Self {
        Self {
            object_bytes: limits.object_bytes,
            part_bytes_min: limits.part_bytes_min,
            part_bytes_max: limits.part_bytes_max.min(MAX_BODY_BYTES as u64),
            parts: limits.parts,
            part_bytes_best: limits.part_bytes_best.min(MAX_BODY_BYTES as u64),
            parts_in_any_order: true,
            key_bytes: usize::try_from(limits.key_bytes).unwrap_or(MAX_KEY_BYTES).min(MAX_KEY_BYTES),
        }
    }
}

/// Hashes as hexadecimal digits.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&blake3::Hash::from_bytes(*bytes).to_hex())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        blake3::Hash::from_hex(text.as_bytes()).map(|hash| *hash.as_bytes()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_keep_their_meaning() {
        for (kind, _) in KINDS {
            let failure = Failure::new(*kind, "read a", "why").retry_after(Some(Duration::from_secs(2)));
            let back = Failure::from(WireFailure::from(failure));
            assert_eq!((back.kind, back.retry_after), (*kind, Some(Duration::from_secs(2))));
            assert_eq!(back.to_string(), "cannot read a: why");
        }
    }

    #[test]
    fn a_block_is_taken_over_only_as_it_was_summed() {
        let block = |content: &[u8]| {
            let mut writer = BlockWriter::new(Buffer::detached(content.len()), 2048, content.len(), false);
            writer.extend(content);
            writer.finish().unwrap()
        };
        let sums = Sums::of(&block(&[5; 1500]));
        let buffer = |byte| {
            let mut buffer = Buffer::detached(4096);
            buffer.fill(byte);
            buffer
        };
        assert_eq!(sums.block(buffer(5), 1500).unwrap().bytes(), [5; 1500]);
        assert_eq!(sums.block(buffer(6), 1500).unwrap_err().kind, FailureKind::Corrupt);
        assert_eq!(sums.block(buffer(5), 1499).unwrap_err().kind, FailureKind::Corrupt);
        assert_eq!(sums.block(buffer(5), 4000).unwrap_err().kind, FailureKind::Invalid);
        let odd = Sums { offset: 77, ..sums };
        assert_eq!(odd.block(buffer(5), 1500).unwrap_err().kind, FailureKind::Invalid);
    }
}
