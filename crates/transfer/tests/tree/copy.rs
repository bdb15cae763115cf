//! Between stores.

use crate::support::{SAMPLE_BYTES, SAMPLE_FILES, Stalling, memory, put, sample, stores};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use welkin_store::Endpoint;
use welkin_transfer::{
    Copied, copy_tree, delete_tree, find_tree, publish_bytes, publish_tree, silent, verify_tree,
};

const ALL_MOVED: Copied =
    Copied { bytes: SAMPLE_BYTES, files: SAMPLE_FILES, reused_bytes: 0, reused_files: 0 };
const ALL_REUSED: Copied =
    Copied { bytes: 0, files: 0, reused_bytes: SAMPLE_BYTES, reused_files: SAMPLE_FILES };

async fn published(store: &Arc<dyn Endpoint>) -> String {
    let source = tempfile::tempdir().unwrap();
    sample(source.path());
    publish_tree(source.path(), store, "p", &silent).await.unwrap().digest
}

#[tokio::test]
async fn a_copy_is_the_same_tree_and_repeating_it_moves_nothing() {
    for (source, _source_folder) in stores() {
        let digest = published(&source).await;
        for (target, _target_folder) in stores() {
            let copy = || copy_tree(&source, "p", &target, "q/r", &digest, &silent);
            assert_eq!(copy().await.unwrap(), ALL_MOVED);
            verify_tree(&target, "q/r", &digest, &silent).await.unwrap();
            assert_eq!(copy().await.unwrap(), ALL_REUSED);
        }
    }
}

#[tokio::test]
async fn a_committed_copy_needs_its_source_no_more() {
    let (source, target) = (memory(), memory());
    let digest = published(&source).await;
    copy_tree(&source, "p", &target, "q", &digest, &silent).await.unwrap();
    delete_tree(&source, "p").await.unwrap();
    assert_eq!(copy_tree(&source, "p", &target, "q", &digest, &silent).await.unwrap(), ALL_REUSED);
}

/// Killed before each of its writes in turn, then repeated on what is left.
#[tokio::test]
async fn a_copy_that_was_killed_anywhere_goes_on_where_it_was() {
    let source = memory();
    let digest = published(&source).await;
    let writes = SAMPLE_FILES as usize + 1;
    for survived in 0..writes {
        let stalling = Stalling::new();
        let target: Arc<dyn Endpoint> = Arc::clone(&stalling) as _;
        stalling.writes_left.store(survived, Ordering::SeqCst);
        tokio::select! {
            result = copy_tree(&source, "p", &target, "q", &digest, &silent) => panic!("not killed: {result:?}"),
            () = stalling.stalled.notified() => {}
        }
        assert_eq!(find_tree(&target, "q").await.unwrap(), None, "committed after {survived} writes");
        stalling.writes_left.store(usize::MAX, Ordering::SeqCst);
        let copied = copy_tree(&source, "p", &target, "q", &digest, &silent).await.unwrap();
        // One may have been on its way in parts: its first write survived, and it is not there.
        assert!(
            (survived.saturating_sub(1)..=survived).contains(&(copied.reused_files as usize)),
            "{survived}"
        );
        assert_eq!(copied.bytes + copied.reused_bytes, SAMPLE_BYTES);
        verify_tree(&target, "q", &digest, &silent).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_earlier_copy_left_is_not_trusted() {
    let (source, target) = (memory(), memory());
    let digest = published(&source).await;
    // Right length, wrong content; and something that is no part of the tree.
    put(&target, "q/data/sub/deep/run.sh", "#!/bin/zz\n").await;
    put(&target, "q/data/stray", "x").await;
    assert_eq!(copy_tree(&source, "p", &target, "q", &digest, &silent).await.unwrap(), ALL_MOVED);
    verify_tree(&target, "q", &digest, &silent).await.unwrap();
    assert!(target.find("q/data/stray").await.unwrap().is_none());
}

#[tokio::test]
async fn another_tree_at_the_destination_makes_room() {
    let (source, target) = (memory(), memory());
    let digest = published(&source).await;
    publish_bytes("other".into(), &target, "q").await.unwrap();
    assert_eq!(copy_tree(&source, "p", &target, "q", &digest, &silent).await.unwrap(), ALL_MOVED);
    put(&target, "q/manifest.json", "torn").await;
    assert_eq!(copy_tree(&source, "p", &target, "q", &digest, &silent).await.unwrap(), ALL_REUSED);
}

#[tokio::test]
async fn a_publication_that_was_killed_anywhere_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    for survived in 0..=SAMPLE_FILES as usize {
        let stalling = Stalling::new();
        let store: Arc<dyn Endpoint> = Arc::clone(&stalling) as _;
        stalling.writes_left.store(survived, Ordering::SeqCst);
        tokio::select! {
            result = publish_tree(folder.path(), &store, "p", &silent) => panic!("not killed: {result:?}"),
            () = stalling.stalled.notified() => {}
        }
        assert_eq!(find_tree(&store, "p").await.unwrap(), None);
        stalling.writes_left.store(usize::MAX, Ordering::SeqCst);
        let published = publish_tree(folder.path(), &store, "p", &silent).await.unwrap();
        verify_tree(&store, "p", &published.digest, &silent).await.unwrap();
    }
}
