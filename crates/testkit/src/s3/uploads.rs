//! Multipart uploads and the limits that S3 sets them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use s3s::{S3Result, s3_error};

use super::checksum::Sums;
use super::content::{Content, RopeBuilder};
use super::object::{Attributes, OpenUpload};

/// Every part but the last has at least this; 5 MiB.
pub(super) const MIN_PART_BYTES: u64 = 5 << 20;
/// One request puts at most this; 5 GiB.
pub(super) const MAX_PUT_BYTES: u64 = 5 << 30;
/// An object has at most this; 5 TiB.
pub(super) const MAX_OBJECT_BYTES: u64 = 5 << 40;
/// Part numbers go from 1 to this.
pub(super) const MAX_PARTS: i32 = 10_000;

pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) attributes: Attributes,
    pub(super) started: SystemTime,
    pub(super) parts: BTreeMap<i32, Arc<Part>>,
}

pub(super) struct Part {
    pub(super) content: Content,
    pub(super) sums: Sums,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
}

/// A part as `CompleteMultipartUpload` names it.
pub(super) struct Named {
    pub(super) number: i32,
    pub(super) etag: Option<String>,
}

impl Upload {
    /// The object of these parts, its checksums and its number of parts.
    pub(super) fn join(&self, named: &[Named]) -> S3Result<(Content, Sums)> {
        if named.is_empty() {
            return Err(s3_error!(MalformedXML, "an upload is completed with at least one part"));
        }
        if !named.is_sorted_by(|a, b| a.number < b.number) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let parts: Vec<&Part> = named.iter().map(|named| self.part(named)).collect::<S3Result<_>>()?;
        let (_, all_but_last) = parts.split_last().unwrap_or((&parts[0], &[]));
        if let Some(at) = all_but_last.iter().position(|part| part.content.len() < MIN_PART_BYTES) {
            let (number, len) = (named[at].number, all_but_last[at].content.len());
            return Err(s3_error!(EntityTooSmall, "part {number} has {len} bytes"));
        }
        let len: u64 = parts.iter().map(|part| part.content.len()).sum();
        if len > MAX_OBJECT_BYTES {
            return Err(s3_error!(EntityTooLarge));
        }
        let lens = parts.iter().map(|part| (part.sums.crc64(&part.content), part.content.len()));
        let sums = Sums::combined(lens);
        let mut rope = RopeBuilder::default();
        for part in &parts {
            match &part.content {
                Content::Held(held) => rope.push_rope(held),
                // A bucket keeps the bytes of all its parts or of none.
                Content::Dropped(_) => return Ok((Content::Dropped(len), sums)),
                generated @ Content::Generated(_) => {
                    generated
                        .pieces(0..generated.len())
                        .into_iter()
                        .flatten()
                        .for_each(|piece| rope.push(piece));
                }
            }
        }
        Ok((Content::Held(rope.finish()), sums))
    }

    fn part(&self, named: &Named) -> S3Result<&Part> {
        let part = self.parts.get(&named.number);
        let same = |part: &&Arc<Part>| named.etag.as_ref().is_none_or(|etag| *etag == part.etag);
        part.filter(same)
            .map(|part| &**part)
            .ok_or_else(|| s3_error!(InvalidPart, "part {} was not uploaded with this ETag", named.number))
    }

    pub(super) fn open(&self, id: &str) -> OpenUpload {
        OpenUpload {
            bucket: self.bucket.clone(),
            key: self.key.clone(),
            id: id.to_owned(),
            parts: self.parts.len(),
            bytes: self.parts.values().map(|part| part.content.len()).sum(),
        }
    }
}
