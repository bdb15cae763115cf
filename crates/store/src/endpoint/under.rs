//! The part of a place that lies below a folder or prefix, as a place of its own.
//!
//! *Guarantee:* no call, whatever its strings, reaches an object whose key does not begin with the prefix: keys are
//! checked ([`super::inside`]) and then put behind it, and what comes back has to begin with it and loses it.

use super::inside;
use super::{
    Dangling, Endpoint, Failure, FailureKind, Found, LeftOut, Limits, Listed, Lister, Metadata, Part, Piece,
    Read, Upload, Whereabouts,
};
use crate::block::{Block, Buffer};
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;

/// See the head of the module.
pub struct Under {
    place: Arc<dyn Endpoint>,
    prefix: String,
}

impl fmt::Debug for Under {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Under").field("place", &self.place.name()).field("prefix", &self.prefix).finish()
    }
}

impl Under {
    /// What lies in the folder `prefix` of `place`; all of it when it is empty.
    ///
    /// # Errors
    /// [`FailureKind::Unsupported`] for a prefix that is no folder of it.
    pub fn folder(place: Arc<dyn Endpoint>, prefix: &str) -> Result<Arc<dyn Endpoint>, Failure> {
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            return Ok(place);
        }
        let operation = || format!("use {}/{prefix}", place.name());
        inside::key(prefix).map_err(|why| Failure::new(FailureKind::Unsupported, operation(), why))?;
        let prefix = format!("{prefix}/");
        Ok(Arc::new(Self { place, prefix }))
    }

    fn key(&self, verb: &str, key: &str) -> Result<String, Failure> {
        self.full(verb, key, inside::key)
    }

    fn full(
        &self,
        verb: &str,
        text: &str,
        check: impl Fn(&str) -> Result<(), inside::Outside>,
    ) -> Result<String, Failure> {
        let operation = || format!("{verb} {}/{text}", self.name());
        check(text).map_err(|why| Failure::new(FailureKind::Unsupported, operation(), why))?;
        Ok(format!("{}{text}", self.prefix))
    }

    fn upload(&self, upload: &Upload) -> Result<Upload, Failure> {
        Ok(Upload { key: self.key("write", &upload.key)?, id: upload.id.clone() })
    }

    /// The key as it is below the prefix.
    fn below(&self, key: &str) -> Result<String, Failure> {
        below(&self.prefix, key)
    }
}

fn below(prefix: &str, key: &str) -> Result<String, Failure> {
    let rest = key.strip_prefix(prefix).map(str::to_owned);
    let wrong =
        || Failure::new(FailureKind::Invalid, format!("look below {prefix}"), "another key was given");
    rest.ok_or_else(wrong)
}

struct Pages {
    pages: Result<Box<dyn Lister>, Option<Failure>>,
    prefix: String,
}

#[async_trait]
impl Lister for Pages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        let pages = match &mut self.pages {
            Ok(pages) => pages,
            // Asked again, it is the same that is wrong.
            Err(failure) => {
                let gone = || Failure::new(FailureKind::Unsupported, "list", "its prefix is outside");
                return Err(failure.take().unwrap_or_else(gone));
            }
        };
        let Some(page) = pages.next_page().await? else { return Ok(None) };
        let mut listed = Vec::with_capacity(page.len());
        for object in page {
            let key = below(&self.prefix, &object.key)?;
            // What some tools keep in place of the folder itself is no object in it.
            if !key.is_empty() {
                listed.push(Listed { key, ..object });
            }
        }
        Ok(Some(listed))
    }

    fn left_out(&mut self) -> Vec<LeftOut> {
        let left_out = self.pages.as_mut().map_or_else(|_| Vec::new(), |pages| pages.left_out());
        let below = |LeftOut { key, why }| Some(LeftOut { key: below(&self.prefix, &key).ok()?, why });
        left_out.into_iter().filter_map(below).collect()
    }
}

#[async_trait]
impl Endpoint for Under {
    fn name(&self) -> String {
        format!("{}/{}", self.place.name(), self.prefix.trim_end_matches('/'))
    }

    fn identity(&self) -> String {
        format!("{} below {:?}", self.place.identity(), self.prefix)
    }

    async fn whereabouts(&self, prefix: &str) -> Vec<Whereabouts> {
        self.place.whereabouts(&format!("{}{prefix}", self.prefix)).await
    }

    fn lists_mtimes(&self) -> bool {
        self.place.lists_mtimes()
    }

    fn keeps_parts(&self) -> bool {
        self.place.keeps_parts()
    }

    fn is_files(&self) -> bool {
        self.place.is_files()
    }

    fn twin_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        self.place.twin_of(key)
    }

    fn limits(&self) -> Limits {
        let limits = self.place.limits();
        Limits { key_bytes: limits.key_bytes.saturating_sub(self.prefix.len()), ..limits }
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        // What comes after is only compared.
        let after = after.map(|after| format!("{}{after}", self.prefix));
        let full = self.full("list", prefix, inside::prefix);
        let pages = full.map(|full| Arc::clone(&self.place).list(&full, after.as_deref())).map_err(Some);
        Box::new(Pages { pages, prefix: self.prefix.clone() })
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        let Some(found) = self.place.find(&self.key("look at", key)?).await? else { return Ok(None) };
        let key = self.below(&found.listed.key)?;
        Ok(Some(Found { listed: Listed { key, ..found.listed }, ..found }))
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        let key = self.key("read", what.key)?;
        self.place.read(Read { key: &key, ..what }, buffer).await
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        self.place.put(&self.key("write", key)?, metadata, block).await
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        let upload = self.place.begin(&self.key("begin to write", key)?, metadata, size, part_bytes).await?;
        Ok(Upload { key: self.below(&upload.key)?, id: upload.id })
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        self.place.part(&self.upload(upload)?, number, block).await
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        self.place.finish(&self.upload(upload)?, parts, root).await
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        self.place.abort(&self.upload(upload)?).await
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        let full = self.full("look for unfinished writes below", prefix, inside::prefix)?;
        let dangling = self.place.dangling(&full).await?;
        let below = dangling.into_iter().map(|left| {
            let upload = Upload { key: self.below(&left.upload.key)?, id: left.upload.id };
            Ok(Dangling { upload, ..left })
        });
        below.collect()
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        self.delete_below("", keys).await
    }

    async fn delete_below(&self, floor: &str, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        let floor = format!("{}{floor}", self.prefix);
        let (mut full, mut kept) = (Vec::new(), Vec::new());
        for key in keys {
            match self.key("remove", key) {
                Ok(key) => full.push(key),
                Err(failure) => kept.push((key.clone(), failure)),
            }
        }
        if !full.is_empty() {
            for (key, failure) in self.place.delete_below(&floor, &full).await? {
                kept.push((self.below(&key)?, failure));
            }
        }
        Ok(kept)
    }

    async fn close(&self) {
        self.place.close().await;
    }
}
