//! The sequence of events of a step.

use crate::conformance::bench::{Bench, Checked, ensure, ensure_eq, needs};
use crate::conformance::probe::Probe;
use crate::node::{Event, EventKind};
use tokio::time::Instant;
use welkin_units::Span;

fn able(bench: &Bench<'_>) -> Checked {
    needs(bench.harness.capabilities().scripts, "nodes that run scripts")
}

pub(super) async fn numbered(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let node = bench.machine().await?;
    let events = bench.run(&*node, &bench.step("greet", Probe::Greet)).await?;
    let numbers: Vec<u64> = events.iter().map(|event| event.seq).collect();
    ensure_eq("numbers", &numbers, &(0..).take(events.len()).collect())?;
    ensure_eq("the first event", &events.first().map(|event| &event.kind), &Some(&EventKind::Started))?;
    let last = |event: &Event| matches!(event.kind, EventKind::Finished { .. });
    ensure_eq("number of last events", &events.iter().filter(|event| last(event)).count(), &1)?;
    ensure(events.last().is_some_and(last), || "something comes after the last event".to_owned())?;
    ensure(events.is_sorted_by_key(|event| event.at), || format!("time goes back: {events:?}"))
}

pub(super) async fn again(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let node = bench.machine().await?;
    let step = bench.step("greet", Probe::Greet);
    let events = bench.run(&*node, &step).await?;
    // Backwards and forwards: reading must not move anything.
    for from in (0..events.len()).rev().chain(0..events.len()) {
        let read = bench.patiently(|| node.events(&step.id, from as u64, Span::ZERO)).await?;
        ensure_eq(&format!("events from {from}"), &read.as_slice(), &&events[from..])?;
    }
    let beyond = bench.patiently(|| node.events(&step.id, events.len() as u64, Span::ZERO)).await?;
    ensure_eq("events after the last", &beyond, &Vec::new())
}

pub(super) async fn wait(bench: &Bench<'_>) -> Checked {
    const WAIT: Span = Span::from_millis(500);
    /// Both ends count whole milliseconds, each by its own clock.
    const ROUNDING: Span = Span::from_millis(2);
    able(bench)?;
    let node = bench.machine().await?;
    let step = bench.step("linger", Probe::Linger);
    bench.patiently(|| node.start(&step)).await?;
    // Until its one line is there, each wait must end with an event.
    let mut events: Vec<Event> = Vec::new();
    while !events.iter().any(|event| matches!(event.kind, EventKind::Log { .. })) {
        let from = events.len() as u64;
        let more = bench.patiently(|| node.events(&step.id, from, bench.patience().step)).await?;
        // Also the bound of this loop: each turn gets further, or fails.
        ensure_eq("the next event", &more.first().map(|event| event.seq), &Some(from))?;
        events.extend(more);
    }
    let began = Instant::now();
    let none = bench.patiently(|| node.events(&step.id, events.len() as u64, WAIT)).await?;
    let waited = Span::from(began.elapsed());
    ensure_eq("events of a script that sleeps", &none, &Vec::new())?;
    ensure(waited + ROUNDING >= WAIT, || format!("it answered after {waited} of {WAIT} with nothing"))
}
