//! Clouds at their worst, by the hundred.

use crate::world::{CHAIN, World, chain, plan, task};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use welkin_broker::{RunError, RunState};
use welkin_placement::Plan;
use welkin_provider::memory::Nastiness;

/// How a broker is killed again and again.
#[derive(Debug, Clone, Copy)]
enum Kills {
    Never,
    /// After so many writes.
    Writes(u64),
    /// After up to so many seconds, in the middle of whatever it does.
    Seconds(u64),
}

/// A gang between two sides of a diamond.
fn diamond() -> Plan {
    let places = ["a/x spot", "b/x spot", "c/x spot", "a/y", "b/y"];
    plan(vec![
        task("top", "").at(&places).file("raw", "file://raw.txt").output("out"),
        task("left", "minutes=30").at(&places).nodes(3).input("in", "top", "out").output("out"),
        task("right", "minutes=5").at(&places[1..]).input("in", "top", "out").output("out"),
        task("bottom", "")
            .at(&places[2..])
            .input("l", "left", "out")
            .input("r", "right", "out")
            .output("out"),
    ])
}

const DIAMOND: &[(&str, &str, &str)] = &[("bottom", "out", "bottom(left(top(raw)),right(top(raw)))")];

/// Runs a job on three nasty clouds to its end, however often the broker dies.
async fn one(seed: u64, nastiness: &Nastiness, kills: Kills) -> RunState {
    let mut world = World::nasty(seed, nastiness);
    world.retry_until_up = true;
    let (plan, outputs) = if seed.is_multiple_of(2) { (chain(), CHAIN) } else { (diamond(), DIAMOND) };
    let run = world.submit(&world.broker(), &plan).await;
    let mut lives = 0;
    let outcome = loop {
        lives += 1;
        // A broker that dies within seconds may be too short-lived for any progress; in the end one lives.
        let last = if lives > 500 { Kills::Never } else { kills };
        let writes = AtomicU64::new(0);
        let broker = world.broker_with(Arc::new(move |_| {
            let count = writes.fetch_add(1, Ordering::Relaxed) + 1;
            match last {
                Kills::Writes(most) if count == most => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }));
        let life = match last {
            Kills::Seconds(most) => {
                seed.wrapping_mul(31).wrapping_add(lives * 7919) % most * 1000 + seed % 1000
            }
            _ => u64::from(u32::MAX),
        };
        match tokio::time::timeout(Duration::from_millis(life), broker.run(&run)).await {
            Ok(Ok(outcome)) => break outcome,
            Ok(Err(RunError::Crashed | RunError::Unsettled { .. })) | Err(_) => {}
            Ok(Err(error)) => panic!("seed {seed}: {error}: {:?}", std::error::Error::source(&error)),
        }
    };
    // A request that was thought dead may still take effect; nothing may come of it.
    tokio::time::sleep(Duration::from_secs(600)).await;
    let broker = world.broker();
    let view = broker.reader().unwrap().status(&run).unwrap();
    world.assert_clean(&view);
    if outcome.state == RunState::Succeeded {
        world.assert_outputs(&broker, &run, outputs).await;
    }
    outcome.state
}

async fn most_succeed(seeds: std::ops::Range<u64>, kills: Kills) {
    let (mut succeeded, all) = (0, seeds.end - seeds.start);
    for seed in seeds {
        succeeded += u64::from(one(seed, &Nastiness::mean(), kills).await == RunState::Succeeded);
    }
    // A task may lose its machines too often; no other reason is left.
    assert!(succeeded * 100 >= all * 95, "{succeeded} of {all} succeeded");
}

/// So many seeds from `first` on in `cargo test`; in a soak as many rounds as it is told, at least `all`.
fn seeds(first: u64, few: u64, all: u64) -> std::ops::Range<u64> {
    let rounds = std::env::var("WELKIN_SOAK_ROUNDS").ok().and_then(|rounds| rounds.parse::<u64>().ok());
    first..first + rounds.map_or(few, |rounds| all.max(rounds))
}

#[tokio::test(start_paused = true)]
async fn seeds_end_clean() {
    most_succeed(seeds(0, 24, 100), Kills::Never).await;
}

#[tokio::test(start_paused = true)]
async fn seeds_end_clean_though_the_broker_dies_after_every_few_writes() {
    most_succeed(seeds(100_000, 10, 50), Kills::Writes(2)).await;
    most_succeed(seeds(150_000, 10, 50), Kills::Writes(9)).await;
}

#[tokio::test(start_paused = true)]
async fn seeds_end_clean_though_the_broker_dies_at_any_time() {
    most_succeed(seeds(200_000, 2, 20), Kills::Seconds(40)).await;
    most_succeed(seeds(220_000, 14, 130), Kills::Seconds(400)).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_history() {
    let history = || async {
        let mut world = World::nasty(42, &Nastiness::mean());
        world.retry_until_up = true;
        let broker = world.broker();
        let run = world.submit(&broker, &chain()).await;
        broker.run(&run).await.unwrap();
        broker.reader().unwrap().events(&run, 0).unwrap()
    };
    assert_eq!(history().await, history().await);
}
