//! A place in memory, for tests and for clouds that exist in memory only.
//!
//! It keeps the promises of the port as a bucket of S3 does: versions, parts in any order, unfinished writes that are
//! found again, listings in the order of the keys. It has no clock: each write is a millisecond later than the
//! one before it, so that whoever runs under virtual time sees the same.

use crate::block::{Block, BlockWriter, Buffer};
use crate::endpoint::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Listed, Lister, Metadata, Part, Piece, Read,
    Upload,
};
use crate::hash::{self, ChainingValue};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Objects of a page.
const PAGE: usize = 1000;

/// When the first write was: no real time, but one that looks like a time.
const BEGAN_MS: i64 = 1_800_000_000_000;

/// See the head of the module.
#[derive(Debug)]
pub struct Memory {
    name: String,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<(String, String), Unfinished>,
    writes: i64,
}

#[derive(Debug)]
struct Object {
    content: Vec<u8>,
    metadata: Metadata,
    written: i64,
}

#[derive(Debug)]
struct Unfinished {
    metadata: Metadata,
    part_bytes: u64,
    begun: i64,
    /// Copies: the memory of a block belongs to whoever lent it.
    parts: BTreeMap<u32, (ChainingValue, Vec<u8>)>,
}

impl Memory {
    /// An empty place with this name, which tells it apart from others.
    #[must_use]
    pub fn new(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.to_owned(), held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, kind: FailureKind, verb: &str, key: &str, message: &str) -> Failure {
        Failure::new(kind, format!("{verb} {}/{key}", self.name), message)
    }

    fn no_upload(&self, upload: &Upload) -> Failure {
        self.failure(FailureKind::NotFound, "write", &upload.key, "there is no such upload")
    }

    fn checked<'a>(&self, block: &'a Block, key: &str) -> Result<&'a [u8], Failure> {
        block
            .check()
            .map_err(|flipped| self.failure(FailureKind::Corrupt, "write", key, &flipped.to_string()))
    }
}

impl Held {
    fn tick(&mut self) -> i64 {
        self.writes += 1;
        self.writes
    }

    fn keep(&mut self, key: &str, metadata: Metadata, content: Vec<u8>) -> String {
        let written = self.tick();
        self.objects.insert(key.to_owned(), Object { content, metadata, written });
        written.to_string()
    }
}

impl Object {
    fn listed(&self, key: &str) -> Listed {
        Listed {
            key: key.to_owned(),
            size: self.content.len() as u64,
            modified_ms: Some(BEGAN_MS + self.written),
            version: Some(self.written.to_string()),
        }
    }
}

impl Unfinished {
    /// All parts as one, if these are what came and their hash is this.
    fn whole(&self, parts: &[Part], root: &blake3::Hash) -> Option<Vec<u8>> {
        let told = parts.iter().map(|part| (part.number, part.tag.as_str()));
        let came = self.parts.iter().map(|(number, (sum, _))| (*number, sum.to_string()));
        if !came.map(Some).eq(told.map(|(number, tag)| Some((number, tag.to_owned())))) {
            return None;
        }
        let sums: Vec<_> = self.parts.values().map(|(sum, _)| *sum).collect();
        let content = || self.parts.values().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        (hash::merge(&sums, self.part_bytes) == *root).then(content)
    }
}

struct Pages {
    place: Arc<Memory>,
    prefix: String,
    after: Option<String>,
}

#[async_trait]
impl Lister for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        let held = self.place.held();
        let from = match &self.after {
            Some(after) if *after >= self.prefix => Bound::Excluded(after.as_str()),
            _ => Bound::Included(self.prefix.as_str()),
        };
        let page: Vec<_> = held
            .objects
            .range::<str, _>((from, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(&self.prefix))
            .take(PAGE)
            .map(|(key, object)| object.listed(key))
            .collect();
        drop(held);
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.key.clone());
        Ok(Some(page))
    }
}

#[async_trait]
impl Endpoint for Memory {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn identity(&self) -> String {
        format!("memory {}", self.name)
    }

