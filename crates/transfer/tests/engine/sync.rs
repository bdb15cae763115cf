//! Only what differs is moved, and only what may be is removed.

use crate::support::{World, between, content, hash};
use welkin_stores::{Links, Local};
use welkin_testkit::s3::{Attributes, Operation};
use welkin_transfer::engine::{Compare, Ended, EngineError, Guard, Side, preview};

fn world() -> World {
    let world = World::new();
    for seed in 0..10 {
        world.put(&format!("k{seed}"), &content(seed, 100));
    }
    world
}

#[tokio::test]
async fn the_second_time_there_is_nothing_to_do() {
    let world = world();
    for compare in [Compare::Missing, Compare::Size, Compare::Time, Compare::Checksum] {
        let mut transfer = world.transfer();
        transfer.options.compare = compare;
        let (outcome, _) = world.run(transfer.clone()).await;
        assert_eq!(outcome.unwrap().ended, Ended::Whole);
        let before = world.server.counts();
        let (outcome, _) = world.run(transfer).await;
        outcome.unwrap();
        assert_eq!(
            world.server.counts().of(Operation::PutObject),
            before.of(Operation::PutObject),
            "{compare:?}"
        );
    }
}

#[tokio::test]
async fn each_level_sees_what_it_looks_at() {
    for (compare, expected) in
        [(Compare::Missing, 1), (Compare::Size, 2), (Compare::Checksum, 3), (Compare::Always, 10)]
    {
        let world = world();
        for seed in 0..9 {
            world.server.put("target", &format!("k{seed}"), content(seed, 100), Attributes::default());
        }
        // k9 is missing, k1 is shorter, k2 has other content of the same length.
        world.server.put("target", "k1", content(1, 99), Attributes::default());
        world.server.put("target", "k2", content(77, 100), Attributes::default());
        let mut transfer = world.transfer();
        transfer.options.compare = compare;
        let (outcome, _) = world.run(transfer).await;
        assert_eq!(outcome.unwrap().counts.copied_objects, expected, "{compare:?}");
        if compare == Compare::Checksum {
            assert_eq!(world.hashes("target"), world.hashes("source"));
        }
    }
}

#[tokio::test]
async fn surplus_is_removed_within_the_guard() {
    let world = world();
    for seed in 0..4 {
        world.server.put("target", &format!("old{seed}"), content(seed, 10), Attributes::default());
    }
    let mut transfer = world.transfer();
    transfer.options.compare = Compare::Size;
    transfer.options.delete = Some(Guard::Count(3));
    let (outcome, _) = world.run(transfer.clone()).await;
    match outcome.unwrap_err() {
        EngineError::Guarded { surplus: 4, there: 14, most: 3 } => {}
        other => panic!("{other}"),
    }
    assert_eq!(world.hashes("target").len(), 14);
    // What the filter leaves out is not looked at on either side.
    transfer.options.delete = Some(Guard::Percent(50));
    transfer.options.filter.add(false, "old3").unwrap();
    let (outcome, _) = world.run(transfer.clone()).await;
    assert_eq!(outcome.unwrap().counts.deleted_objects, 3);
    assert_eq!(world.hashes("target").len(), 11);
    let seen = preview(&transfer, None, |_, _, _| {}).await.unwrap();
    assert_eq!((seen.copy_objects, seen.same_objects, seen.delete_objects), (0, 10, 0));
}

#[tokio::test]
async fn an_empty_source_removes_nothing_by_itself() {
    let world = World::new();
    for seed in 0..4 {
        world.server.put("target", &format!("k{seed}"), content(seed, 10), Attributes::default());
    }
    let mut transfer = world.transfer();
    transfer.options.delete = Some(Guard::Percent(50));
    let (outcome, _) = world.run(transfer.clone()).await;
    assert!(matches!(outcome.unwrap_err(), EngineError::NothingFound { there: 4 }));
    transfer.options.empties = true;
    let (outcome, _) = world.run(transfer).await;
    assert!(matches!(outcome.unwrap_err(), EngineError::Guarded { surplus: 4, .. }));
    assert_eq!(world.hashes("target").len(), 4);
}

