//! Transfers that are killed at any point go on, and lose, double or spoil nothing.

use crate::support::{Ears, World, content};
use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_testkit::s3::Operation;
use welkin_transfer::engine::{Ended, Limiter, Observer, Stats, run};

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
    use welkin_testkit::s3::{Fault, Rule};
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
