//! All buckets and uploads, behind one lock that is never held across an `await`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use s3s::{S3Result, s3_error};

use super::bucket::Bucket;
use super::checksum::Sums;
use super::content::Content;
use super::counters::Counters;
use super::object::{Attributes, Object};
use super::options::BucketKind;
use super::synthetic::mixed;
use super::uploads::{Named, Part, Upload};

pub(super) struct Store {
    state: Mutex<State>,
    counters: Arc<Counters>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Bucket>,
    pub(super) uploads: BTreeMap<String, Upload>,
    /// ETags and upload ids made so far.
    made: u64,
}

/// Under which condition a put may happen.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    /// `If-None-Match: *`.
    pub(super) absent: bool,
    /// `If-Match`.
    pub(super) etag: Option<String>,
}

impl Store {
    pub(super) fn new(buckets: &[(String, BucketKind)], counters: Arc<Counters>) -> Self {
        let buckets = buckets.iter().map(|(name, kind)| (name.clone(), Bucket::new(kind))).collect();
        Self { state: Mutex::new(State { buckets, ..State::default() }), counters }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the request that came last: the store's clock.
    pub(super) fn now(&self) -> u64 {
        self.counters.requests()
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        self.lock().bucket(bucket)?.get(key).ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// Fails where nothing may be put; else whether the bytes are kept.
    pub(super) fn accepts(&self, bucket: &str, key: &str) -> S3Result<bool> {
        let mut state = self.lock();
        let bucket = state.bucket(bucket)?;
        if key.len() > MAX_KEY_BYTES {
            return Err(s3_error!(KeyTooLongError));
        }
        if bucket.is_formula() {
            return Err(s3_error!(AccessDenied, "a synthetic bucket is read-only"));
        }
        Ok(bucket.keeps_bytes())
    }

    pub(super) fn put(
        &self,
        place: (&str, &str),
        body: (Content, Sums),
        attributes: Attributes,
        condition: &Condition,
    ) -> S3Result<Arc<Object>> {
        self.accepts(place.0, place.1)?;
        self.lock().put(place, body, attributes, condition, (self.now(), None))
    }

    pub(super) fn delete(&self, bucket: &str, key: &str) -> S3Result<()> {
        let now = self.now();
        self.lock().bucket(bucket)?.remove(key, now);
        Ok(())
    }

    pub(super) fn start_upload(&self, bucket: &str, key: &str, attributes: Attributes) -> S3Result<String> {
        self.accepts(bucket, key)?;
        let mut state = self.lock();
        let id = state.unique();
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let upload = Upload { bucket, key, attributes, started: SystemTime::now(), parts: BTreeMap::new() };
        state.uploads.insert(id.clone(), upload);
        Ok(id)
    }

    pub(super) fn put_part(
        &self,
        id: &str,
        place: (&str, &str),
        number: i32,
        body: (Content, Sums),
    ) -> S3Result<Arc<Part>> {
        let mut state = self.lock();
        // Not 32 digits, which clients would take for an MD5.
        let etag = format!("p{}", state.unique());
        let (content, sums) = body;
        let part = Arc::new(Part { content, sums, etag, modified: SystemTime::now() });
        state.upload(id, place)?.parts.insert(number, Arc::clone(&part));
        Ok(part)
    }

    pub(super) fn complete(
        &self,
        id: &str,
        place: (&str, &str),
        named: &[Named],
        condition: &Condition,
        check: impl FnOnce(&Content, &Sums) -> S3Result<()>,
    ) -> S3Result<Arc<Object>> {
        let now = self.now();
        let mut state = self.lock();
        let upload = state.upload(id, place)?;
        let body = upload.join(named)?;
        check(&body.0, &body.1)?;
        let attributes = upload.attributes.clone();
        let object = state.put(place, body, attributes, condition, (now, Some(named.len())))?;
        state.uploads.remove(id);
        Ok(object)
    }

    /// Puts another content of the same size in the place of an object, as somebody else would.
    pub(super) fn replace(&self, bucket: &str, key: &str) -> bool {
        self.change(bucket, key, |content| content.replaced(), true)
    }

    /// Damages an object behind everybody's back.
    pub(super) fn flip(&self, bucket: &str, key: &str, bit: u64) -> bool {
        self.change(bucket, key, |content| content.flipped(bit), false)
    }

    /// Damages a part likewise.
    pub(super) fn flip_part(&self, id: &str, number: i32, bit: u64) -> bool {
        let mut state = self.lock();
        let parts = state.uploads.get_mut(id).map(|upload| &mut upload.parts);
        let Some(part) = parts.and_then(|parts| parts.get_mut(&number)) else { return false };
        let Some(content) = part.content.flipped(bit) else { return false };
        let (sums, etag) = (part.sums.clone(), part.etag.clone());
        *part = Arc::new(Part { content, sums, etag, modified: part.modified });
        true
    }

    fn change(
        &self,
        bucket: &str,
        key: &str,
        edit: impl FnOnce(&Content) -> Option<Content>,
        honest: bool,
    ) -> bool {
        let mut state = self.lock();
        let etag = state.unique();
        let Some(bucket) = state.buckets.get_mut(bucket) else { return false };
        let Some(object) = bucket.get(key) else { return false };
        let Some(content) = edit(&object.content) else { return false };
        let mut changed = Object { content, ..(*object).clone() };
        if honest {
            changed.sums = Sums::of(&changed.content);
            changed.etag = format!("{etag}-1");
            changed.modified = SystemTime::now();
        }
        bucket.put(key, changed);
        true
    }
}

impl State {
    pub(super) fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        self.buckets.get_mut(name).ok_or_else(|| s3_error!(NoSuchBucket))
    }

    pub(super) fn upload(&mut self, id: &str, place: (&str, &str)) -> S3Result<&mut Upload> {
        let upload = self.uploads.get_mut(id);
        upload
            .filter(|upload| (upload.bucket.as_str(), upload.key.as_str()) == place)
            .ok_or_else(|| s3_error!(NoSuchUpload))
    }

    fn put(
        &mut self,
        (bucket, key): (&str, &str),
        (content, sums): (Content, Sums),
        attributes: Attributes,
        condition: &Condition,
        (born, parts): (u64, Option<usize>),
    ) -> S3Result<Arc<Object>> {
        let etag = format!("{}-{}", self.unique(), parts.unwrap_or(1));
        let bucket = self.bucket(bucket)?;
        let before = bucket.get(key);
        if condition.absent && before.is_some() {
            return Err(s3_error!(PreconditionFailed));
        }
        if let Some(expected) = &condition.etag {
            match before {
                None => return Err(s3_error!(NoSuchKey)),
                Some(before) if before.etag != *expected => return Err(s3_error!(PreconditionFailed)),
                Some(_) => {}
            }
        }
        let modified = SystemTime::now();
        Ok(bucket.put(key, Object { content, sums, etag, modified, attributes, born }))
    }

    /// 32 hexadecimal digits that were not used before. An ETag gets a part count appended, or clients
    /// would take it for an MD5.
    fn unique(&mut self) -> String {
        self.made += 1;
        format!("{:016x}{:016x}", mixed(self.made), self.made)
    }
}

/// A key has at most so many bytes of UTF-8.
const MAX_KEY_BYTES: usize = 1_024;
