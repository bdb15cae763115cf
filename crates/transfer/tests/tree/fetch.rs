//! Onto a disk.

use crate::support::{contents, memory, sample, stores};
use welkin_transfer::{TransferError, fetch_tree, publish_bytes, publish_tree, silent};

#[tokio::test]
async fn a_tree_comes_back_as_it_was() {
    let source = tempfile::tempdir().unwrap();
    sample(source.path());
    for (store, _folder) in stores() {
        let published = publish_tree(source.path(), &store, "p", &silent).await.unwrap();
        let target = tempfile::tempdir().unwrap();
        let place = target.path().join("made/on/demand");
        let fetched = fetch_tree(&store, "p", &published.digest, &place, &silent).await.unwrap();
        assert_eq!(fetched, published);
        assert_eq!(contents(&place), contents(source.path()));
        assert_eq!(std::fs::read_dir(place.parent().unwrap()).unwrap().count(), 1, "leftovers");
    }
}

#[tokio::test]
async fn what_is_there_is_replaced_be_it_file_folder_or_link() {
    let store = memory();
    let file = publish_bytes("content".into(), &store, "file").await.unwrap();
    let source = tempfile::tempdir().unwrap();
    std::fs::write(source.path().join("new"), "n").unwrap();
    let folder = publish_tree(source.path(), &store, "folder", &silent).await.unwrap();
    let target = tempfile::tempdir().unwrap();
    let place = target.path().join("x");
    let elsewhere = target.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &place).unwrap();
    for _ in 0..2 {
        fetch_tree(&store, "folder", &folder.digest, &place, &silent).await.unwrap();
        assert_eq!(contents(&place).len(), 1);
        fetch_tree(&store, "file", &file.digest, &place, &silent).await.unwrap();
        assert_eq!(std::fs::read_to_string(&place).unwrap(), "content");
    }
    assert_eq!(contents(&elsewhere).len(), 0, "the link was followed");
    assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 2, "leftovers");
}

#[tokio::test]
async fn a_place_without_a_name_is_refused() {
    let store = memory();
    let digest = publish_bytes("x".into(), &store, "p").await.unwrap().digest;
    for place in ["/", "..", ""] {
        let error = fetch_tree(&store, "p", &digest, place.as_ref(), &silent).await.unwrap_err();
        assert!(matches!(error, TransferError::BadDestination { .. }), "{place:?}: {error}");
    }
}