/// A folder with one file, its time set to so many seconds, and a mirror of it at the target.
fn touch(world: &World, content: &[u8], seconds: u64) {
    let path = world.path("here/f");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    std::fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

async fn mirrored(world: &World, to_bucket: bool, pairs: bool) -> u64 {
    let target = if to_bucket { world.bucket("target") } else { world.local("there") };
    let mut transfer = between(world.local("here"), target);
    transfer.options.compare = Compare::Time;
    transfer.options.pairs = pairs.then(|| world.path("pairs"));
    let _ = std::fs::remove_file(world.path("journal"));
    let (outcome, _) = world.run_with(transfer, Some(world.journal().await)).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.ended, Ended::Whole);
    outcome.counts.copied_objects
}

#[tokio::test]
async fn an_older_or_newer_time_of_the_same_length_is_a_change_and_the_same_time_is_none() {
    for (to_bucket, pairs) in [(true, true), (true, false), (false, true), (false, false)] {
        let world = World::new();
        touch(&world, b"first", 1_700_000_000);
        assert_eq!(mirrored(&world, to_bucket, pairs).await, 1);
        for (content, seconds) in [(b"older", 1_600_000_000), (b"newer", 1_800_000_000), (b"agold", 1)] {
            touch(&world, content, seconds);
            assert_eq!(mirrored(&world, to_bucket, pairs).await, 1, "{to_bucket} {pairs} {seconds}");
            let there = match to_bucket {
                true => world.hashes("target")["f"].clone(),
                false => hash(&std::fs::read(world.path("there/f")).unwrap()),
            };
            assert_eq!(there, hash(content));
            assert_eq!(mirrored(&world, to_bucket, pairs).await, 0, "{to_bucket} {pairs} {seconds}");
            // Only who changed it is another: neither length nor time is.
            touch(&world, content, seconds);
            assert_eq!(mirrored(&world, to_bucket, pairs).await, 0, "{to_bucket} {pairs} {seconds}");
        }
    }
}

#[tokio::test]
async fn what_the_last_mirror_knows_saves_asking_for_every_time() {
    let world = world();
    let mut transfer = world.transfer();
    transfer.options.compare = Compare::Time;
    transfer.options.pairs = Some(world.path("pairs"));
    let again = async |looks: u64, copies: u64| {
        let _ = std::fs::remove_file(world.path("journal"));
        let before = world.server.counts();
        let (outcome, _) = world.run_with(transfer.clone(), Some(world.journal().await)).await;
        assert_eq!(outcome.unwrap().counts.copied_objects, copies);
        let after = world.server.counts();
        assert_eq!(after.of(Operation::HeadObject) - before.of(Operation::HeadObject), looks);
        assert_eq!(world.hashes("target"), world.hashes("source"));
    };
    again(0, 10).await;
    again(0, 0).await;
    // One changed at the source, one at the target, one is gone there; each is asked for by itself, if at all.
    world.put("k3", &content(33, 100));
    world.server.put("target", "k5", content(55, 101), Attributes::default());
    world.server.delete("target", "k7");
    again(2, 3).await;
    again(0, 0).await;
    // Without what is known all are asked, and are known again.
    std::fs::remove_file(world.path("pairs")).unwrap();
    again(20, 0).await;
    again(0, 0).await;
    // Damage is no knowledge.
    let mut bytes = std::fs::read(world.path("pairs")).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(world.path("pairs"), bytes).unwrap();
    again(12, 0).await;
}

#[tokio::test]
async fn files_from_a_store_have_the_time_that_it_shows() {
    let world = world();
    let mut transfer = between(world.bucket("source"), world.local("there"));
    transfer.options.compare = Compare::Time;
    let (outcome, _) = world.run(transfer.clone()).await;
    assert_eq!(outcome.unwrap().counts.copied_objects, 10);
    let listed = world.server.objects("source").len();
    assert_eq!(listed, 10);
    let (outcome, _) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().counts.copied_objects, 0);
}

