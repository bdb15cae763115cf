//! One flipped bit, anywhere: detected, and mended where there is something to read again.

use crate::support::{World, between, content};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_testkit::s3::{Attributes, Fault, Operation, Rule, When};
use welkin_transfer::engine::{Ended, Limiter, Stats, verify};
use welkin_transfer::journal::{Manifest, write_manifest};

/// Tries of each kind; more in a soak.
fn tries(usual: u64) -> u64 {
    std::env::var("WELKIN_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).map_or(usual, |n: u64| n * 5)
}

#[tokio::test]
async fn on_the_way_from_a_store() {
    let world = World::new();
    let bytes = content(1, 4096);
    for number in 0..tries(100) {
        world.server.put("source", &format!("k{number:04}"), bytes.clone(), Attributes::default());
    }
    static NEXT: AtomicU64 = AtomicU64::new(1);
    for bit in (0..64).map(|_| NEXT.fetch_add(509, Ordering::Relaxed)) {
        world.server.inject(Rule::new(Fault::FlipSent { bit }).when(When::Chance { one_in: 90, seed: bit }));
    }
    let (outcome, ears) = world.run(world.transfer()).await;
    let outcome = outcome.unwrap();
    world.server.heal_all();
    // The store keeps a sum for each object, so each flip is seen; reading again mends nearly all.
    let arrived = world.hashes("target");
    let expected = blake3::hash(&bytes).to_hex().to_string();
    assert!(arrived.values().all(|hash| *hash == expected));
    assert!(outcome.counts.retries > 20, "{:?}", outcome.counts);
    assert_eq!(arrived.len() + ears.failed.lock().unwrap().len(), tries(100) as usize);
}

#[tokio::test]
async fn in_a_file_or_store_after_it_arrived() {
    let world = World::new();
    let count = tries(60);
    for number in 0..count {
        world.put(&format!("k{number:04}"), &content(number, 2000 + number as usize));
    }
    world.put("large", &content(7777, 9 << 20));
    let (outcome, _) = world
        .run_with(between(world.bucket("source"), world.local("there")), Some(world.journal().await))
        .await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    let manifest = world.path("manifest");
    write_manifest(&world.path("journal"), &manifest, "t", "source", "there").unwrap();
    let check = async || {
        let opened = Manifest::open(&manifest).unwrap();
        let limiter = Limiter::new(None);
        verify(opened, world.local("there"), 32 << 20, &limiter, &Stats::default()).await.unwrap()
    };
    let verified = check().await;
    assert_eq!((verified.good_objects, verified.faults.len()), (count + 1, 0));
    // A flip in each file at once: every one is named.
    let mut flipped = Vec::new();
    for number in 0..count {
        let path = world.path(&format!("there/k{number:04}"));
        let mut bytes = std::fs::read(&path).unwrap();
        let bit = number as usize * 7919 % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, bytes).unwrap();
        flipped.push(format!("k{number:04}"));
    }
    let mut named: Vec<_> = check().await.faults.into_iter().map(|(key, _)| key).collect();
    named.sort();
    assert_eq!(named, flipped);
}

#[tokio::test]
async fn on_the_way_to_a_store() {
    // A store that keeps what it got damaged: it compared nothing, and the manifest finds it.
    let world = World::new();
    world.put("a", &content(1, 5000));
    world.put("b", &content(2, 5000));
    world.server.inject(Rule::new(Fault::FlipStored { bit: 12_345 }).only(&[Operation::PutObject]).times(1));
    let (outcome, _) = world.run_with(world.transfer(), Some(world.journal().await)).await;
    assert_eq!(outcome.unwrap().ended, Ended::Whole);
    let manifest = world.path("manifest");
    write_manifest(&world.path("journal"), &manifest, "t", "source", "target").unwrap();
    let opened = Manifest::open(&manifest).unwrap();
    let limiter = Limiter::new(None);
    let verified =
        verify(opened, world.bucket("target"), 32 << 20, &limiter, &Arc::<Stats>::default()).await.unwrap();
    assert_eq!((verified.good_objects, verified.faults.len()), (1, 1), "{:?}", verified.faults);
}
