//! Two folders of one machine, between which files are copied several on one thread, and long ones in short parts.

use crate::support::{Ears, World, between, content, hash};
use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_transfer::engine::{Ended, Limiter, Outcome, Snapshot, Stats, run};
use welkin_transfer::journal::{Manifest, write_manifest};

const MANY: u64 = 300;

fn many(world: &World) -> BTreeMap<String, String> {
    let files = (0..MANY).map(|seed| {
        let (key, bytes) = (format!("d{}/f{seed:03}", seed % 7), content(seed, 50 * seed as usize));
        let path = world.path("here").join(&key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &bytes).unwrap();
        (key, hash(&bytes))
    });
    files.collect()
}

/// What the journal says that arrived; each is there with its hash.
fn recorded(world: &World) -> BTreeMap<String, String> {
    let path = world.path("manifest");
    write_manifest(&world.path("journal"), &path, "t", "from", "to").unwrap();
    let mut manifest = Manifest::open(&path).unwrap();
    let mut entries = BTreeMap::new();
    while let Some(entry) = manifest.next_entry().unwrap() {
        let there = std::fs::read(world.path("there").join(&entry.key)).unwrap();
        assert_eq!(hash(&there), entry.blake3, "{}", entry.key);
        entries.insert(entry.key, entry.blake3);
    }
    entries
}

/// Runs until `enough`, then drops everything, as a kill does.
async fn killed(world: &World, rate: u64, enough: impl Fn(Snapshot) -> bool) -> Snapshot {
    let (limiter, stats) = (Arc::new(Limiter::new(Some(rate))), Arc::new(Stats::default()));
    let transfer = between(world.local("here"), world.local("there"));
    let ears = Arc::new(Ears::default());
    let journal = Some(world.journal().await);
    let running = run(transfer, journal, limiter, Arc::clone(&stats), ears, std::future::pending());
    let some = async {
        while !enough(stats.snapshot()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = running => panic!("it is over already"),
        () = some => {}
    }
    stats.snapshot()
}

async fn goes_on(world: &World) -> Outcome {
    let transfer = between(world.local("here"), world.local("there"));
    let (outcome, ears) = world.run_with(transfer, Some(world.journal().await)).await;
    assert_eq!(*ears.failed.lock().unwrap(), BTreeMap::new());
    outcome.unwrap()
}

#[tokio::test]
async fn what_fails_among_many_is_named_and_the_others_are_on_record() {
    let world = World::new();
    let mut expected = many(&world);
    let in_the_way = ["d0/f000", "d1/f001", "d3/f150", "d5/f299"];
    for key in in_the_way {
        std::fs::create_dir_all(world.path("there").join(key)).unwrap();
        expected.remove(key).unwrap();
    }
    let transfer = between(world.local("here"), world.local("there"));
    let (outcome, ears) = world.run_with(transfer, Some(world.journal().await)).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.ended, outcome.counts.copied_objects), (Ended::Partly, expected.len() as u64));
    let failed = ears.failed.lock().unwrap();
    assert_eq!(failed.keys().map(String::as_str).collect::<Vec<_>>(), in_the_way);
    assert!(failed.values().all(|why| why.contains("a folder is in the way")), "{failed:?}");
    assert_eq!(*ears.copied.lock().unwrap(), expected);
    assert_eq!(recorded(&world), expected);
}

#[tokio::test]
async fn many_that_were_killed_go_on_with_all_that_was_told_of() {
    let world = World::new();
    let expected = many(&world);
    let before = killed(&world, 2 << 20, |counts| counts.copied_objects >= 100).await;
    let outcome = goes_on(&world).await;
    assert_eq!(outcome.ended, Ended::Whole);
    let counts = outcome.counts;
    assert_eq!(counts.resumed_objects + counts.copied_objects, MANY);
    assert_eq!(counts.resumed_objects, before.copied_objects, "{counts:?} after {before:?}");
    assert_eq!(recorded(&world), expected);
}

#[tokio::test]
async fn a_long_file_goes_on_with_the_parts_that_were_told_of() {
    let world = World::new();
    let bytes = content(5, (24 << 20) + 5);
    std::fs::create_dir(world.path("here")).unwrap();
    std::fs::write(world.path("here/long"), &bytes).unwrap();
    let before = killed(&world, 30 << 20, |counts| counts.copied_bytes >= 3 << 20).await;
    let outcome = goes_on(&world).await;
    assert_eq!(outcome.ended, Ended::Whole);
    assert_eq!(outcome.counts.resumed_bytes, before.copied_bytes);
    assert_eq!(recorded(&world), BTreeMap::from([("long".to_owned(), hash(&bytes))]));
    assert_eq!(std::fs::read_dir(world.path("there")).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_copied_is_one_version_or_the_other() {
    let world = World::new();
    let (old, new) = (content(1, 20 << 20), content(2, 20 << 20));
    let path = world.path("here/long");
    std::fs::create_dir(world.path("here")).unwrap();
    std::fs::write(&path, &old).unwrap();
    killed(&world, 30 << 20, |counts| counts.copied_bytes >= 3 << 20).await;
    std::fs::write(&path, &new).unwrap();
    let outcome = goes_on(&world).await;
    assert_eq!((outcome.ended, outcome.counts.resumed_bytes), (Ended::Whole, 0));
    assert_eq!(recorded(&world), BTreeMap::from([("long".to_owned(), hash(&new))]));
    assert_eq!(std::fs::read_dir(world.path("there")).unwrap().count(), 1);
}
