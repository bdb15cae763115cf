//! Google Cloud Storage.

use crate::servers::bucket;
use welkin_store::conformance::{Abilities, PART, block, bytes, conforms, keys, read};
use welkin_store::{FailureKind, Metadata, Part};

#[tokio::test]
async fn gcs_conforms() {
    let Some((_, open)) = bucket("gcs_conforms", "conforms") else { return };
    conforms(&open, Abilities::ALL).await;
}

/// Names that Azure cannot hold.
#[tokio::test]
async fn dots_and_backslashes() {
    let Some((_, open)) = bucket("dots_and_backslashes", "dots") else { return };
    let store = open();
    let odd = ["a\\b", "b./c."];
    for key in odd {
        store.put(key, &Metadata::default(), &block(key.as_bytes(), 0, true)).await.unwrap();
        assert_eq!(read(&store, key, None, key.len(), None).await.unwrap().block.bytes(), key.as_bytes());
    }
    assert_eq!(keys(&store, "", None).await, odd);
    let failure = store.find("..").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported, "{failure}");
}

/// A part that skips others is a session that lost them: the write is begun again.
#[tokio::test]
async fn parts_come_in_order() {
    let Some((_, open)) = bucket("parts_come_in_order", "order") else { return };
    let store = open();
    assert!(!store.limits().parts_in_any_order);
    let content = bytes(3 * PART, 1);
    let upload = store.begin("key", &Metadata::default(), 3 * PART as u64, PART as u64).await.unwrap();
    store.part(&upload, 0, &block(&content[..PART], 0, false)).await.unwrap();
    let skipping = block(&content[2 * PART..], 2 * PART as u64, false);
    assert!(store.part(&upload, 2, &skipping).await.is_err());
    assert_eq!(store.find("key").await.unwrap(), None);
    let failure = store.begin("key", &Metadata::default(), 10_000, 1_000).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Invalid, "{failure}");
}

/// An object that is not made of its parts does not stay.
#[tokio::test]
async fn a_wrong_object_is_removed() {
    let Some((_, open)) = bucket("a_wrong_object_is_removed", "removed") else { return };
    let store = open();
    let content = bytes(PART + 1, 1);
    let upload = store.begin("key", &Metadata::default(), content.len() as u64, PART as u64).await.unwrap();
    let first = store.part(&upload, 0, &block(&content[..PART], 0, false)).await.unwrap();
    let last = store.part(&upload, 1, &block(&content[PART..], PART as u64, false)).await.unwrap();
    assert!(read(&store, "key", None, content.len(), None).await.is_ok());
    let other = Part { tag: "00000000".to_owned(), ..first };
    let failure = store.finish(&upload, &[other, last], &blake3::hash(&content)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Corrupt, "{failure}");
    assert_eq!(store.find("key").await.unwrap(), None);
}
