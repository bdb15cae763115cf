//! A place that takes everything and keeps nothing, so that what is measured is the way there.

use async_trait::async_trait;
use std::sync::Arc;
use welkin_store::block::{Block, BlockWriter, Buffer};
use welkin_store::{
    Dangling, Endpoint, Failure, FailureKind, Found, Limits, Lister, Metadata, Part, Piece, Read, Upload,
};

/// Takes everything and keeps nothing.
pub(crate) struct Void;

fn never<T>() -> Result<T, Failure> {
    Err(Failure::new(FailureKind::Unsupported, "use the void", "it only takes"))
}

#[async_trait]
impl Endpoint for Void {
    fn name(&self) -> String {
        "void:".to_owned()
    }
    fn identity(&self) -> String {
        self.name()
    }
    fn limits(&self) -> Limits {
        Limits {
            object_bytes: 1 << 50,
            part_bytes_min: 1024,
            part_bytes_max: 1 << 30,
            parts: u32::MAX,
            part_bytes_best: 1 << 20,
            parts_in_any_order: true,
            key_bytes: 1024,
        }
    }
    fn list(self: Arc<Self>, _: &str, _: Option<&str>) -> Box<dyn Lister> {
        unreachable!("nothing is listed here")
    }
    async fn find(&self, _: &str) -> Result<Option<Found>, Failure> {
        never()
    }
    async fn read(&self, _: Read<'_>, _: Buffer) -> Result<Piece, Failure> {
        never()
    }
    async fn put(&self, _: &str, _: &Metadata, _: &Arc<Block>) -> Result<Option<String>, Failure> {
        Ok(None)
    }
    async fn begin(&self, key: &str, _: &Metadata, _: u64, _: u64) -> Result<Upload, Failure> {
        Ok(Upload { key: key.to_owned(), id: "0".to_owned() })
    }
    async fn part(&self, _: &Upload, number: u32, _: &Arc<Block>) -> Result<Part, Failure> {
        Ok(Part { number, tag: String::new() })
    }
    async fn finish(&self, _: &Upload, _: &[Part], _: &blake3::Hash) -> Result<Option<String>, Failure> {
        never()
    }
    async fn abort(&self, _: &Upload) -> Result<(), Failure> {
        Ok(())
    }
    async fn dangling(&self, _: &str) -> Result<Vec<Dangling>, Failure> {
        Ok(Vec::new())
    }
    async fn delete(&self, _: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        Ok(Vec::new())
    }
}

/// A whole object.
pub(crate) fn block(bytes: &[u8]) -> Arc<Block> {
    let mut writer = BlockWriter::new(Buffer::detached(bytes.len()), 0, bytes.len(), true);
    writer.extend(bytes);
    Arc::new(writer.finish().ok().unwrap())
}