    /// Those of S3, but for the shortest part, so that tests need no long objects.
    fn limits(&self) -> Limits {
        Limits {
            object_bytes: 5 << 40,
            part_bytes_min: hash::MIN_PART_BYTES,
            part_bytes_max: 5 << 30,
            parts: 10_000,
            part_bytes_best: 8 << 20,
            parts_in_any_order: true,
            key_bytes: 1024,
        }
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Box::new(Pages { place: self, prefix: prefix.to_owned(), after: after.map(str::to_owned) })
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let held = self.held();
        let found = |object: &Object| Found {
            listed: object.listed(key),
            metadata: object.metadata.clone(),
            crc64: None,
        };
        Ok(held.objects.get(key).map(found))
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let failure = |kind, why| self.failure(kind, "read", what.key, why);
        let held = self.held();
        let object = held
            .objects
            .get(what.key)
            .ok_or_else(|| failure(FailureKind::NotFound, "there is no such object"))?;
        let version = object.written.to_string();
        let changed = || failure(FailureKind::Changed, "it is another version");
        let length = object.content.len();
        if what.version.is_some_and(|wanted| wanted != version) || (what.whole && length != what.length) {
            return Err(changed());
        }
        let start = usize::try_from(what.offset).unwrap_or(usize::MAX).min(length);
        let bytes = object.content[start..].get(..what.length).ok_or_else(changed)?;
        let mut writer = BlockWriter::new(buffer, what.offset, what.length, what.whole);
        writer.extend(bytes);
        let block =
            writer.finish().map_err(|_| failure(FailureKind::Invalid, "it is shorter than it was"))?;
        Ok(Piece { block, metadata: object.metadata.clone(), version: Some(version) })
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        let content = self.checked(block, key)?.to_vec();
        Ok(Some(self.held().keep(key, metadata.clone(), content)))
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        _size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let mut held = self.held();
        let begun = held.tick();
        let upload = Upload { key: key.to_owned(), id: begun.to_string() };
        let unfinished = Unfinished { metadata: metadata.clone(), part_bytes, begun, parts: BTreeMap::new() };
        held.uploads.insert((upload.key.clone(), upload.id.clone()), unfinished);
        Ok(upload)
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        let bytes = self.checked(block, &upload.key)?.to_vec();
        let mut held = self.held();
        let unfinished = held.uploads.get_mut(&(upload.key.clone(), upload.id.clone()));
        let unfinished = unfinished.ok_or_else(|| self.no_upload(upload))?;
        unfinished.parts.insert(number, (block.chaining(), bytes));
        Ok(Part { number, tag: block.chaining().to_string() })
    }

    /// Repeated, because its answer was lost, it finds the object there.
    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        let mut held = self.held();
        let name = (upload.key.clone(), upload.id.clone());
        let Some(unfinished) = held.uploads.get(&name) else {
            let there = held.objects.get(&upload.key).filter(|object| blake3::hash(&object.content) == *root);
            return there
                .map(|object| Some(object.written.to_string()))
                .ok_or_else(|| self.no_upload(upload));
        };
        let content = unfinished.whole(parts, root).ok_or_else(|| {
            self.failure(
                FailureKind::Corrupt,
                "write",
                &upload.key,
                "the parts are not what was to be written",
            )
        })?;
        let metadata = unfinished.metadata.clone();
        held.uploads.remove(&name);
        Ok(Some(held.keep(&upload.key, metadata, content)))
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        self.held().uploads.remove(&(upload.key.clone(), upload.id.clone()));
        Ok(())
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        let held = self.held();
        let below = held.uploads.iter().filter(|((key, _), _)| key.starts_with(prefix));
        let left = below.map(|((key, id), unfinished)| Dangling {
            upload: Upload { key: key.clone(), id: id.clone() },
            begun_ms: Some(BEGAN_MS + unfinished.begun),
        });
        Ok(left.collect())
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let mut held = self.held();
        for key in keys {
            held.objects.remove(key);
        }
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{Abilities, conforms};

    #[tokio::test]
    async fn memory_conforms() {
        let place = Memory::new("memory:");
        conforms(&(Box::new(move || Arc::clone(&place) as Arc<dyn Endpoint>) as _), Abilities::ALL).await;
    }
}
