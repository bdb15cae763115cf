//! To a place of a user's, where nothing gives way that a delivery did not put there.

use crate::support::{contents, memory};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use welkin_store::Endpoint;
use welkin_transfer::{Published, TransferError, deliver_tree, publish_bytes, publish_tree, silent};

struct Bed {
    store: Arc<dyn Endpoint>,
    folder: Published,
    file: Published,
    target: TempDir,
}

async fn bed() -> Bed {
    let (store, source) = (memory(), tempfile::tempdir().unwrap());
    fs::create_dir(source.path().join("sub")).unwrap();
    fs::write(source.path().join("sub/new"), "n").unwrap();
    let folder = publish_tree(source.path(), &store, "folder", &silent).await.unwrap();
    let file = publish_bytes("content".into(), &store, "file").await.unwrap();
    Bed { store, folder, file, target: tempfile::tempdir().unwrap() }
}

impl Bed {
    async fn folder(&self, path: &Path) -> Result<Published, TransferError> {
        deliver_tree(&self.store, "folder", &self.folder.digest, path, "run/0/out", &silent).await
    }

    async fn file(&self, path: &Path) -> Result<Published, TransferError> {
        deliver_tree(&self.store, "file", &self.file.digest, path, "run/0/out", &silent).await
    }
}

#[tokio::test]
async fn a_folder_with_content_a_file_and_a_link_to_nowhere_stay() {
    let bed = bed().await;
    let place = bed.target.path().join("x");
    let stays = async |what: &str| {
        let refused = bed.folder(&place).await.unwrap_err();
        assert!(matches!(&refused, TransferError::Occupied { path } if *path == place), "{what}: {refused}");
        assert_eq!(fs::read_dir(bed.target.path()).unwrap().count(), 1, "{what}: leftovers");
    };
    fs::write(&place, "mine").unwrap();
    stays("a file").await;
    assert_eq!(fs::read_to_string(&place).unwrap(), "mine");
    fs::remove_file(&place).unwrap();
    symlink("nowhere", &place).unwrap();
    stays("a link").await;
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    fs::write(place.join("mine"), "mine").unwrap();
    stays("a folder").await;
    assert!(matches!(bed.file(&place).await, Err(TransferError::Occupied { .. })));
    assert_eq!(fs::read_to_string(place.join("mine")).unwrap(), "mine");
}

#[tokio::test]
async fn what_arrives_while_the_tree_is_on_its_way_stays() {
    let bed = bed().await;
    let place = bed.target.path().join("x");
    fs::create_dir(&place).unwrap();
    // Content moves after the look and before the rename.
    let late = |_| drop(fs::write(place.join("mine"), "mine"));
    let digest = &bed.folder.digest;
    let refused = deliver_tree(&bed.store, "folder", digest, &place, "run/0/out", &late).await.unwrap_err();
    assert!(matches!(refused, TransferError::Occupied { .. }), "{refused}");
    let digest = &bed.file.digest;
    let refused = deliver_tree(&bed.store, "file", digest, &place, "run/0/out", &late).await.unwrap_err();
    assert!(matches!(refused, TransferError::Occupied { .. }), "{refused}");
    assert_eq!(fs::read_to_string(place.join("mine")).unwrap(), "mine");
    assert_eq!(fs::read_dir(bed.target.path()).unwrap().count(), 1, "leftovers");
}

#[tokio::test]
async fn nothing_an_empty_folder_and_a_file_for_a_file_give_way() {
    let bed = bed().await;
    let place = bed.target.path().join("x");
    bed.file(&place).await.unwrap();
    fs::write(&place, "of before").unwrap();
    bed.file(&place).await.unwrap();
    assert_eq!(fs::read_to_string(&place).unwrap(), "content");
    for empty_first in [false, true] {
        fs::remove_file(&place).unwrap();
        if empty_first {
            fs::create_dir(&place).unwrap();
        }
        bed.folder(&place).await.unwrap();
        assert_eq!(fs::read_to_string(place.join("sub/new")).unwrap(), "n");
        fs::remove_dir_all(&place).unwrap();
        fs::create_dir(&place).unwrap();
        bed.file(&place).await.unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "content");
    }
}

#[tokio::test]
async fn a_second_delivery_finds_the_first_and_what_was_put_beside_it() {
    let bed = bed().await;
    let place = bed.target.path().join("x");
    bed.folder(&place).await.unwrap();
    fs::write(place.join("note"), "mine").unwrap();
    assert_eq!(bed.folder(&place).await.unwrap(), bed.folder);
    assert_eq!(contents(&place).len(), 3);
    fs::write(place.join("sub/new"), "m").unwrap();
    assert!(matches!(bed.folder(&place).await, Err(TransferError::Occupied { .. })));
    assert_eq!(fs::read_to_string(place.join("sub/new")).unwrap(), "m");
}

#[tokio::test]
async fn a_link_is_followed_onto_another_file_system_too() {
    let bed = bed().await;
    let other =
        tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" }).unwrap();
    let (place, behind) = (bed.target.path().join("x"), other.path().join("behind"));
    fs::create_dir(&behind).unwrap();
    symlink(&behind, &place).unwrap();
    bed.folder(&place).await.unwrap();
    assert_eq!(fs::read_to_string(behind.join("sub/new")).unwrap(), "n");
    assert_eq!(fs::read_link(&place).unwrap(), behind);
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1, "leftovers");
}

#[tokio::test]
async fn what_a_killed_delivery_was_building_is_cleared_away_by_the_next() {
    let bed = bed().await;
    let place = bed.target.path().join("x");
    // A delivery that was killed before its rename never drops its workshop.
    let name = format!(".welkin-fetch-{}", &blake3::hash(b"run/0/out").to_hex()[..32]);
    fs::create_dir_all(bed.target.path().join(&name).join("new/sub")).unwrap();
    fs::write(bed.target.path().join(&name).join("new/sub/ne"), "half").unwrap();
    bed.folder(&place).await.unwrap();
    assert_eq!(fs::read_dir(bed.target.path()).unwrap().count(), 1, "leftovers");
}
