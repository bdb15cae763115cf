//! What a journal says when it is read again.

use crate::endpoint::{Part, Upload};
use crate::hash::ChainingValue;
use crate::journal::record::{Done, Record};
use std::collections::{BTreeMap, HashMap};

/// An upload that was not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    /// The upload.
    pub upload: Upload,
    /// Version of the source that it is made of.
    pub version: Option<String>,
    /// Length of the object.
    pub size: u64,
    /// Length of its parts.
    pub part_bytes: u64,
    /// What arrived of it, by number.
    pub parts: BTreeMap<u32, (Part, ChainingValue)>,
}

/// The state of a transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resumed {
    /// Its name, once it is open.
    pub id: Option<String>,
    /// Everything that decides what it does.
    pub what: String,
    /// When it began, in milliseconds since 1970.
    pub opened_ms: i64,
    /// Up to which key of the source everything is settled.
    pub mark: Option<String>,
    /// Objects beyond the mark that are done, by key of the source.
    pub done: HashMap<String, Done>,
    /// Objects that failed: key of the source to key of the target and why.
    pub failed: BTreeMap<String, (String, String)>,
    /// Uploads not finished, by key of the target.
    pub uploads: HashMap<String, Partial>,
    /// Uploads that may have begun without an answer: key of the target to when.
    pub intents: HashMap<String, i64>,
    /// Objects and bytes that are done in all.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Whether it is over, and then whether nothing failed and when.
    pub closed: Option<(bool, i64)>,
}

impl Resumed {
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::Open { id, what, at_ms, .. } => {
                self.id = Some(id);
                self.what = what;
                self.opened_ms = at_ms;
            }
            Record::Intent { key, at_ms } => {
                self.closed = None;
                self.intents.insert(key, at_ms);
            }
            Record::Begun { key, upload, version, size, part_bytes } => {
                self.intents.remove(&key);
                let upload = Upload { key: key.clone(), id: upload };
                let parts = BTreeMap::new();
                self.uploads.insert(key, Partial { upload, version, size, part_bytes, parts });
            }
            Record::Part { key, upload, number, tag, chaining } => {
                let partial = self.uploads.get_mut(&key).filter(|partial| partial.upload.id == upload);
                if let (Some(partial), Some(chaining)) = (partial, ChainingValue::from_hex(&chaining)) {
                    partial.parts.insert(number, (Part { number, tag }, chaining));
                }
            }
            Record::Dropped { key, upload } => {
                if self.uploads.get(&key).is_some_and(|partial| partial.upload.id == upload) {
                    self.uploads.remove(&key);
                }
            }
            Record::Done(done) => {
                self.closed = None;
                self.uploads.remove(&done.key);
                self.intents.remove(&done.key);
                self.failed.remove(&done.source);
                self.objects += 1;
                self.bytes += done.size;
                self.done.insert(done.source.clone(), done);
            }
            Record::Failed { source, key, why } => {
                self.failed.insert(source, (key, why));
            }
            Record::Mark { source } => {
                self.done.retain(|key, _| *key > source);
                self.mark = Some(source);
            }
            Record::Closed { whole, at_ms } => self.closed = Some((whole, at_ms)),
        }
    }
}
