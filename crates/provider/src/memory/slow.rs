//! A store whose every call takes its time.

use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use welkin_store::block::{Block, Buffer};
use welkin_store::{
    Dangling, Endpoint, Failure, Found, Limits, Listed, Lister, Metadata, Part, Piece, Read, Upload,
};

/// See the head of the module.
pub(super) struct Slow {
    pub(super) store: Arc<dyn Endpoint>,
    pub(super) wait: Duration,
}

impl Slow {
    async fn pass(&self) {
        pass(self.wait).await;
    }
}

async fn pass(wait: Duration) {
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
}

struct SlowPages {
    pages: Box<dyn Lister>,
    wait: Duration,
}

#[async_trait]
impl Lister for SlowPages {
    async fn next_page(&mut self) -> Result<Option<Vec<Listed>>, Failure> {
        pass(self.wait).await;
        self.pages.next_page().await
    }
}

#[async_trait]
impl Endpoint for Slow {
    fn name(&self) -> String {
        self.store.name()
    }

    fn identity(&self) -> String {
        self.store.identity()
    }

    fn limits(&self) -> Limits {
        self.store.limits()
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Box::new(SlowPages { pages: Arc::clone(&self.store).list(prefix, after), wait: self.wait })
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        self.pass().await;
        self.store.find(key).await
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        self.pass().await;
        self.store.read(what, buffer).await
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        self.pass().await;
        self.store.put(key, metadata, block).await
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        self.pass().await;
        self.store.begin(key, metadata, size, part_bytes).await
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        self.pass().await;
        self.store.part(upload, number, block).await
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        self.pass().await;
        self.store.finish(upload, parts, root).await
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        self.pass().await;
        self.store.abort(upload).await
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        self.pass().await;
        self.store.dangling(prefix).await
    }

    async fn delete(&self, keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        self.pass().await;
        self.store.delete(keys).await
    }
}
