//! What a journal says when it is read again.

use crate::journal::past::{Past, Sections};
use crate::journal::record::{Record, SCHEMA};
use std::collections::{BTreeMap, HashMap};
use welkin_store::hash::ChainingValue;
use welkin_store::{Part, Upload};

/// Failures whose reasons are kept in memory; the others are counted.
const KEEP_FAILURES: usize = 1000;

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
#[derive(Debug, Default)]
pub struct Resumed {
    /// Its name, once it is open.
    pub id: Option<String>,
    /// Everything that decides what it does.
    pub what: String,
    /// When it began, in milliseconds since 1970.
    pub opened_ms: i64,
    /// What arrived before, for a process that goes on. Nothing of it counts but what is still so at both ends.
    pub past: Option<Past>,
    /// Objects that the last process could not move: key of the source to key of the target and why; the first
    /// thousand.
    pub failed: BTreeMap<String, (String, String)>,
    /// How many they are in all.
    pub failed_objects: u64,
    /// Uploads not finished, by key of the target.
    pub uploads: HashMap<String, Partial>,
    /// Uploads that may have begun without an answer: key of the target to when.
    pub intents: HashMap<String, i64>,
    /// Objects that arrived. While a transfer that was gone on with is not over, at least so many.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Whether it is over, and then whether nothing failed and when.
    pub closed: Option<(bool, i64)>,
    /// A line before the end that is not what was written, from 1.
    pub damaged: Option<u64>,
    /// Whether the machine was started again since, so that what was written and not synced may be lost.
    pub restarted: bool,
    /// Which start of the machine the last process ran in.
    pub(super) boot: Option<String>,
    /// Version of the form.
    pub(super) schema: Option<u32>,
    pub(super) sections: Sections,
    /// Objects and bytes that were known when the last process began.
    before: (u64, u64),
    /// Those that it wrote of.
    recent: (u64, u64),
}

impl Resumed {
    /// `end` is where the record ends in the file.
    pub(super) fn apply(&mut self, end: u64, record: Record) {
        match record {
            Record::Open { id, what, at_ms, schema, boot } => {
                self.boot = boot;
                self.id = Some(id);
                self.what = what;
                self.opened_ms = at_ms;
                self.schema = Some(schema);
            }
            Record::Going { boot, .. } => {
                self.boot = boot;
                self.goes_on(end);
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
                self.recent = (self.recent.0 + 1, self.recent.1.saturating_add(done.size));
                self.count();
            }
            Record::Failed { source, key, why } => {
                self.failed_objects += 1;
                if self.failed.len() < KEEP_FAILURES {
                    self.failed.insert(source, (key, why));
                }
            }
            Record::Paired { .. } => {}
            Record::Mark { source } => self.sections.mark = Some(source),
            Record::Closed { whole, at_ms } => {
                self.closed = Some((whole, at_ms));
                (self.objects, self.bytes) = self.recent;
            }
        }
    }

    /// What was counted so far was known before the process that goes on.
    fn goes_on(&mut self, end: u64) {
        self.before = (self.objects, self.bytes);
        self.recent = (0, 0);
        self.failed.clear();
        self.failed_objects = 0;
        self.closed = None;
        (self.sections.recent, self.sections.mark) = (end, None);
    }

    /// What is known of what arrived: a process that goes on writes of what is still there once more.
    fn count(&mut self) {
        self.objects = self.recent.0.max(self.before.0);
        self.bytes = self.recent.1.max(self.before.1);
    }

    /// What a journal begins with that says the same, but for what arrived.
    pub(super) fn records(&self) -> Vec<Record> {
        let (id, what) = (self.id.clone().unwrap_or_default(), self.what.clone());
        let mut records = vec![Record::Open { schema: SCHEMA, id, what, at_ms: self.opened_ms, boot: None }];
        for (key, partial) in &self.uploads {
            let Partial { upload, version, size, part_bytes, parts } = partial;
            records.push(Record::Begun {
                key: key.clone(),
                upload: upload.id.clone(),
                version: version.clone(),
                size: *size,
                part_bytes: *part_bytes,
            });
            records.extend(parts.values().map(|(part, chaining)| Record::Part {
                key: key.clone(),
                upload: upload.id.clone(),
                number: part.number,
                tag: part.tag.clone(),
                chaining: chaining.to_string(),
            }));
        }
        // Behind the uploads: one that has begun answers the intent before it.
        let intents = self.intents.iter();
        records.extend(intents.map(|(key, at_ms)| Record::Intent { key: key.clone(), at_ms: *at_ms }));
        records
    }
}