#[tokio::test]
async fn a_source_where_nothing_is_empties_no_target_unasked() {
    let world = World::new();
    for seed in 0..4 {
        world.server.put("target", &format!("k{seed}"), content(seed, 10), Attributes::default());
    }
    let mut transfer = world.transfer();
    transfer.options.delete = Some(Guard::Off);
    let (outcome, _) = world.run(transfer.clone()).await;
    assert!(matches!(outcome.unwrap_err(), EngineError::NothingFound { there: 4 }));
    assert_eq!(world.hashes("target").len(), 4);
    let seen = preview(&transfer, None, |_, _, _| {}).await.unwrap();
    assert_eq!((seen.source_objects, seen.delete_objects, seen.guarded), (0, 4, None));
    transfer.options.empties = true;
    transfer.options.delete = Some(Guard::Count(3));
    let seen = preview(&transfer, None, |_, _, _| {}).await.unwrap();
    assert_eq!(seen.guarded, Some(3));
    transfer.options.delete = Some(Guard::Off);
    let (outcome, _) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().counts.deleted_objects, 4);
}

/// A folder that cannot be looked at hides what is below it: its objects are not gone.
#[tokio::test]
async fn one_folder_that_cannot_be_looked_at_fails_by_name_and_nothing_is_removed() {
    let world = World::new();
    let (from, to) = (world.path("from"), world.path("to"));
    for name in ["a", "b", "z"] {
        std::fs::create_dir_all(from.join("hidden")).unwrap();
        std::fs::write(from.join(name), name).unwrap();
    }
    std::fs::write(from.join("hidden/x"), "x").unwrap();
    let follow = || Local::with_links(&from, false, Links::Follow);
    world.run(between(follow(), world.local("to"))).await.0.unwrap();
    std::fs::write(to.join("surplus"), "").unwrap();
    std::fs::write(from.join("new"), "new").unwrap();
    // Even root cannot look into a link that leads back.
    std::fs::rename(from.join("hidden"), world.path("aside")).unwrap();
    std::os::unix::fs::symlink(".", from.join("hidden")).unwrap();
    let mut transfer = between(follow(), world.local("to"));
    transfer.options.compare = Compare::Size;
    transfer.options.delete = Some(Guard::Off);
    let (outcome, ears) = world.run(transfer.clone()).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.ended, outcome.counts.deleted_objects), (Ended::Partly, 0));
    assert_eq!(ears.failed.lock().unwrap().keys().collect::<Vec<_>>(), ["hidden/"]);
    assert_eq!(std::fs::read_to_string(to.join("new")).unwrap(), "new");
    assert!(to.join("hidden/x").exists() && to.join("surplus").exists());
    // An inclusion that says nothing of folders does not make it gone either; leaving it out by name does.
    transfer.options.filter.add(true, "*.jpg").unwrap();
    transfer.options.filter.close().unwrap();
    let (outcome, _) = world.run(transfer.clone()).await;
    assert_eq!(outcome.unwrap().ended, Ended::Partly);
    transfer.options.filter = welkin_transfer::filter::Filter::default();
    transfer.options.filter.add(false, "/hidden/**").unwrap();
    let (outcome, _) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().counts.deleted_objects, 1);
    assert!(to.join("hidden/x").exists() && !to.join("surplus").exists());
}

