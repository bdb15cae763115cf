//! Clouds at their worst, by the hundred.

use crate::world::{CHAIN, World, chain};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use welkin_broker::{RunError, RunState};
use welkin_provider::memory::Nastiness;

/// Runs the chain on three nasty clouds; the broker is killed every so many writes.
async fn one(seed: u64, nastiness: &Nastiness, kill_every: Option<u64>) -> RunState {
    let mut world = World::nasty(seed, nastiness);
    world.retry_until_up = true;
    let plan = chain();
    let mut first = true;
    loop {
        let writes = AtomicU64::new(0);
        let broker = world.broker_with(Arc::new(move |_| {
            let count = writes.fetch_add(1, Ordering::Relaxed) + 1;
            if Some(count) == kill_every { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }));
        if first {
            world.submit(&broker, &plan).await;
            first = false;
        }
        let run = broker.reader().unwrap().list().unwrap()[0].id.clone();
        let outcome = match broker.run(&run).await {
            Ok(outcome) => outcome,
            Err(RunError::Crashed | RunError::Unsettled { .. }) => continue,
            Err(error) => panic!("seed {seed}: {error}: {:?}", std::error::Error::source(&error)),
        };
        // A request that was thought dead may still take effect; nothing may come of it.
        tokio::time::sleep(std::time::Duration::from_secs(600)).await;
        let view = broker.reader().unwrap().status(&run).unwrap();
        world.assert_clean(&view);
        if outcome.state == RunState::Succeeded {
            for (task, output, text) in CHAIN {
                assert_eq!(world.output(&view, task, output).await, *text, "seed {seed}");
            }
        }
        return outcome.state;
    }
}

#[tokio::test(start_paused = true)]
async fn three_hundred_seeds_end_clean() {
    let mut succeeded = 0;
    for seed in 0..200 {
        succeeded += u32::from(one(seed, &Nastiness::mean(), None).await == RunState::Succeeded);
    }
    for seed in 200..300 {
        succeeded += u32::from(one(seed, &Nastiness::mean(), Some(9)).await == RunState::Succeeded);
    }
    assert!(succeeded >= 295, "{succeeded} of 300 succeeded");
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
