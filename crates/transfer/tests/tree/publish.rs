//! Into a store.

use crate::support::{BIG, SAMPLE_BYTES, SAMPLE_FILES, memory, objects, put, sample, stores};
use std::os::unix::fs::{FileExt, MetadataExt, symlink};
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_transfer::{
    Selection, TransferError, delete_tree, fetch_own_tree, fetch_tree, find_tree, publish_bytes,
    publish_selection, publish_tree, silent, verify_tree,
};

#[tokio::test]
async fn equal_trees_have_equal_digests_whatever_the_store() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    let mut digests = Vec::new();
    for (store, _folder) in stores() {
        let done = AtomicU64::new(0);
        let watch = |bytes| assert!(done.swap(bytes, Ordering::SeqCst) <= bytes);
        let published = publish_tree(folder.path(), &store, "a/b", &watch).await.unwrap();
        assert_eq!((published.bytes, published.files), (SAMPLE_BYTES, SAMPLE_FILES));
        assert_eq!(done.load(Ordering::SeqCst), SAMPLE_BYTES);
        assert_eq!(verify_tree(&store, "a/b", &published.digest, &silent).await.unwrap(), published);
        assert_eq!(find_tree(&store, "a/b").await.unwrap(), Some(published.clone()));
        assert_eq!(objects(&store).await.len() as u64, SAMPLE_FILES + 1);
        digests.push(published.digest);
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_prefix_holds_one_tree_and_a_second_replaces_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    sample(folder.path());
    for (store, _folder) in stores() {
        let first = publish_tree(folder.path(), &store, "p", &silent).await.unwrap();
        publish_bytes("neighbour".into(), &store, "p2").await.unwrap();
        let second = publish_tree(&folder.path().join("none"), &store, "p", &silent).await.unwrap();
        assert_ne!(first.digest, second.digest);
        let all = objects(&store).await;
        assert_eq!(all, ["p/data/file", "p/manifest.json", "p2/data/file", "p2/manifest.json"]);
        delete_tree(&store, "p").await.unwrap();
        delete_tree(&store, "p").await.unwrap();
        assert_eq!(find_tree(&store, "p").await.unwrap(), None);
        assert_eq!(objects(&store).await, ["p2/data/file", "p2/manifest.json"]);
    }
}

#[tokio::test]
async fn bytes_are_published_as_the_file_they_would_be() {
    let folder = tempfile::tempdir().unwrap();
    let content = crate::support::pattern(BIG, 3);
    std::fs::write(folder.path().join("f"), &content).unwrap();
    for (store, _folder) in stores() {
        let file = publish_tree(&folder.path().join("f"), &store, "file", &silent).await.unwrap();
        let bytes = publish_bytes(content.clone().into(), &store, "bytes").await.unwrap();
        assert_eq!(file, bytes);
    }
}

#[tokio::test]
async fn what_cannot_be_part_of_a_tree_is_refused_by_name_and_nothing_is_committed() {
    let store = memory();
    let folder = tempfile::tempdir().unwrap();
    let missing = publish_tree(&folder.path().join("no"), &store, "p", &silent).await.unwrap_err();
    assert!(matches!(missing, TransferError::SourceMissing { .. }), "{missing}");
    for (name, target) in [("absolute", "/etc/passwd"), ("outside", "../x"), ("deep", "a/../../x")] {
        let link = folder.path().join(name);
        symlink(target, &link).unwrap();
        let error = publish_tree(folder.path(), &store, "p", &silent).await.unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        std::fs::remove_file(link).unwrap();
    }
    let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    let error = publish_tree(folder.path(), &store, "p", &silent).await.unwrap_err();
    assert!(error.to_string().ends_with("it is a socket"), "{error}");
    assert_eq!(find_tree(&store, "p").await.unwrap(), None);
}

type Change = fn(&std::path::Path);

/// Writes other content of the same length and hides that from the time of the content.
fn rewrite_and_set_back(path: &std::path::Path) {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let before = file.metadata().unwrap();
    let changed = |about: &std::fs::Metadata| (about.ctime(), about.ctime_nsec());
    file.write_all_at(&vec![1; BIG], 0).unwrap();
    file.set_modified(before.modified().unwrap()).unwrap();
    // Clocks of file systems tick every few milliseconds.
    while changed(&file.metadata().unwrap()) == changed(&before) {
        file.set_modified(before.modified().unwrap()).unwrap();
    }
    assert_eq!(file.metadata().unwrap().modified().unwrap(), before.modified().unwrap());
}