/// Links at the target are nobody's objects: neither they nor what they lead to is removed.
#[tokio::test]
async fn removing_surplus_leaves_links_and_what_they_lead_to() {
    let world = World::new();
    let (from, to, out) = (world.path("from"), world.path("to"), world.path("out"));
    for folder in [&from, &to, &out] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(out.join("precious"), "").unwrap();
    std::fs::write(from.join("a"), "").unwrap();
    std::fs::write(to.join("old"), "").unwrap();
    std::os::unix::fs::symlink("../out", to.join("link")).unwrap();
    std::os::unix::fs::symlink("../out/precious", to.join("file")).unwrap();
    let mut transfer = between(world.local("from"), world.local("to"));
    transfer.options.delete = Some(Guard::Off);
    let (outcome, ears) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().counts.deleted_objects, 1);
    assert!(ears.left_out.lock().unwrap().is_empty());
    assert!(out.join("precious").exists() && !to.join("old").exists());
    assert!(to.join("link").is_symlink() && to.join("file").is_symlink());
}

#[tokio::test]
async fn a_source_in_its_target_is_not_removed_with_the_rest() {
    let world = World::new();
    let bytes = |seed: u64| content(seed, 10);
    for (folder, path) in [("local", "t/sub"), ("other", "t/sub")] {
        std::fs::create_dir_all(world.path(folder).join(path)).unwrap();
        std::fs::write(world.path(folder).join(path).join("a"), bytes(1)).unwrap();
    }
    std::fs::write(world.path("other/t/a"), bytes(1)).unwrap();
    world.put("t/sub/a", &bytes(1));
    std::os::unix::fs::symlink(world.path("local/t"), world.path("link")).unwrap();
    let side = |endpoint, prefix: &str| Side::new(endpoint, prefix);
    let ends = [
        (side(world.local("local/t/sub"), ""), side(world.local("local/t"), ""), "sub/"),
        (side(world.local("local"), "t/sub/"), side(world.local("link"), ""), "sub/"),
        (side(world.local("local/t/../t/sub"), ""), side(world.local("local/t"), ""), "sub/"),
        (side(world.bucket("source"), "t/sub/"), side(world.bucket("source"), "t/"), "sub/"),
        (side(world.bucket("source"), "t/"), side(world.bucket("source"), "t/"), ""),
        (side(world.local("local/t"), ""), side(world.local("link"), ""), ""),
        (side(world.local("local"), ""), side(world.local("local/t/new"), ""), "t/new/"),
    ];
    for (source, target, expected) in ends {
        let mut transfer = world.transfer();
        (transfer.source, transfer.target) = (source, target);
        transfer.options.delete = Some(Guard::Off);
        let previewed = preview(&transfer, None, |_, _, _| {}).await.err();
        let (ran, _) = world.run(transfer).await;
        for error in [previewed, ran.err()] {
            assert!(
                matches!(&error, Some(EngineError::Overlapping { way, .. }) if way == expected),
                "{error:?}"
            );
        }
    }
    assert!(world.path("local/t/sub/a").exists() && world.hashes("source").contains_key("t/sub/a"));
    // What is left out of both ends is not in the way, and beside one another nothing is.
    let mut transfer = between(world.local("other/t"), world.local("other/t/sub"));
    transfer.options.delete = Some(Guard::Off);
    transfer.options.filter.add(false, "/sub/**").unwrap();
    world.run(transfer).await.0.unwrap();
    let mut transfer = between(world.local("other/t"), world.local("other/t2"));
    transfer.options.delete = Some(Guard::Off);
    world.run(transfer).await.0.unwrap();
    assert!(world.path("other/t2/sub/a").exists());
    // Without removing, what lies deeper comes up once.
    std::fs::write(world.path("other/t/sub/b"), bytes(2)).unwrap();
    world.run(between(world.local("other/t/sub"), world.local("other/t"))).await.0.unwrap();
    assert!(world.path("other/t/b").exists() && world.path("other/t/sub/b").exists());
}

