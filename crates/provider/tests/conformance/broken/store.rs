//! A store whose deletions do nothing.

use async_trait::async_trait;
use std::sync::Arc;
use welkin_store::block::{Block, Buffer};
use welkin_store::{Dangling, Endpoint, Failure, Found, Limits, Lister, Metadata, Part, Piece, Read, Upload};

pub(crate) struct Undeletable(pub(crate) Arc<dyn Endpoint>);

#[async_trait]
impl Endpoint for Undeletable {
    fn name(&self) -> String {
        format!("undeletable {}", self.0.name())
    }

    fn identity(&self) -> String {
        self.0.identity()
    }

    fn limits(&self) -> Limits {
        self.0.limits()
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        Arc::clone(&self.0).list(prefix, after)
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        self.0.find(key).await
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        self.0.read(what, buffer).await
    }

    async fn put(
        &self,
        key: &str,
        metadata: &Metadata,
        block: &Arc<Block>,
    ) -> Result<Option<String>, Failure> {
        self.0.put(key, metadata, block).await
    }

    async fn begin(
        &self,
        key: &str,
        metadata: &Metadata,
        size: u64,
        part_bytes: u64,
    ) -> Result<Upload, Failure> {
        self.0.begin(key, metadata, size, part_bytes).await
    }

    async fn part(&self, upload: &Upload, number: u32, block: &Arc<Block>) -> Result<Part, Failure> {
        self.0.part(upload, number, block).await
    }

    async fn finish(
        &self,
        upload: &Upload,
        parts: &[Part],
        root: &blake3::Hash,
    ) -> Result<Option<String>, Failure> {
        self.0.finish(upload, parts, root).await
    }

    async fn abort(&self, upload: &Upload) -> Result<(), Failure> {
        self.0.abort(upload).await
    }

    async fn dangling(&self, prefix: &str) -> Result<Vec<Dangling>, Failure> {
        self.0.dangling(prefix).await
    }

    async fn delete(&self, _keys: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        Ok(Vec::new())
    }
}