/// The progress report is a moment in the middle of reading a file: exactly when it must not change.
#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_noticed() {
    let changes: [(&str, Change); 5] = [
        ("longer", |path| {
            std::fs::OpenOptions::new().append(true).open(path).unwrap().set_len(BIG as u64 + 1).unwrap();
        }),
        ("shorter", |path| {
            std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(BIG as u64 - 1).unwrap()
        }),
        ("replaced", |path| {
            std::fs::write(path.with_extension("new"), vec![0; BIG]).unwrap();
            std::fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("removed", |path| std::fs::remove_file(path).unwrap()),
        ("set back", rewrite_and_set_back),
    ];
    for (name, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("big");
        std::fs::write(&file, vec![0; BIG]).unwrap();
        let store = memory();
        let once = AtomicU64::new(0);
        let watch = |_| {
            if once.fetch_add(1, Ordering::SeqCst) == 0 {
                change(&file);
            }
        };
        let error = publish_tree(folder.path(), &store, "p", &watch).await.unwrap_err();
        assert!(matches!(error, TransferError::SourceChanged { .. }), "{name}: {error}");
        assert_eq!(find_tree(&store, "p").await.unwrap(), None, "{name}");
    }
}

#[tokio::test]
async fn leftovers_without_a_manifest_are_no_tree_and_are_cleared() {
    let store = memory();
    put(&store, "p/data/old", "torn").await;
    assert_eq!(find_tree(&store, "p").await.unwrap(), None);
    publish_bytes("new".into(), &store, "p").await.unwrap();
    assert_eq!(objects(&store).await, ["p/data/file", "p/manifest.json"]);
}

/// A private key that a user brings along must not become readable on its way.
#[tokio::test]
async fn permissions_are_kept_of_files_folders_and_what_a_link_leads_to() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let (store, folder) = (memory(), tempfile::tempdir().unwrap());
    let tree = folder.path().join("tree");
    std::fs::create_dir_all(tree.join("private/deep")).unwrap();
    for (name, bits) in [("key", 0o600), ("plain", 0o644), ("tool", 0o755), ("private/own", 0o750)] {
        std::fs::write(tree.join(name), name).unwrap();
        set(&tree.join(name), bits);
    }
    set(&tree.join("private"), 0o500);
    set(&tree, 0o700);
    let to = folder.path().join("to");
    let digest = publish_tree(&tree, &store, "p", &silent).await.unwrap().digest;
    fetch_tree(&store, "p", &digest, &to, &silent).await.unwrap();
    for (name, bits) in [
        ("", 0o700),
        ("key", 0o600),
        ("plain", 0o644),
        ("tool", 0o755),
        ("private", 0o500),
        ("private/own", 0o750),
    ] {
        assert_eq!(mode(&to.join(name)), bits, "{name}");
    }
    let link = folder.path().join("link");
    symlink(tree.join("key"), &link).unwrap();
    let digest = publish_tree(&link, &store, "q", &silent).await.unwrap().digest;
    fetch_tree(&store, "q", &digest, &folder.path().join("key"), &silent).await.unwrap();
    assert_eq!(mode(&folder.path().join("key")), 0o600);
    // So that the folder can be removed.
    set(&tree.join("private"), 0o700);
    set(&to.join("private"), 0o700);
}

#[tokio::test]
async fn what_a_user_brings_along_keeps_its_links_and_loses_its_pipes() {
    let (store, folder) = (memory(), tempfile::tempdir().unwrap());
    let tree = folder.path().join("tree");
    std::fs::create_dir_all(tree.join("venv/bin")).unwrap();
    std::fs::write(tree.join("code.py"), "pass").unwrap();
    std::fs::write(tree.join("secret.env"), "x").unwrap();
    for (target, name) in [("/usr/bin/python3", "venv/bin/python"), ("nowhere", "dangling"), ("..", "up")] {
        symlink(target, tree.join(name)).unwrap();
    }
    let _socket = std::os::unix::net::UnixListener::bind(tree.join("socket")).unwrap();
    let ignored = ["secret.env".to_owned()].into();
    let selection = Selection::brought(ignored);
    let (published, left_out) = publish_selection(&tree, selection, &store, "p", &silent).await.unwrap();
    assert_eq!(left_out, ["socket: it is a socket"]);
    let strict = fetch_tree(&store, "p", &published.digest, &folder.path().join("no"), &silent).await;
    assert!(matches!(strict, Err(TransferError::BadManifest { .. })), "{strict:?}");
    let to = folder.path().join("to");
    fetch_own_tree(&store, "p", &published.digest, &to, &silent).await.unwrap();
    let target = |name: &str| std::fs::read_link(to.join(name)).unwrap();
    assert_eq!(target("venv/bin/python"), std::path::Path::new("/usr/bin/python3"));
    assert_eq!(target("dangling"), std::path::Path::new("nowhere"));
    assert!(to.join("code.py").exists() && !to.join("secret.env").exists() && !to.join("socket").exists());
    let (_, left_out) = publish_selection(&tree, Selection::made(), &store, "q", &silent).await.unwrap();
    assert_eq!(left_out.len(), 3, "{left_out:?}");
    assert!(
        fetch_tree(&store, "q", &find_tree(&store, "q").await.unwrap().unwrap().digest, &to, &silent)
            .await
            .is_ok()
    );
}
