//! Transfers that are killed at any point go on, and lose, double or spoil nothing.

use crate::support::{Ears, World, between, content};
use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_store::Metadata;
use welkin_testkit::s3::{Attributes, Fault, Operation, Rule};
use welkin_transfer::engine::{Compare, Ended, Guard, Limiter, Observer, Outcome, Stats, Transfer, run};
use welkin_transfer::journal::{Journal, Manifest, Record, write_manifest};

fn rounds() -> u64 {
    std::env::var("WELKIN_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25)
}

/// Runs until the server has seen so many more requests, then drops everything, as a kill does: the
/// journal keeps what was written to it, and nothing else happens.
async fn killed_after(world: &World, requests: u64) -> bool {
    let until = world.server.counts().requests + requests;
    let stats = Arc::new(Stats::default());
    let transfer = world.transfer();
    let limiter = Arc::new(Limiter::new(None));
    let observer: Arc<dyn Observer> = Arc::new(Ears::default());
    let journal = Some(world.journal().await);
    let running = run(transfer, journal, limiter, stats, observer, std::future::pending());
    tokio::pin!(running);
    loop {
        tokio::select! {
            biased;
            outcome = &mut running => {
                assert_eq!(outcome.unwrap().ended, Ended::Whole);
                return false;
            }
            () = tokio::task::yield_now() => {
                if world.server.counts().requests >= until {
                    return true;
                }
            }
        }
    }
}

/// What a process asked for just before it was killed may be carried out while the next one is at work.
#[tokio::test]
async fn an_upload_that_a_store_begins_late_is_not_left() {
    let world = World::new();
    world.put("large", &content(1, (24 << 20) + 5));
    let (journal, _) = world.journal().await;
    journal.write(&Record::Intent { key: "large".to_owned(), at_ms: 0 }).unwrap();
    drop(journal);
    let (journal, stats) = (Some(world.journal().await), Arc::new(Stats::default()));
    let (limiter, observer) = (Arc::new(Limiter::new(None)), Arc::new(Ears::default()));
    let running = run(world.transfer(), journal, limiter, stats, observer, std::future::pending());
    tokio::pin!(running);
    let mut late = false;
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut running => break outcome.unwrap(),
            () = tokio::task::yield_now() => {
                if !late && world.server.counts().of(Operation::CreateMultipartUpload) > 0 {
                    let target = world.bucket("target");
                    target.begin("large", &Metadata::default(), 24 << 20, 8 << 20).await.unwrap();
                    late = true;
                }
            }
        }
    };
    assert!(late && outcome.ended == Ended::Whole);
    assert_eq!(world.server.open_uploads(), []);
}

#[tokio::test]
async fn killed_after_any_request() {
    let world = World::new();
    let mut expected = BTreeMap::new();
    for seed in 0..30 {
        let bytes = content(seed, 1000 * seed as usize);
        world.put(&format!("small/{seed:02}"), &bytes);
        expected.insert(format!("small/{seed:02}"), blake3::hash(&bytes).to_hex().to_string());
    }
    for seed in 0..2 {
        let bytes = content(100 + seed, (24 << 20) + 5);
        world.put(&format!("large/{seed}"), &bytes);
        expected.insert(format!("large/{seed}"), blake3::hash(&bytes).to_hex().to_string());
    }
    for round in 0..rounds() {
        for key in world.hashes("target").keys() {
            world.server.delete("target", key);
        }
        let _ = std::fs::remove_file(world.path("journal"));
        let before = world.server.counts();
        let mut kills = 0;
        // Killed again and again, each time after a number of requests that depends on the round.
        while killed_after(&world, 3 + (round * 7 + kills * 13) % 40).await {
            kills += 1;
            assert!(kills < 100, "it makes no progress");
        }
        assert_eq!(world.hashes("target"), expected, "round {round}");
        assert_eq!(world.server.open_uploads(), [], "round {round}");
        // What was in flight at a kill is sent again, and no more: eight lanes each.
        let sent = |operation| world.server.counts().of(operation) - before.of(operation);
        let writes = sent(Operation::PutObject) + sent(Operation::UploadPart);
        assert!(writes <= 30 + 8 + kills * 8, "round {round}: {writes} writes after {kills} kills");
    }
}

