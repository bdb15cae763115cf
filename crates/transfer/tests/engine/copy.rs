//! What arrives, and how.

use crate::support::{World, between, content, hash};
use std::collections::BTreeMap;
use welkin_stores::{Links, Local};
use welkin_testkit::s3::{Attributes, Operation};
use welkin_transfer::engine::{Ended, Scope};

const KEYS: &[&str] = &[
    "plain",
    "a/b/c.txt",
    "with space",
    "plus+and&amp;",
    "percent%20%",
    "ümläut/ключ/鍵",
    "quote'\"<>",
    "tilde~!*()",
    "a//b",
    "trailing/dot.",
    "question?hash#",
    "emoji-🛰",
    "new\nline",
    "tab\tand\u{1}",
];

#[tokio::test]
async fn odd_keys_and_empty_objects_arrive_whole() {
    let world = World::new();
    for (seed, key) in KEYS.iter().enumerate() {
        world.put(key, &content(seed as u64, seed * 1000));
    }
    let (outcome, ears) = world.run(world.transfer()).await;
    assert_eq!(*ears.failed.lock().unwrap(), BTreeMap::new());
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    assert_eq!(world.hashes("target"), world.hashes("source"));
    assert_eq!(world.hashes("target").len(), KEYS.len());
    // No look at objects that fit one part: one read and one write each.
    assert_eq!(world.server.counts().of(Operation::HeadObject), 0);
    assert_eq!(world.server.counts().of(Operation::GetObject), KEYS.len() as u64);
}

#[tokio::test]
async fn metadata_arrives_also_with_parts() {
    let world = World::new();
    let attributes = Attributes {
        cache_control: Some("max-age=5".to_owned()),
        content_disposition: Some("attachment; filename=\"a b\"".to_owned()),
        content_encoding: Some("gzip".to_owned()),
        content_language: Some("de".to_owned()),
        content_type: Some("text/x-odd".to_owned()),
        storage_class: None,
        metadata: BTreeMap::from([("owner".to_owned(), "me & you".to_owned())]),
    };
    let large = content(1, (20 << 20) + 3);
    world.server.put("source", "large", large.clone(), attributes.clone());
    world.server.put("source", "small", b"x".to_vec(), attributes.clone());
    let (outcome, ears) = world.run(world.transfer()).await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    for mut object in world.server.objects("target") {
        // When it was written at the store it comes from travels along, as with rclone: listings compare it.
        assert!(object.attributes.metadata.remove("mtime").is_some(), "{}", object.key);
        assert_eq!(object.attributes, attributes, "{}", object.key);
    }
    // The engine's own hash, merged from parts, is the plain hash of the content.
    assert_eq!(ears.copied.lock().unwrap()["large"], hash(&large));
    assert_eq!(world.hashes("target")["large"], hash(&large));
    assert!(world.server.open_uploads().is_empty());
}

#[tokio::test]
async fn a_folder_goes_to_a_bucket_and_back_with_times_and_modes() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let world = World::new();
    let from = world.path("here");
    std::fs::create_dir_all(from.join("sub/deep")).unwrap();
    for (seed, (name, length)) in
        [("a", 0), ("sub/b.bin", 9 << 20), ("sub/deep/c.txt", 77)].iter().enumerate()
    {
        std::fs::write(from.join(name), content(seed as u64, *length)).unwrap();
    }
    std::fs::set_permissions(from.join("a"), std::fs::Permissions::from_mode(0o741)).unwrap();
    let (there, _) = world.run(between(world.local("here"), world.bucket("target"))).await;
    assert_eq!(there.unwrap().ended, Ended::Whole);
    let (back, _) = world.run(between(world.bucket("target"), world.local("back"))).await;
    assert_eq!(back.unwrap().ended, Ended::Whole);
    for name in ["a", "sub/b.bin", "sub/deep/c.txt"] {
        let (left, right) = (from.join(name), world.path("back").join(name));
        assert_eq!(std::fs::read(&left).unwrap(), std::fs::read(&right).unwrap(), "{name}");
        let (left, right) = (left.metadata().unwrap(), right.metadata().unwrap());
        assert_eq!(
            (left.mtime(), left.mtime_nsec(), left.mode()),
            (right.mtime(), right.mtime_nsec(), right.mode())
        );
    }
    let objects = world.server.objects("target");
    let text = objects.iter().find(|object| object.key == "sub/deep/c.txt").unwrap();
    assert_eq!(text.attributes.content_type.as_deref(), Some("text/plain"));
}

#[tokio::test]
async fn what_a_folder_cannot_hold_is_reported_and_the_rest_arrives() {
    let world = World::new();
    for key in ["good", "a/../b", "c//d", "/e", "folder/"] {
        world.put(key, if key == "folder/" { b"" } else { b"x" });
    }
    let (outcome, ears) = world.run(between(world.bucket("source"), world.local("here"))).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.ended, Ended::Partly);
    let failed: Vec<_> = ears.failed.lock().unwrap().keys().cloned().collect();
    assert_eq!(failed, ["/e", "a/../b", "c//d"]);
    // A marker of a folder is no content.
    assert_eq!((outcome.counts.copied_objects, outcome.counts.skipped_objects), (1, 1));
    assert_eq!(std::fs::read(world.path("here/good")).unwrap(), b"x");
}

#[tokio::test]
async fn odd_files_are_reported_by_name_and_holes_stay_holes() {
    use std::os::unix::fs::MetadataExt;
    let world = World::new();
    let from = world.path("here");
    std::fs::create_dir_all(&from).unwrap();
    std::os::unix::fs::symlink("nowhere", from.join("broken")).unwrap();
    std::os::unix::fs::symlink("sparse", from.join("link")).unwrap();
    let pipe = from.join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    let sparse = std::fs::File::create(from.join("sparse")).unwrap();
    sparse.set_len(64 << 20).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&sparse, b"end", (64 << 20) - 3).unwrap();
    let follow = Local::with_links(&from, false, Links::Follow);
    let (outcome, ears) = world.run(between(follow, world.local("there"))).await;
    assert_eq!(outcome.unwrap().ended, Ended::Partly);
    let failed: Vec<_> = ears.failed.lock().unwrap().keys().cloned().collect();
    assert_eq!(failed, ["broken"]);
    assert_eq!(*ears.left_out.lock().unwrap(), ["pipe"]);
    let arrived = world.path("there/sparse");
    assert_eq!(std::fs::read(&arrived).unwrap(), std::fs::read(from.join("sparse")).unwrap());
    assert!(arrived.metadata().unwrap().blocks() * 512 < 16 << 20);
    assert_eq!(world.path("there/link").metadata().unwrap().len(), 64 << 20);
}

#[tokio::test]
async fn one_object_goes_where_it_is_told() {
    let world = World::new();
    world.put("a/b", b"content");
    let mut transfer = world.transfer();
    transfer.scope = Scope::One { source: "a/b".to_owned(), target: "c".to_owned() };
    let (outcome, _) = world.run(transfer.clone()).await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    assert_eq!(world.hashes("target"), BTreeMap::from([("c".to_owned(), hash(b"content"))]));
    transfer.scope = Scope::One { source: "nothing".to_owned(), target: "c".to_owned() };
    let (outcome, _) = world.run(transfer).await;
    assert!(outcome.unwrap_err().to_string().contains("no such object"));
}
