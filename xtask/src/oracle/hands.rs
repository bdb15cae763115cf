//! Rounds played by several hands at the same time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::options::Options;
use super::summary::{Outcome, Summary};

/// Between two lines about how far it is.
const PROGRESS: Duration = Duration::from_secs(10);

/// Plays all rounds. Each hand makes its own tools, such as servers, and keeps them for its rounds.
pub(super) fn play<T>(
    options: &Options,
    summary: Summary,
    tools: impl Fn() -> Result<T> + Sync,
    round: impl Fn(&mut T, u64) -> Result<Outcome> + Sync,
) -> Result<Summary> {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let state = Mutex::new((summary, Instant::now()));
    let hand = || -> Result<()> {
        let mut tools = tools()?;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= options.rounds {
                return Ok(());
            }
            let played = round(&mut tools, options.seed.wrapping_add(number));
            // A tool that failed ends this hand; the others would meet the same, so all stop.
            let outcome = played.inspect_err(|_| next.store(options.rounds, Ordering::Relaxed))?;
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.0.add(&outcome);
            if let Some(report) = &outcome.difference {
                println!("{report}");
            }
            if state.1.elapsed() >= PROGRESS {
                state.1 = Instant::now();
                progress(&state.0, options.rounds, began);
            }
        }
    };
    std::thread::scope(|scope| {
        let hands: Vec<_> = (0..options.jobs).map(|_| scope.spawn(hand)).collect();
        hands.into_iter().try_for_each(|hand| match hand.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    let (mut summary, _) = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    summary.seconds = began.elapsed().as_secs();
    Ok(summary)
}

fn progress(summary: &Summary, rounds: u64, began: Instant) {
    eprintln!(
        "oracle {}: {} of {rounds} rounds, {} differences, {} s",
        summary.oracle,
        summary.rounds,
        summary.differences,
        began.elapsed().as_secs()
    );
}