#[tokio::test]
async fn a_finished_transfer_goes_on_only_with_what_failed() {
    let world = World::new();
    for seed in 0..5 {
        world.put(&format!("k{seed}"), &content(seed, 100));
    }
    world.server.inject(Rule::new(Fault::InternalError).key("k3").only(&[Operation::PutObject]));
    let mut transfer = world.transfer();
    transfer.options.attempts = 2;
    let (outcome, _) = world.run_with(transfer.clone(), Some(world.journal().await)).await;
    assert_eq!(outcome.unwrap().ended, Ended::Partly);
    world.server.heal_all();
    let before = world.server.counts().of(Operation::PutObject);
    let (outcome, _) = world.run_with(transfer, Some(world.journal().await)).await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    assert_eq!(world.server.counts().of(Operation::PutObject) - before, 1);
    assert_eq!(world.hashes("target"), world.hashes("source"));
}

/// Keys of both buckets whose content is not that of the source.
fn wrong(world: &World) -> Vec<String> {
    let there = world.hashes("target");
    world
        .hashes("source")
        .into_iter()
        .filter(|(key, hash)| there.get(key) != Some(hash))
        .map(|(key, _)| key)
        .collect()
}

/// A transfer that was killed when about 30 of its 40 objects had arrived.
async fn killed_on_the_way() -> World {
    let world = World::new();
    for seed in 0..40 {
        world.put(&format!("k{seed:02}"), &content(seed, 100));
    }
    assert!(killed_after(&world, 61).await);
    assert!(world.hashes("target").len() >= 25);
    world
}

async fn goes_on(world: &World, transfer: Transfer) -> Outcome {
    let (outcome, _) = world.run_with(transfer, Some(world.journal().await)).await;
    let outcome = outcome.unwrap();
    assert_eq!(outcome.ended, Ended::Whole);
    outcome
}

/// The keys of the manifest, each with a hash that the target has.
fn manifest(world: &World) -> Vec<String> {
    let path = world.path("manifest");
    write_manifest(&world.path("journal"), &path, "t", "from", "to").unwrap();
    let (mut manifest, there) = (Manifest::open(&path).unwrap(), world.hashes("target"));
    let mut keys = Vec::new();
    while let Some(entry) = manifest.next_entry().unwrap() {
        assert_eq!(there[&entry.key], entry.blake3, "{}", entry.key);
        keys.push(entry.key);
    }
    keys.sort();
    keys
}

#[tokio::test]
async fn a_target_that_was_wiped_meanwhile_is_filled_again() {
    let world = killed_on_the_way().await;
    let arrived = world.hashes("target").len() as u64;
    for key in ["k00", "k07"] {
        world.server.delete("target", key);
    }
    world.server.put("target", "k03", content(99, 100), Attributes::default());
    let outcome = goes_on(&world, world.transfer()).await;
    assert_eq!(wrong(&world), [""; 0]);
    // Up to eight had arrived without a record of it.
    assert!(outcome.counts.resumed_objects >= arrived - 3 - 8, "{:?}", outcome.counts);
    assert_eq!(manifest(&world).len(), 40);
    // All of it, and nothing else arrived either.
    let world = killed_on_the_way().await;
    for key in world.hashes("target").keys() {
        world.server.delete("target", key);
    }
    assert_eq!(goes_on(&world, world.transfer()).await.counts.copied_objects, 40);
    assert_eq!(wrong(&world), [""; 0]);
}

