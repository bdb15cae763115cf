//! Removing, where the source does not say the same twice, and where somebody wants it to stop.

use crate::support::{Ears, World, between, content};
use async_trait::async_trait;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use welkin_store::block::{Block, Buffer};
use welkin_store::{Dangling, Endpoint, Failure, Found, Limits, Lister, Metadata, Part, Piece, Read, Upload};
use welkin_testkit::s3::Attributes;
use welkin_transfer::engine::{Ended, EngineError, Guard, Limiter, Notice, Observer, Stats, Transfer, run};

/// A bucket that lists as another one from a certain listing on.
struct Forgets {
    known: Arc<dyn Endpoint>,
    then: Arc<dyn Endpoint>,
    from: u32,
    listings: AtomicU32,
}

#[async_trait]
impl Endpoint for Forgets {
    fn name(&self) -> String {
        self.known.name()
    }

    fn identity(&self) -> String {
        self.known.identity()
    }

    fn limits(&self) -> Limits {
        self.known.limits()
    }

    fn list(self: Arc<Self>, prefix: &str, after: Option<&str>) -> Box<dyn Lister> {
        let listed = self.listings.fetch_add(1, Ordering::Relaxed) + 1;
        Arc::clone(if listed < self.from { &self.known } else { &self.then }).list(prefix, after)
    }

    async fn find(&self, key: &str) -> Result<Option<Found>, Failure> {
        self.known.find(key).await
    }

    async fn read(&self, what: Read<'_>, buffer: Buffer) -> Result<Piece, Failure> {
        self.known.read(what, buffer).await
    }

    async fn put(&self, _: &str, _: &Metadata, _: &Arc<Block>) -> Result<Option<String>, Failure> {
        unreachable!("it is only read from")
    }

    async fn begin(&self, _: &str, _: &Metadata, _: u64, _: u64) -> Result<Upload, Failure> {
        unreachable!("it is only read from")
    }

    async fn part(&self, _: &Upload, _: u32, _: &Arc<Block>) -> Result<Part, Failure> {
        unreachable!("it is only read from")
    }

    async fn finish(&self, _: &Upload, _: &[Part], _: &blake3::Hash) -> Result<Option<String>, Failure> {
        unreachable!("it is only read from")
    }

    async fn abort(&self, _: &Upload) -> Result<(), Failure> {
        unreachable!("it is only read from")
    }

    async fn dangling(&self, _: &str) -> Result<Vec<Dangling>, Failure> {
        unreachable!("it is only read from")
    }

    async fn delete(&self, _: &[String]) -> Result<Vec<(String, Failure)>, Failure> {
        unreachable!("it is only read from")
    }
}

/// A mirror of twenty objects over one that has a surplus, from a source that lists as the bucket `other` from a
/// certain listing on.
fn forgetting(world: &World, from: u32, other: &str) -> Transfer {
    for seed in 0..20 {
        world.put(&format!("k{seed}"), &content(seed, 10));
    }
    world.server.put("target", "surplus", content(99, 10), Attributes::default());
    let (known, then) = (world.bucket("source"), world.local(other));
    let source = Arc::new(Forgets { known, then, from, listings: AtomicU32::new(0) });
    let mut transfer = between(source, world.bucket("target"));
    transfer.options.delete = Some(Guard::Off);
    // What somebody said who saw it list something.
    transfer.options.empties = true;
    transfer
}

#[tokio::test]
async fn a_source_that_lists_nothing_any_more_removes_nothing() {
    for from in [2, 3] {
        let world = World::new();
        std::fs::create_dir_all(world.path("empty")).unwrap();
        let (outcome, _) = world.run(forgetting(&world, from, "empty")).await;
        let error = outcome.unwrap_err();
        assert!(matches!(&error, EngineError::Listing(_)), "{error}");
        assert!(error.to_string().contains("it lists nothing now, and listed 20 objects before"), "{error}");
        assert_eq!(world.hashes("target").len(), 21, "{from}");
    }
}

#[tokio::test]
async fn only_what_was_counted_is_removed() {
    let world = World::new();
    // The second pass sees a single object of the source.
    std::fs::create_dir_all(world.path("other")).unwrap();
    std::fs::write(world.path("other/k7"), content(7, 10)).unwrap();
    let mut transfer = forgetting(&world, 3, "other");
    transfer.options.delete = Some(Guard::Count(1));
    let (outcome, _) = world.run(transfer).await;
    assert_eq!(outcome.unwrap().counts.deleted_objects, 1);
    assert_eq!(world.hashes("target"), world.hashes("source"));
}

/// Asks for the end at the first removal.
struct Enough {
    ears: Ears,
    stop: Arc<Notify>,
    removed: Mutex<u32>,
}

impl Observer for Enough {
    fn notice(&self, notice: &Notice<'_>) {
        if let Notice::Deleted { .. } = notice {
            *self.removed.lock().unwrap() += 1;
            self.stop.notify_one();
        }
        self.ears.notice(notice);
    }
}

#[tokio::test]
async fn whoever_stops_it_while_it_removes_is_heard() {
    let world = World::new();
    world.put("stays", b"it");
    for number in 0..1200 {
        world.server.put("target", &format!("old{number:04}"), b"old".to_vec(), Attributes::default());
    }
    let mut transfer = world.transfer();
    transfer.options.delete = Some(Guard::Off);
    let stop = Arc::new(Notify::new());
    let enough =
        Arc::new(Enough { ears: Ears::default(), stop: Arc::clone(&stop), removed: Mutex::default() });
    let hears = Arc::clone(&enough) as Arc<dyn Observer>;
    let (limiter, stats) = (Arc::new(Limiter::new(None)), Arc::new(Stats::default()));
    let outcome =
        run(transfer, None, limiter, stats, hears, async move { stop.notified().await }).await.unwrap();
    assert_eq!(outcome.ended, Ended::Stopped);
    let (left, removed) = (world.hashes("target").len(), *enough.removed.lock().unwrap());
    assert!(left > 1 && left + removed as usize == 1201, "{left} left, {removed} removed");
}
