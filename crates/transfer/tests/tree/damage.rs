//! Trees that are not what they were.

use crate::support::{contents, get, memory, put, sample, stores};
use std::sync::Arc;
use welkin_store::Endpoint;
use welkin_transfer::{TransferError, copy_tree, fetch_tree, find_tree, publish_tree, silent, verify_tree};

const VICTIM: &str = "p/data/sub/deep/run.sh";

/// Damages one object of a published tree and expects every reader to notice.
async fn expect(
    damage: impl AsyncFn(&Arc<dyn Endpoint>, &str),
    victim: &str,
    noticed: impl Fn(&TransferError) -> bool,
) {
    let source = tempfile::tempdir().unwrap();
    sample(source.path());
    for (shared, _folder) in stores() {
        let store = &shared;
        let digest = publish_tree(source.path(), store, "p", &silent).await.unwrap().digest;
        damage(store, victim).await;
        let error = verify_tree(store, "p", &digest, &silent).await.unwrap_err();
        assert!(noticed(&error), "verify: {error:?}");

        let target = tempfile::tempdir().unwrap();
        let place = target.path().join("x");
        std::fs::write(&place, "before").unwrap();
        let error = fetch_tree(store, "p", &digest, &place, &silent).await.unwrap_err();
        assert!(noticed(&error), "fetch: {error:?}");
        assert_eq!(contents(target.path()).len(), 1, "leftovers");
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "before");

        let other = memory();
        let error = copy_tree(&shared, "p", &other, "q", &digest, &silent).await.unwrap_err();
        assert!(noticed(&error), "copy: {error:?}");
        assert_eq!(find_tree(&other, "q").await.unwrap(), None);
    }
}

async fn rewrite(store: &Arc<dyn Endpoint>, object: &str, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = get(store, object).await;
    change(&mut bytes);
    put(store, object, bytes).await;
}

#[tokio::test]
async fn a_flipped_bit_is_noticed() {
    let flip = async |store: &Arc<dyn Endpoint>, object: &str| {
        rewrite(store, object, |bytes| bytes[3] ^= 1).await;
    };
    expect(flip, VICTIM, |error| matches!(error, TransferError::Corrupt { object, .. } if object == VICTIM))
        .await;
    let flip_last = async |store: &Arc<dyn Endpoint>, object: &str| {
        rewrite(store, object, |bytes| *bytes.last_mut().unwrap() ^= 1).await;
    };
    expect(flip_last, "p/data/big", |error| matches!(error, TransferError::Corrupt { .. })).await;
}

#[tokio::test]
async fn a_truncated_and_a_grown_file_are_noticed() {
    let truncate = async |store: &Arc<dyn Endpoint>, object: &str| {
        rewrite(store, object, |bytes| bytes.truncate(9)).await;
    };
    expect(truncate, VICTIM, |error| {
        matches!(error, TransferError::WrongSize { expected: 10, found: 9, .. })
    })
    .await;
    let grow = async |store: &Arc<dyn Endpoint>, object: &str| {
        rewrite(store, object, |bytes| bytes.resize(1 << 20, 0)).await;
    };
    expect(grow, VICTIM, |error| matches!(error, TransferError::WrongSize { expected: 10, .. })).await;
}

/// Many files are on their way when the first turns out to be another, each into a folder of its own.
#[tokio::test]
async fn a_fetch_that_fails_leaves_nothing_of_what_was_under_way() {
    let source = tempfile::tempdir().unwrap();
    for number in 0..40 {
        let folder = source.path().join(format!("{number:02}/deep/er"));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("file"), "0123456789").unwrap();
    }
    let store = memory();
    let digest = publish_tree(source.path(), &store, "p", &silent).await.unwrap().digest;
    rewrite(&store, "p/data/00/deep/er/file", |bytes| bytes[3] ^= 1).await;
    for _ in 0..100 {
        let target = tempfile::tempdir().unwrap();
        fetch_tree(&store, "p", &digest, &target.path().join("x"), &silent).await.unwrap_err();
        assert_eq!(contents(target.path()).len(), 0, "leftovers");
    }
}

#[tokio::test]
async fn a_missing_file_and_a_missing_manifest_are_noticed() {
    let remove = async |store: &Arc<dyn Endpoint>, object: &str| {
        assert!(store.delete(&[object.to_owned()]).await.unwrap().is_empty());
    };
    expect(remove, VICTIM, |error| matches!(error, TransferError::Missing { object } if object == VICTIM))
        .await;
    expect(remove, "p/manifest.json", |error| matches!(error, TransferError::NotPublished { .. })).await;
}

#[tokio::test]
async fn a_changed_and_a_torn_manifest_are_noticed() {
    let change = async |store: &Arc<dyn Endpoint>, object: &str| {
        rewrite(store, object, |bytes| bytes.push(b' ')).await;
    };
    expect(change, "p/manifest.json", |error| matches!(error, TransferError::WrongTree { .. })).await;
    let tear = async |store: &Arc<dyn Endpoint>, object: &str| {
        rewrite(store, object, |bytes| bytes.truncate(bytes.len() / 2)).await;
    };
    expect(tear, "p/manifest.json", |error| matches!(error, TransferError::WrongTree { .. })).await;
}