#[tokio::test]
async fn a_source_that_changed_meanwhile_is_seen_wherever_it_changed() {
    for compare in [Compare::Always, Compare::Size, Compare::Checksum] {
        let world = killed_on_the_way().await;
        world.put("k02", &content(77, 101));
        world.server.delete("source", "k04");
        world.put("k05x", &content(78, 100));
        world.put("a", &content(79, 100));
        let mut transfer = world.transfer();
        transfer.options.compare = compare;
        transfer.options.delete = (compare != Compare::Always).then_some(Guard::Count(1));
        goes_on(&world, transfer).await;
        assert_eq!(wrong(&world), [""; 0], "{compare:?}");
        assert_eq!(world.hashes("target").contains_key("k04"), compare == Compare::Always);
        // It speaks of what the source has: what vanished there is not in it, though it may be at the target.
        let keys = manifest(&world);
        assert!(!keys.contains(&"k04".to_owned()), "{keys:?}");
        if compare == Compare::Always {
            assert_eq!(keys.len(), 41);
        }
    }
}

#[tokio::test]
async fn what_always_fails_hides_nothing_else() {
    let world = World::new();
    for seed in 0..5 {
        world.put(&format!("k{seed}"), &content(seed, 100));
    }
    world.server.inject(Rule::new(Fault::InternalError).key("k3").only(&[Operation::PutObject]));
    let mut transfer = world.transfer();
    transfer.options.attempts = 2;
    for round in 0..3 {
        let (outcome, ears) = world.run_with(transfer.clone(), Some(world.journal().await)).await;
        assert_eq!(outcome.unwrap().ended, Ended::Partly, "{round}");
        assert_eq!(ears.failed.lock().unwrap().keys().collect::<Vec<_>>(), ["k3"]);
        assert_eq!(wrong(&world), ["k3"], "{round}");
        world.put(&format!("k{round}"), &content(90 + round, 100));
        world.server.delete("target", "k4");
    }
}

#[tokio::test]
async fn killed_again_and_again_while_both_ends_change() {
    let world = World::new();
    for seed in 0..30 {
        world.put(&format!("k{seed:02}"), &content(seed, 1000));
    }
    world.put("large", &content(100, (17 << 20) + 5));
    for round in 0..rounds() {
        let mut kills = 0;
        while killed_after(&world, 3 + (round * 7 + kills * 13) % 50).await {
            kills += 1;
            let number = (round * 11 + kills * 5) % 30;
            match (round + kills) % 4 {
                0 => world.put(&format!("k{number:02}"), &content(1000 + round * 100 + kills, 1000)),
                1 => drop(world.server.delete("target", &format!("k{number:02}"))),
                2 => world.put("large", &content(500 + round * 100 + kills, (17 << 20) + 5)),
                _ => world.put(&format!("k{number:02}-{kills}"), &content(kills, 10)),
            };
            assert!(kills < 200, "it makes no progress");
        }
        assert_eq!(wrong(&world), [""; 0], "round {round}");
        assert_eq!(world.server.open_uploads(), [], "round {round}");
        assert_eq!(manifest(&world).len(), world.hashes("source").len(), "round {round}");
        std::fs::remove_file(world.path("journal")).unwrap();
    }
}

