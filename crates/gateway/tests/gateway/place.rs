//! A place in memory, which counts what is done to it.

use async_trait::async_trait;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::hash;
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Listed, Lister, Metadata, Part, Piece, Read,
    Upload,
};

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) content: Vec<u8>,
    pub(crate) metadata: Metadata,
    version: u64,
}

#[derive(Debug)]
struct Unfinished {
    metadata: Metadata,
    part_bytes: u64,
    /// Copies: the memory of a block is the client's, and others wait for it.
    parts: BTreeMap<u32, (hash::ChainingValue, Vec<u8>)>,
}

#[derive(Debug, Default)]
pub(crate) struct Place {
    objects: Mutex<BTreeMap<String, Object>>,
    uploads: Mutex<HashMap<Upload, Unfinished>>,
    next: AtomicU64,
    /// Blocks that were written.
    pub(crate) writes: AtomicU64,
    /// Pages that were listed.
    pub(crate) pages: AtomicU64,
    page: Option<usize>,
    /// Pages of listings that fail, in a way that passes, before any comes.
    pub(crate) lost_pages: AtomicU64,
    /// Whether the next write in parts is begun and never answered.
    pub(crate) hangs: AtomicBool,
    /// Told when that has happened.
    pub(crate) hung: Notify,
}

impl Place {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// One that lists so many objects at a time.
    pub(crate) fn paged(page: usize) -> Arc<Self> {
        Arc::new(Self { page: Some(page), ..Self::default() })
    }

    pub(crate) fn content(&self, key: &str) -> Option<Vec<u8>> {
        self.objects.lock().unwrap().get(key).map(|object| object.content.clone())
    }

    pub(crate) fn len(&self) -> usize {
        self.objects.lock().unwrap().len()
    }

    fn keep(&self, key: &str, metadata: Metadata, content: Vec<u8>) -> String {
        let version = self.next.fetch_add(1, Ordering::Relaxed);
        self.objects.lock().unwrap().insert(key.to_owned(), Object { content, metadata, version });
        version.to_string()
    }
}

fn failure(kind: FailureKind, key: &str) -> Failure {
    Failure::new(kind, format!("use memory:/{key}"), format!("{kind:?}"))
}

fn listed(key: &str, object: &Object) -> Listed {
    let (size, version) = (object.content.len() as u64, Some(object.version.to_string()));
    Listed { key: key.to_owned(), size, modified_ms: Some(1_700_000_000_000), version }
}

struct Pages {
    place: Arc<Place>,
    prefix: String,
    after: Option<String>,
}

#[async_trait]
impl Lister for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        let lost = |left: u64| left.checked_sub(1);
        if self.place.lost_pages.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lost).is_ok() {
            return Err(failure(FailureKind::Transient, &self.prefix));
        }
        self.place.pages.fetch_add(1, Ordering::Relaxed);
        let objects = self.place.objects.lock().unwrap();
        let after = self.after.clone();
        let wanted = objects.iter().filter(|(key, _)| {
            key.starts_with(&self.prefix) && after.as_ref().is_none_or(|after| *key > after)
        });
        let page: Vec<_> =
            wanted.take(self.place.page.unwrap_or(1000)).map(|(key, object)| listed(key, object)).collect();
        self.after = page.last().map(|last| last.key.clone()).or(after);
        Ok((!page.is_empty()).then_some(page))
    }
}

#[async_trait]
impl Endpoint for Place {
    fn name(&self) -> String {
        "memory:".to_owned()
    }

    fn identity(&self) -> String {
        self.name()
    }

    fn limits(&self) -> Limits {
        Limits {
            object_bytes: 1 << 40,
            part_bytes_min: 1024,
            part_bytes_max: 1 << 30,
            parts: 100_000,
            part_bytes_best: 8 << 20,
            parts_in_any_order: true,
            key_bytes: 1024,
        }
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Box::new(Pages { place: self, prefix: prefix.to_owned(), after: after.map(str::to_owned) })
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let objects = self.objects.lock().unwrap();
        Ok(objects.get(key).map(|object| Found {
            listed: listed(key, object),
            metadata: object.metadata.clone(),
            crc64: Some(welkin_gateway::frame::crc64(&object.content)),
        }))
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let objects = self.objects.lock().unwrap();
        let object = objects.get(what.key).ok_or_else(|| failure(FailureKind::NotFound, what.key))?;
        let version = object.version.to_string();
        if what.version.is_some_and(|wanted| wanted != version) {
            return Err(failure(FailureKind::Changed, what.key));
        }
        let start = what.offset as usize;
        let bytes = object.content.get(start..start + what.length);
        let bytes = bytes.ok_or_else(|| failure(FailureKind::Invalid, what.key))?;
        let mut writer = BlockWriter::new(buffer, what.offset, what.length, what.whole);
        writer.extend(bytes);
        let block = writer.finish().map_err(|_| failure(FailureKind::Invalid, what.key))?;
        Ok(Piece { block, metadata: object.metadata.clone(), version: Some(version) })
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        let content = block.check().map_err(|_| failure(FailureKind::Corrupt, key))?.to_vec();
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(Some(self.keep(key, metadata.clone(), content)))
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        _size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let id = self.next.fetch_add(1, Ordering::Relaxed).to_string();
        let upload = Upload { key: key.to_owned(), id };
        let unfinished = Unfinished { metadata: metadata.clone(), part_bytes, parts: BTreeMap::new() };
        self.uploads.lock().unwrap().insert(upload.clone(), unfinished);
        if self.hangs.swap(false, Ordering::Relaxed) {
            self.hung.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(upload)
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        block.check().map_err(|_| failure(FailureKind::Corrupt, &upload.key))?;
        let mut uploads = self.uploads.lock().unwrap();
        let unfinished =
            uploads.get_mut(upload).ok_or_else(|| failure(FailureKind::NotFound, &upload.key))?;
        assert_eq!(block.offset(), u64::from(number) * unfinished.part_bytes);
        unfinished.parts.insert(number, (block.chaining(), block.bytes().to_vec()));
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(Part { number, tag: block.chaining().to_string() })
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        let unfinished = self.uploads.lock().unwrap().remove(upload);
        let unfinished = unfinished.ok_or_else(|| failure(FailureKind::NotFound, &upload.key))?;
        assert_eq!(parts.len(), unfinished.parts.len());
        let sums: Vec<_> = unfinished.parts.values().map(|(sum, _)| *sum).collect();
        if hash::merge(&sums, unfinished.part_bytes) != *root {
            return Err(failure(FailureKind::Corrupt, &upload.key));
        }
        let content = unfinished.parts.into_values().flat_map(|(_, bytes)| bytes).collect();
        Ok(Some(self.keep(&upload.key, unfinished.metadata, content)))
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        self.uploads.lock().unwrap().remove(upload);
        Ok(())
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        let uploads = self.uploads.lock().unwrap();
        let below = uploads.keys().filter(|upload| upload.key.starts_with(prefix)).cloned();
        Ok(below.map(|upload| Dangling { upload, begun_ms: Some(5) }).collect())
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let mut objects = self.objects.lock().unwrap();
        let kept = keys.iter().filter(|key| {
            objects.remove(*key);
            key.starts_with("locked/")
        });
        Ok(kept.map(|key| (key.clone(), failure(FailureKind::Forbidden, key))).collect())
    }
}
