//! Only what differs is moved, and only what may be is removed.

use crate::support::{World, content};
use welkin_testkit::s3::{Attributes, Operation};
use welkin_transfer::engine::{Compare, Ended, EngineError, Guard, preview};

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
    let seen = preview(&transfer, |_, _, _| {}).await.unwrap();
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
    let (outcome, _) = world.run(transfer).await;
    assert!(matches!(outcome.unwrap_err(), EngineError::Guarded { surplus: 4, .. }));
    assert_eq!(world.hashes("target").len(), 4);
}