#[tokio::test]
async fn parts_of_a_file_are_not_believed_after_a_power_cut() {
    // What the journal knows of it, and what the file's own write knows where the journal does not: it is behind a
    // gateway, or a process after the cut was killed before it dropped anything.
    for (restarted, elsewhere) in [(false, false), (true, false), (false, true)] {
        let world = World::new();
        world.put("large", &content(7, (40 << 20) + 3));
        let transfer = || between(world.bucket("source"), world.local("there"));
        let (journal, resumed) = world.journal().await;
        let (limiter, stats) = (Arc::new(Limiter::new(Some(40 << 20))), Arc::new(Stats::default()));
        let running = run(
            transfer(),
            Some((journal, resumed)),
            limiter,
            Arc::clone(&stats),
            Arc::new(Ears::default()),
            std::future::pending(),
        );
        let some = async {
            while stats.snapshot().copied_bytes < 16 << 20 {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            _ = running => panic!("it is over already"),
            () = some => {}
        }
        let (journal, mut resumed) = world.journal().await;
        let parts: usize = resumed.uploads.values().map(|partial| partial.parts.len()).sum();
        assert!(parts >= 2, "{parts}");
        // What the cut leaves of a file that has its length: zeros.
        resumed.restarted = restarted;
        if elsewhere {
            for partial in resumed.uploads.values_mut() {
                let (write, start) = partial.upload.id.rsplit_once('@').unwrap();
                assert_eq!(start.len(), 8);
                partial.upload.id = format!("{write}@ffffffff");
            }
        }
        if restarted || elsewhere {
            for entry in std::fs::read_dir(world.path("there")).unwrap() {
                let file = std::fs::File::options().write(true).open(entry.unwrap().path()).unwrap();
                let length = file.metadata().unwrap().len();
                file.set_len(0).unwrap();
                file.set_len(length).unwrap();
            }
        }
        let (outcome, _) = world.run_with(transfer(), Some((journal, resumed))).await;
        let outcome = outcome.unwrap();
        assert_eq!((outcome.ended, outcome.counts.resumed_bytes == 0), (Ended::Whole, restarted));
        let there = std::fs::read(world.path("there/large")).unwrap();
        assert!(there == content(7, (40 << 20) + 3), "{restarted} {elsewhere}");
        assert_eq!(std::fs::read_dir(world.path("there")).unwrap().count(), 1);
    }
}

/// What is on record as done need not be on the disk: after a power cut a file has the length, the times and so the version
/// of the record, and zeros where its content was.
#[tokio::test]
async fn what_is_recorded_as_done_is_read_after_a_power_cut() {
    for compare in [Compare::Always, Compare::Time] {
        let world = World::new();
        world.put("large", &content(7, (24 << 20) + 3));
        world.put("small", &content(8, 100));
        let transfer = || {
            let mut transfer = between(world.bucket("source"), world.local("there"));
            transfer.options.compare = compare;
            transfer
        };
        goes_on(&world, transfer()).await;
        let file = std::fs::File::options().write(true).open(world.path("there/large")).unwrap();
        let (length, time) = (file.metadata().unwrap().len(), file.metadata().unwrap().modified().unwrap());
        file.set_len(0).unwrap();
        file.set_len(length).unwrap();
        file.set_modified(time).unwrap();
        // The cut leaves the version that is on record; here it has to be put there.
        let version = world.local("there").find("large").await.unwrap().unwrap().listed.version;
        let mut records = Vec::new();
        Journal::replay(&world.path("journal"), |record| records.push(record)).unwrap();
        std::fs::remove_file(world.path("journal")).unwrap();
        let (journal, _) = world.journal().await;
        journal.write(&Record::Going { at_ms: 1, boot: Some("an earlier one".to_owned()) }).unwrap();
        for record in records {
            if let Record::Done(mut done) = record {
                if done.key == "large" {
                    done.target_version.clone_from(&version);
                }
                journal.write(&Record::Done(done)).unwrap();
            }
        }
        drop(journal);
        // One that is killed before it has looked knows of the cut, and the next one does as well.
        assert!(world.journal().await.1.restarted);

        let counts = goes_on(&world, transfer()).await.counts;
        assert_eq!((counts.resumed_objects, counts.copied_objects), (1, 1), "{compare:?}");
        assert!(std::fs::read(world.path("there/large")).unwrap() == content(7, (24 << 20) + 3));
        // Seen once, it is believed.
        let counts = goes_on(&world, transfer()).await.counts;
        assert_eq!((counts.resumed_objects, counts.copied_objects), (2, 0), "{compare:?}");
        let mut doubted = 0;
        let count = |record| doubted += u32::from(matches!(record, Record::Done(done) if done.doubted));
        Journal::replay(&world.path("journal"), count).unwrap();
        assert_eq!(doubted, 0);
    }
}
