//! The format of published data, as a parameter.
//!
//! Nodes write and read whole trees; how a tree lies in a store is the data plane's business, which
//! this crate does not know. [`PlainTrees`] serves where the format does not matter.

use async_trait::async_trait;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_store::{Endpoint, whole};

/// What a step publishes or fetches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// One file; its name is the path it is fetched to.
    File(Bytes),
    /// Files by path below the folder, with `/` between the parts.
    Folder(BTreeMap<String, Bytes>),
}

impl Tree {
    /// The contents of all files, in the order of their paths.
    pub fn contents(&self) -> impl Iterator<Item = &Bytes> {
        let (one, many) = match self {
            Self::File(content) => (Some(content), None),
            Self::Folder(files) => (None, Some(files)),
        };
        one.into_iter().chain(many.into_iter().flat_map(BTreeMap::values))
    }

    /// Sum of the sizes of all files.
    #[must_use]
    pub fn size(&self) -> welkin_units::Bytes {
        self.contents().map(|content| welkin_units::Bytes::new(content.len() as u64)).sum()
    }
}

/// How trees lie in object stores. Errors are the words for the event that reports them.
#[async_trait]
pub trait TreeFormat: Send + Sync {
    /// Publishes `tree` under `prefix` and returns the hex digest of its manifest. Doing it again
    /// changes nothing; being cut off anywhere leaves nothing that [`TreeFormat::read`] accepts.
    async fn write(&self, store: Arc<dyn Endpoint>, prefix: &str, tree: &Tree) -> Result<String, String>;

    /// Reads the tree under `prefix`, which must have this digest.
    async fn read(&self, store: Arc<dyn Endpoint>, prefix: &str, digest: &str) -> Result<Tree, String>;
}

/// The simplest format: one object a file, a manifest of BLAKE3 digests written last.
#[derive(Debug, Default, Clone, Copy)]
pub struct PlainTrees;

/// First line of the manifest of a single file; a folder's files follow its own line by path.
const FILE: &str = "file";
const FOLDER: &str = "folder";

#[async_trait]
impl TreeFormat for PlainTrees {
    async fn write(&self, store: Arc<dyn Endpoint>, prefix: &str, tree: &Tree) -> Result<String, String> {
        let mut manifest = String::from(if matches!(tree, Tree::File(_)) { FILE } else { FOLDER });
        let files: Vec<(&str, &Bytes)> = match tree {
            Tree::File(content) => vec![("", content)],
            Tree::Folder(files) => files.iter().map(|(path, content)| (path.as_str(), content)).collect(),
        };
        for (index, (path, content)) in files.into_iter().enumerate() {
            put(&store, &object(prefix, index), content.clone()).await?;
            manifest.push_str(&format!("\n{} {path}", blake3::hash(content)));
        }
        let digest = blake3::hash(manifest.as_bytes()).to_string();
        put(&store, &format!("{prefix}/manifest"), manifest.into()).await?;
        Ok(digest)
    }

    async fn read(&self, store: Arc<dyn Endpoint>, prefix: &str, digest: &str) -> Result<Tree, String> {
        let manifest = get(&store, &format!("{prefix}/manifest"), digest).await?;
        let manifest = String::from_utf8_lossy(&manifest);
        let mut lines = manifest.split('\n');
        let kind = lines.next();
        let mut files = BTreeMap::new();
        for (index, line) in lines.enumerate() {
            let (digest, path) = line.split_once(' ').ok_or("the manifest is malformed")?;
            files.insert(path.to_owned(), get(&store, &object(prefix, index), digest).await?);
        }
        match kind {
            Some(FOLDER) => Ok(Tree::Folder(files)),
            _ => files.remove("").map(Tree::File).ok_or_else(|| "the manifest names no file".to_owned()),
        }
    }
}

fn object(prefix: &str, index: usize) -> String {
    format!("{prefix}/{index}")
}

async fn put(store: &Arc<dyn Endpoint>, path: &str, content: Bytes) -> Result<(), String> {
    whole::write(store, path, &content).await.map_err(|error| format!("writing {path}: {error}"))
}

async fn get(store: &Arc<dyn Endpoint>, path: &str, digest: &str) -> Result<Bytes, String> {
    let content = whole::read(store, path).await.map_err(|error| format!("reading {path}: {error}"))?;
    let content = content.ok_or_else(|| format!("reading {path}: there is no such object"))?;
    if blake3::hash(&content).to_string() == digest {
        Ok(content.into())
    } else {
        Err(format!("reading {path}: its digest is not {digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use welkin_store::Memory;

    #[tokio::test]
    async fn trees_come_back_and_torn_ones_do_not() {
        let store: Arc<dyn Endpoint> = Memory::new("memory:");
        let folder = Tree::Folder(BTreeMap::from([
            ("a/b".to_owned(), Bytes::from("1")),
            ("a/c d".to_owned(), Bytes::from("22")),
        ]));
        for tree in [folder, Tree::Folder(BTreeMap::new()), Tree::File(Bytes::from("333"))] {
            let digest = PlainTrees.write(Arc::clone(&store), "x/y", &tree).await.unwrap();
            assert_eq!(PlainTrees.read(Arc::clone(&store), "x/y", &digest).await.unwrap(), tree);
            assert!(PlainTrees.read(Arc::clone(&store), "x/y", "00").await.is_err());
        }
        let digest = PlainTrees.write(Arc::clone(&store), "z", &Tree::File(Bytes::from("4"))).await.unwrap();
        whole::write(&store, "z/0", b"5").await.unwrap();
        assert!(PlainTrees.read(store, "z", &digest).await.unwrap_err().contains("digest"));
    }
}