/// Whoever compares reads both sides, and has only one of them in memory: else all wait for memory that all hold.
#[tokio::test]
async fn content_is_compared_within_the_memory_and_in_parts_of_any_length() {
    let world = World::new();
    for number in 0..8 {
        for folder in ["here", "there"] {
            std::fs::create_dir_all(world.path(folder)).unwrap();
            std::fs::write(world.path(folder).join(number.to_string()), content(number, 3 << 20)).unwrap();
        }
    }
    for (memory_bytes, part_bytes) in
        [(4 << 20, None), (1 << 20, None), (4 << 20, Some(512)), (4 << 20, Some(1 << 40))]
    {
        let mut transfer = between(world.local("here"), world.local("there"));
        transfer.options.compare = Compare::Checksum;
        (transfer.options.memory_bytes, transfer.options.part_bytes) = (memory_bytes, part_bytes);
        let (outcome, _) = world.run(transfer).await;
        assert_eq!(outcome.unwrap().counts.skipped_objects, 8, "{memory_bytes} {part_bytes:?}");
    }
}

/// A name that is no UTF-8 is listed under a key that another file may have.
#[tokio::test]
async fn a_file_whose_name_is_not_text_stands_for_no_other() {
    use std::os::unix::ffi::OsStrExt;
    let world = World::new();
    let odd = |folder: &str| world.path(folder).join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    let text = |folder: &str| world.path(folder).join("caf\u{fffd}");
    for folder in ["from", "to", "both"] {
        std::fs::create_dir_all(world.path(folder)).unwrap();
        std::fs::write(text(folder), "good").unwrap();
    }
    std::fs::write(odd("to"), "odd").unwrap();
    std::fs::write(odd("both"), "odd and longer").unwrap();
    // At the target it fails by name, and nothing is removed in its place.
    let mut transfer = between(world.local("from"), world.local("to"));
    transfer.options.compare = Compare::Size;
    transfer.options.delete = Some(Guard::Off);
    let (outcome, ears) = world.run(transfer.clone()).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.ended, outcome.counts.deleted_objects), (Ended::Partly, 0));
    assert!(ears.failed.lock().unwrap()["caf\u{fffd}"].contains("its name is not UTF-8"));
    assert!(text("to").exists() && odd("to").exists());
    // What really has that name is removed, and nothing else.
    std::fs::remove_file(text("from")).unwrap();
    std::fs::write(world.path("from/a"), "").unwrap();
    let (outcome, _) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().counts.deleted_objects, 1);
    assert!(!text("to").exists() && odd("to").exists());
    // At the source it fails by name, and the other arrives.
    for compare in [Compare::Always, Compare::Size] {
        let mut transfer = between(world.local("both"), world.local("copy"));
        transfer.options.compare = compare;
        let (outcome, ears) = world.run(transfer).await;
        assert_eq!(outcome.unwrap().ended, Ended::Partly);
        let failed = ears.failed.lock().unwrap();
        assert!(failed["caf\u{fffd}"].contains("its name is not UTF-8"), "{failed:?}");
        assert_eq!(std::fs::read_to_string(text("copy")).unwrap(), "good");
    }
}

/// A store may have a file and a link of one name, and a folder only one of them.
#[tokio::test]
async fn of_a_file_and_a_link_of_one_name_the_link_fails_under_its_name() {
    let world = World::new();
    for (key, content) in [("a", "file"), ("a.rclonelink", "target"), ("b.rclonelink", "target")] {
        world.put(key, content.as_bytes());
    }
    let target = || Local::with_links(world.path("there"), false, Links::Keep);
    for compare in [Compare::Always, Compare::Size] {
        let mut transfer = between(world.bucket("source"), target());
        transfer.options.compare = compare;
        let (outcome, ears) = world.run(transfer).await;
        assert_eq!(outcome.unwrap().ended, Ended::Partly);
        let failed = ears.failed.lock().unwrap();
        assert!(failed.len() == 1 && failed["a.rclonelink"].contains("the file \"a\""), "{failed:?}");
        assert_eq!(std::fs::read_to_string(world.path("there/a")).unwrap(), "file");
        assert!(world.path("there/b").is_symlink());
    }
    let mut transfer = between(world.bucket("source"), target());
    transfer.options.filter.add(false, "/a").unwrap();
    assert_eq!(world.run(transfer).await.0.unwrap().ended, Ended::Whole);
    assert!(world.path("there/a").is_symlink());
}
