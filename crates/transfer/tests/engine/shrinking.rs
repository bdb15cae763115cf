//! Files that become shorter while they are copied, and parts longer than the object.

use crate::support::{Ears, World, between, content, hash};
use std::sync::Arc;
use welkin_transfer::engine::{Ended, Limiter, Notice, Observer, Stats, run};

/// Makes a file this long as soon as the object before it has arrived: after it was listed, before it is opened.
struct Shrinks {
    ears: Ears,
    path: std::path::PathBuf,
    length: usize,
}

impl Observer for Shrinks {
    fn notice(&self, notice: &Notice<'_>) {
        if let Notice::Copied(done) = notice
            && done.key == "a"
        {
            std::fs::write(&self.path, content(2, self.length)).unwrap();
        }
        self.ears.notice(notice);
    }
}

#[tokio::test]
async fn a_file_that_is_shorter_when_it_is_opened_arrives_with_its_own_hash() {
    for to_bucket in [false, true] {
        for length in [0, 1000, 2 << 20, 5 << 20, 9 << 20] {
            let world = World::new();
            std::fs::create_dir_all(world.path("here")).unwrap();
            std::fs::write(world.path("here/a"), b"first").unwrap();
            std::fs::write(world.path("here/big"), content(1, 20 << 20)).unwrap();
            let target = if to_bucket { world.bucket("target") } else { world.local("there") };
            let mut transfer = between(world.local("here"), target);
            transfer.options.lanes = Some(1);
            let seen = Arc::new(Shrinks { ears: Ears::default(), path: world.path("here/big"), length });
            let (limiter, stats) = (Arc::new(Limiter::new(None)), Arc::new(Stats::default()));
            let hears = Arc::clone(&seen) as Arc<dyn Observer>;
            let outcome = run(transfer, None, limiter, stats, hears, std::future::pending()).await.unwrap();
            assert_eq!(outcome.ended, Ended::Whole, "{length}: {:?}", outcome.failures);
            let (expected, copied) = (hash(&content(2, length)), seen.ears.copied.lock().unwrap());
            assert_eq!(copied["big"], expected, "{to_bucket} {length}");
            let there = match to_bucket {
                true => world.hashes("target")["big"].clone(),
                false => hash(&std::fs::read(world.path("there/big")).unwrap()),
            };
            assert_eq!(there, expected, "{to_bucket} {length}");
        }
    }
}

/// S3 takes no parts below 5 MiB, so that those that are asked for become longer than the object.
#[tokio::test]
async fn an_object_that_one_part_holds_has_its_own_hash_whatever_part_was_asked_for() {
    let world = World::new();
    for (key, length) in [("six", 6 << 20), ("eight", 8 << 20), ("nine", 9 << 20)] {
        world.put(key, &content(1, length));
    }
    let mut transfer = world.transfer();
    transfer.options.part_bytes = Some(1 << 20);
    let (outcome, ears) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    assert_eq!(*ears.copied.lock().unwrap(), world.hashes("source"));
    assert_eq!(world.hashes("target"), world.hashes("source"));
}
