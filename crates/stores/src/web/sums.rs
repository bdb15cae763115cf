//! Sums that stores keep of whole objects, and what is compared with them.
//!
//! The strongest that a store tells is compared, and MD5 only where it tells nothing else: it costs as much as
//! all else together. Each of them sees any single flipped bit.

use base64_simd::STANDARD;
use crc_fast::CrcAlgorithm;
use md5::{Digest as _, Md5};
use welkin_store::block::Block;

/// What a store says that a content has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sum {
    /// CRC-64/NVME, which every block carries.
    Crc64(u64),
    /// CRC-32C (Castagnoli).
    Crc32c(u32),
    /// The CRC-32 of zip and Ethernet.
    Crc32(u32),
    Md5([u8; 16]),
}

impl Sum {
    /// Whether a block has it.
    pub(crate) fn is_of(self, block: &Block) -> bool {
        match self {
            Self::Crc64(sum) => block.crc64() == sum,
            Self::Crc32c(sum) => crc32c(block.bytes()) == sum,
            Self::Crc32(sum) => {
                crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, block.bytes()) == u64::from(sum)
            }
            Self::Md5(sum) => md5(block.bytes()) == sum,
        }
    }

    /// Sums in base64, of their big-endian bytes.
    pub(crate) fn crc32c(text: &str) -> Option<Self> {
        bytes(text).map(u32::from_be_bytes).map(Self::Crc32c)
    }

    pub(crate) fn crc32(text: &str) -> Option<Self> {
        bytes(text).map(u32::from_be_bytes).map(Self::Crc32)
    }

    pub(crate) fn crc64(text: &str) -> Option<Self> {
        bytes(text).map(u64::from_be_bytes).map(Self::Crc64)
    }

    pub(crate) fn md5(text: &str) -> Option<Self> {
        bytes(text).map(Self::Md5)
    }

    /// An MD5 as ETags have it: 32 small hexadecimal digits. Those of objects in parts have a `-` and their number.
    pub(crate) fn md5_of_tag(tag: &str) -> Option<Self> {
        digest_of_tag(tag).map(Self::Md5)
    }
}

fn digest_of_tag(tag: &str) -> Option<[u8; 16]> {
    let digits = tag.trim_matches('"').as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
    let mut sum = [0; 16];
    if digits.len() != 2 * sum.len() {
        return None;
    }
    for (byte, pair) in sum.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok()?;
    }
    Some(sum)
}

/// The ETag of an object whose parts have these: the MD5 of theirs, and their number. `None` where one of them is no MD5.
pub(crate) fn tag_of_parts<'a>(tags: impl ExactSizeIterator<Item = &'a str>) -> Option<String> {
    let count = tags.len();
    let mut all = Md5::new();
    for tag in tags {
        all.update(digest_of_tag(tag)?);
    }
    let digits: String = all.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{digits}-{count}"))
}

/// CRC-32C, which catalogues of CRCs call iSCSI.
pub(crate) fn crc32c(bytes: &[u8]) -> u32 {
    u32::try_from(crc_fast::checksum(CrcAlgorithm::Crc32Iscsi, bytes))
        .expect("a CRC of 32 bits has no more of them")
}

fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// MD5 in base64, as `Content-MD5` has it.
pub(crate) fn content_md5(block: &Block) -> String {
    STANDARD.encode_to_string(md5(block.bytes()))
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    STANDARD.decode_to_vec(text).ok()?.try_into().ok()
}
