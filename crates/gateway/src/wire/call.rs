//! What is asked and answered: the heads of messages, in JSON.
//!
//! The types of the wire are not those of the port (`convert` is between them). What no endpoint should see, a key that
//! is too long or a part that begins where none can, is refused here.

use crate::trust::roster::Right;
use crate::wire::frame::MAX_BODY_BYTES;
use serde::{Deserialize, Serialize};
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::hash::ChainingValue;
use welkin_store::{Failure, FailureKind, Metadata, inside};

/// Longest key that is looked at; endpoints have their own limits below it.
pub(crate) const MAX_KEY_BYTES: usize = 4096;

/// Most entries of one list that a gateway may send: twice as many as any store lists at once.
pub(crate) const MAX_PAGE_KEYS: usize = 10_000;

/// Most keys of one call that removes: as many as S3 takes.
pub(crate) const MAX_DELETED: usize = 1000;

/// Sums of a body, made when it was first read.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sums {
    offset: u64,
    whole: bool,
    #[serde(with = "hex")]
    blake3: [u8; 32],
    crc64: u64,
}

/// A call.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Call {
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
pub(crate) enum Answer {
    /// The body is a list of [`WireListed`]; `last` when none follows.
    Page {
        last: bool,
        /// What the page leaves out. Gateways of before 0.2 tell nothing of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<WireLeftOut>,
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
pub(crate) struct WireUpload {
    pub(crate) key: String,
    pub(crate) id: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireListed {
    #[serde(rename = "k")]
    pub(crate) key: String,
    #[serde(rename = "s")]
    pub(crate) size: u64,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(crate) modified_ms: Option<i64>,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireLeftOut {
    #[serde(rename = "k")]
    pub(crate) key: String,
    #[serde(rename = "w")]
    pub(crate) why: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireFound {
    pub(crate) listed: WireListed,
    pub(crate) metadata: Metadata,
    pub(crate) crc64: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireDangling {
    pub(crate) upload: WireUpload,
    pub(crate) begun_ms: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WirePart {
    #[serde(rename = "n")]
    pub(crate) number: u32,
    #[serde(rename = "t")]
    pub(crate) tag: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WireFailure {
    pub(crate) kind: String,
    pub(crate) operation: String,
    pub(crate) message: String,
    pub(crate) retry_after_ms: Option<u64>,
}

/// What a gateway tells of the place behind it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WireLimits {
    pub(crate) object_bytes: u64,
    pub(crate) part_bytes_min: u64,
    pub(crate) part_bytes_max: u64,
    pub(crate) parts: u32,
    pub(crate) part_bytes_best: u64,
    pub(crate) key_bytes: u64,
}

impl Sums {
    pub(crate) fn of(block: &Block) -> Self {
        Self {
            offset: block.offset(),
            whole: block.is_whole(),
            blake3: *block.chaining().as_bytes(),
            crc64: block.crc64(),
        }
    }

    /// The block that `length` bytes of `buffer` are, if they are those that the sender summed.
    pub(crate) fn block(&self, buffer: Buffer, length: usize) -> Result<Block, Failure> {
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
pub(crate) fn part_fits(offset: u64, length: usize, whole: bool) -> bool {
    if whole {
        return offset == 0;
    }
    let aligned = offset.is_multiple_of(welkin_store::hash::MIN_PART_BYTES);
    // A subtree that is no whole object has at least one byte.
    aligned
        && length > 0
        && (offset == 0 || blake3::hazmat::max_subtree_len(offset).is_none_or(|most| length as u64 <= most))
}

impl Call {
    /// Any of which whoever calls must have; the first is what it is called.
    pub(crate) fn rights(&self) -> &'static [Right] {
        match self {
            Self::List { .. } => &[Right::List],
            Self::Find { .. } => &[Right::Read, Right::Write, Right::List],
            Self::Read { .. } => &[Right::Read],
            Self::Delete => &[Right::Delete],
            Self::Put { .. }
            | Self::Begin { .. }
            | Self::Part { .. }
            | Self::Finish { .. }
            | Self::Abort { .. }
            | Self::Dangling { .. } => &[Right::Write],
        }
    }

    /// Refuses what no endpoint should see. Keys to be removed are in the body, and looked at there.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        let (name, other): (&str, &str) = match self {
            // What comes after is only compared, and names no place.
            Self::List { prefix, after, .. } => (prefix, after.as_deref().unwrap_or_default()),
            Self::Find { key } | Self::Read { key, .. } | Self::Put { key, .. } | Self::Begin { key, .. } => {
                (key, "")
            }
            Self::Part { upload, .. } | Self::Finish { upload, .. } | Self::Abort { upload } => {
                (&upload.key, &upload.id)
            }
            Self::Dangling { prefix } => (prefix, ""),
            Self::Delete => ("", ""),
        };
        if name.len() > MAX_KEY_BYTES || other.len() > MAX_KEY_BYTES {
            return Err(Failure::new(FailureKind::Unsupported, "take a call", "its key is too long"));
        }
        let is_inside = match self {
            Self::List { .. } | Self::Dangling { .. } | Self::Delete => inside::prefix(name),
            _ => inside::key(name),
        };
        is_inside.map_err(|why| Failure::new(FailureKind::Unsupported, format!("use {name:?}"), why))?;
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

/// Hashes as hexadecimal digits.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&blake3::Hash::from_bytes(*bytes).to_hex())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        blake3::Hash::from_hex(text.as_bytes()).map(|hash| *hash.as_bytes()).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
