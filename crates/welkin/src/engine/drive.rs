//! Driving runs to their end, in sight of the user.

use super::interrupt::{Interrupts, Wish};
use super::outcome::run_fault;
use crate::output::Narrator;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use futures::future::join_all;
use std::pin::pin;
use std::time::Duration;
use welkin_broker::{Broker, RunError, RunId, RunOutcome};

/// How often live lines are drawn again: clocks that show seconds need no more.
const TICK: Duration = Duration::from_millis(250);

/// How one run ended.
pub(crate) type Driven = (RunId, Result<RunOutcome, RunError>);

/// Drives `runs` side by side, cancelling them when the user wants that.
pub(crate) async fn drive(
    broker: &Broker,
    runs: &[RunId],
    narrator: &Narrator,
) -> anyhow::Result<Vec<Driven>> {
    let mut interrupts = Interrupts::listen(false).context("listening to signals")?;
    let mut ticks = tokio::time::interval(TICK);
    let mut work = pin!(join_all(runs.iter().map(|run| async move { (run.clone(), broker.run(run).await) })));
    loop {
        tokio::select! {
            done = &mut work => {
                narrator.finish();
                return Ok(done);
            }
            _ = ticks.tick() => narrator.tick(),
            wish = interrupts.next() => match wish {
                Wish::Ask => narrator.say("cancel the run? [y/N], or press Ctrl-C again to cancel"),
                Wish::GoOn => narrator.say("continuing"),
                // Nobody else drives it: leaving it would be losing it.
                Wish::Cancel | Wish::Leave => break,
            },
        }
    }
    narrator.say("cancelling: giving everything back; once more to leave at once");
    let mut cancelled =
        pin!(join_all(runs.iter().map(|run| async move { (run.clone(), broker.cancel(run).await) })));
    let mut driven: Option<Vec<Driven>> = None;
    loop {
        tokio::select! {
            done = &mut work, if driven.is_none() => driven = Some(done),
            // Ends after the work does: a run is cancelled by whoever drives it.
            done = &mut cancelled => {
                narrator.finish();
                return Ok(driven.unwrap_or(done));
            }
            _ = ticks.tick() => narrator.tick(),
            wish = interrupts.next() => if wish != Wish::GoOn {
                narrator.finish();
                let fault = Fault::new(Code::Unsettled, "interrupted while cancelling: something may not have been given back");
                return Err(fault.hint("`welkin resume` continues giving it back").into());
            },
        }
    }
}

/// The first failure among several ends, if there is one.
pub(crate) fn first_failure(driven: Vec<Driven>) -> anyhow::Result<()> {
    for (_, outcome) in driven {
        super::conclude(&outcome.map_err(run_fault)?)?;
    }
    Ok(())
}
