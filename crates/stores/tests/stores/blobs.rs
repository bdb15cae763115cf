//! Azure Blob Storage.

use crate::servers::{azure_options, container};
use std::sync::Arc;
use welkin_store::conformance::{Abilities, PART, block, bytes, conforms, read};
use welkin_store::{Endpoint, FailureKind, Metadata};
use welkin_stores::{Azure, AzureAccess};

#[tokio::test]
async fn azure_conforms() {
    let Some((_, open)) = container("azure_conforms", "conforms") else { return };
    conforms(&open, Abilities::ALL).await;
}

#[tokio::test]
async fn ranges_of_a_version() {
    let Some((_, open)) = container("ranges_of_a_version", "ranges") else { return };
    let store = open();
    let put = async |seed| {
        let block = block(&bytes(PART, seed), 0, true);
        store.put("key", &Metadata::default(), &block).await.unwrap().unwrap()
    };
    let (first, second) = (put(1).await, put(2).await);
    assert!(read(&store, "key", Some((0, 1024)), 0, Some(&second)).await.is_ok());
    let failure = read(&store, "key", Some((0, 1024)), 0, Some(&first)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Changed, "{failure}");
}

/// Blocks may come in any order, and those of a write that was given up do not get among others.
#[tokio::test]
async fn blocks_in_any_order() {
    let Some((_, open)) = container("blocks_in_any_order", "blocks") else { return };
    let store = open();
    let (old, new) = (bytes(3 * PART, 1), bytes(3 * PART, 2));
    let begin =
        async || store.begin("key", &Metadata::default(), 3 * PART as u64, PART as u64).await.unwrap();
    let part = |content: &[u8], number: usize| {
        block(&content[number * PART..(number + 1) * PART], (number * PART) as u64, false)
    };
    let given_up = begin().await;
    store.part(&given_up, 0, &part(&old, 0)).await.unwrap();
    let dangling = store.dangling("").await.unwrap();
    assert_eq!(dangling.iter().map(|one| one.upload.key.as_str()).collect::<Vec<_>>(), ["key"]);
    store.abort(&given_up).await.unwrap();
    let upload = begin().await;
    let mut parts = Vec::new();
    for number in [2, 0, 1] {
        parts.push(store.part(&upload, number, &part(&new, number as usize)).await.unwrap());
    }
    store.part(&given_up, 1, &part(&old, 1)).await.unwrap();
    parts.sort_by_key(|part| part.number);
    store.finish(&upload, &parts, &blake3::hash(&new)).await.unwrap();
    assert_eq!(read(&store, "key", None, new.len(), None).await.unwrap().block.bytes(), new);
    assert!(store.dangling("").await.unwrap().is_empty());
    // What was dropped with the commit is not there for the other write.
    let failure = store.finish(&given_up, &parts, &blake3::hash(&old)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::NotFound, "{failure}");
}

#[tokio::test]
async fn azure_tells_what_is_wrong() {
    let Some((server, open)) = container("azure_tells_what_is_wrong", "wrong") else { return };
    let tls = || welkin_stores::tls::client(None).unwrap();
    let look = async |store: Arc<Azure>| store.find("key").await.unwrap_err();
    let options = azure_options(server, "wrong");
    let missing = Azure::new(azure_options(server, "missing"), tls()).unwrap();
    assert_eq!(look(missing).await.kind, FailureKind::NotFound);
    let key = AzureAccess::SharedKey("d3Jvbmc=".to_owned());
    let failure =
        look(Azure::new(welkin_stores::AzureOptions { access: key, ..options }, tls()).unwrap()).await;
    // Azure says that the signature is wrong, Azurite that the account may not.
    assert!(matches!(failure.kind, FailureKind::Credentials | FailureKind::Forbidden), "{failure}");
    assert!(failure.to_string().starts_with("cannot HEAD az://devstoreaccount1/wrong/key: 403"), "{failure}");
    let store = open();
    let failure = store.put("a/../b", &Metadata::default(), &block(b"x", 0, true)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported, "{failure}");
    let metadata = Metadata { cache_control: Some("größe".to_owned()), ..Metadata::default() };
    let failure = store.put("key", &metadata, &block(b"x", 0, true)).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unsupported, "{failure}");
}
