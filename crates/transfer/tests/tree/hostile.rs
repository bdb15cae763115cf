//! Manifests made to escape. Each has the digest it is asked for: whoever made the tree made both.

use crate::support::{contents, memory, put};
use welkin_transfer::{TransferError, fetch_tree, silent};

fn file(path: &str) -> String {
    let hash = blake3::hash(b"evil");
    format!(r#"{{"kind":"file","path":"{path}","size":4,"blake3":"{hash}","executable":true}}"#)
}

fn link(path: &str, target: &str) -> String {
    format!(r#"{{"kind":"link","path":"{path}","target":"{target}"}}"#)
}

#[tokio::test]
async fn nothing_is_written_outside_the_destination() {
    let cases = [
        vec![file("../evil")],
        vec![file("/evil")],
        vec![file("a/../../evil")],
        vec![file("")],
        vec![link("a", ".."), file("a/evil")],
        vec![link("a", "/"), file("a/tmp/evil")],
        vec![link("a", "..")],
        vec![link("a", "b"), file("a")],
        vec![file("a"), file("a")],
    ];
    for entries in cases {
        let store = memory();
        let manifest = format!(r#"{{"schema":1,"root":"dir","entries":[{}]}}"#, entries.join(","));
        let digest = blake3::hash(manifest.as_bytes()).to_hex().to_string();
        put(&store, "p/manifest.json", &manifest).await;
        for object in ["p/data/evil", "p/data/a/evil", "p/data/a"] {
            put(&store, object, "evil").await;
        }
        let folder = tempfile::tempdir().unwrap();
        let error = fetch_tree(&store, "p", &digest, &folder.path().join("x"), &silent).await.unwrap_err();
        assert!(matches!(error, TransferError::BadManifest { .. }), "{manifest}: {error}");
        assert_eq!(contents(folder.path()).len(), 0, "{manifest}");
    }
}
