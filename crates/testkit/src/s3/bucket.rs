//! A bucket: objects by key, or a formula for them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::checksum::Sums;
use super::content::Content;
use super::listing::Entry;
use super::object::{Attributes, Object};
use super::options::BucketKind;
use super::synthetic::Synthetic;

/// Deleted keys that a lagging listing may still show; the oldest go first.
const GONE: usize = 10_000;

pub(super) struct Bucket {
    kind: BucketKind,
    pub(super) created: SystemTime,
    objects: BTreeMap<String, Arc<Object>>,
    /// Deleted keys: the request that put them, the one that deleted them, and what a listing said.
    gone: BTreeMap<String, (u64, u64, Entry)>,
}

impl Bucket {
    pub(super) fn new(kind: &BucketKind) -> Self {
        let (objects, gone) = (BTreeMap::new(), BTreeMap::new());
        Self { kind: kind.clone(), created: SystemTime::now(), objects, gone }
    }

    pub(super) fn keeps_bytes(&self) -> bool {
        self.kind == BucketKind::Memory
    }

    pub(super) fn is_formula(&self) -> bool {
        matches!(self.kind, BucketKind::Synthetic(_))
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.kind {
            BucketKind::Synthetic(synthetic) => synthetic.objects == 0,
            _ => self.objects.is_empty(),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<Arc<Object>> {
        match &self.kind {
            BucketKind::Synthetic(synthetic) => {
                let index = synthetic.index(key)?;
                Some(Arc::new(Object {
                    content: Content::Generated(synthetic.content(index)),
                    sums: Sums::default(),
                    etag: synthetic.etag(index),
                    modified: long_ago(),
                    attributes: Attributes::default(),
                    born: 0,
                }))
            }
            _ => self.objects.get(key).cloned(),
        }
    }

    pub(super) fn put(&mut self, key: &str, mut object: Object) -> Arc<Object> {
        if let Some(before) = self.objects.get(key) {
            object.born = before.born;
        }
        let object = Arc::new(object);
        self.objects.insert(key.to_owned(), Arc::clone(&object));
        object
    }

    pub(super) fn remove(&mut self, key: &str, now: u64) {
        if let Some(object) = self.objects.remove(key) {
            if self.gone.len() >= GONE
                && let Some(oldest) =
                    self.gone.iter().min_by_key(|(_, (_, died, _))| *died).map(|(key, _)| key.clone())
            {
                self.gone.remove(&oldest);
            }
            self.gone.insert(key.to_owned(), (object.born, now, entry(&object)));
        }
    }

    /// Keys from `position` on, now or as of an earlier request.
    pub(super) fn entries<'a>(
        &'a self,
        position: &str,
        as_of: Option<u64>,
    ) -> Box<dyn Iterator<Item = (String, Entry)> + 'a> {
        if let BucketKind::Synthetic(synthetic) = self.kind {
            let first = synthetic.first_at_or_after(position);
            return Box::new((first..synthetic.objects).map(move |index| listed(&synthetic, index)));
        }
        let position = position.to_owned();
        let present = self.objects.range(position.clone()..);
        let Some(as_of) = as_of else {
            return Box::new(present.map(|(key, object)| (key.clone(), entry(object))));
        };
        let present = present
            .filter(|(_, object)| object.born <= as_of)
            .map(|(key, object)| (key.clone(), entry(object)));
        let gone = self
            .gone
            .range(position..)
            .filter(|(_, (born, died, _))| *born <= as_of && *died > as_of)
            .map(|(key, (_, _, entry))| (key.clone(), entry.clone()));
        Box::new(gone.chain(present).collect::<BTreeMap<_, _>>().into_iter())
    }

    /// What is stored; nothing for a synthetic bucket.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&String, &Arc<Object>)> {
        self.objects.iter()
    }

    #[cfg(test)]
    pub(super) fn put_for_test(&mut self, key: &str) {
        let object = Object {
            content: Content::Dropped(0),
            sums: Sums::default(),
            etag: String::new(),
            modified: long_ago(),
            attributes: Attributes::default(),
            born: 0,
        };
        self.put(key, object);
    }
}

fn entry(object: &Object) -> Entry {
    Entry { size: object.len(), etag: object.etag.as_str().into(), modified: object.modified }
}

fn listed(synthetic: &Synthetic, index: u64) -> (String, Entry) {
    let etag = synthetic.etag(index).into();
    (synthetic.key(index), Entry { size: synthetic.bytes, etag, modified: long_ago() })
}

/// Synthetic objects are all of one age: 2026-01-01T00:00:00Z.
fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}
