//! Data in and out of steps.

use crate::conformance::bench::{Bench, Checked, Miss, ensure, ensure_eq, exit_of, lines_of, needs};
use crate::conformance::probe::{ANSWER, Probe};
use crate::node::{EventKind, Exit, Fetch, Publish, Step, Stream};
use welkin_store::StoreAccess;
use welkin_units::Bytes;

async fn able(bench: &Bench<'_>) -> Checked<StoreAccess> {
    let able = bench.harness.capabilities();
    needs(able.scripts && able.data, "nodes that fetch and publish")?;
    let (place, owner) = (bench.target().location, bench.owner("owner"));
    Ok(bench.patiently(|| bench.provider.store(&place, &owner)).await?)
}

fn output(bench: &Bench<'_>, store: &StoreAccess) -> Publish {
    Publish {
        name: "answer".to_owned(),
        path: "probe-out".to_owned(),
        store: store.clone(),
        prefix: bench.unique("published"),
    }
}

pub(super) async fn round_trip(bench: &Bench<'_>) -> Checked {
    let store = able(bench).await?;
    let publish = output(bench, &store);
    let node = bench.machine().await?;
    let make = Step { publish: vec![publish.clone()], ..bench.step("make", Probe::Make) };
    let events = bench.run(&*node, &make).await?;
    ensure_eq("exit of the first step", &exit_of(&events), &Some(&Exit::Success))?;
    let published = events.iter().find_map(|event| match &event.kind {
        EventKind::Published { name, digest, bytes, files } => Some((name, digest, *bytes, *files)),
        _ => None,
    });
    let Some((name, digest, bytes, files)) = published else {
        return Err(Miss::Failed("nothing was published".to_owned()));
    };
    ensure_eq("what was published", &(name.as_str(), bytes, files), &("answer", Bytes::new(7), 1))?;

    let fetch = Fetch {
        store,
        prefix: publish.prefix,
        digest: digest.clone(),
        path: "probe-in".to_owned(),
        over: false,
    };
    let show = Step { fetch: vec![fetch], ..bench.step("show", Probe::Show) };
    let events = bench.run(&*node, &show).await?;
    ensure_eq("exit of the second step", &exit_of(&events), &Some(&Exit::Success))?;
    ensure_eq("what the second step read", &lines_of(&events, Stream::Stdout), &vec![ANSWER])?;
    let fetched = events.iter().any(|event| matches!(event.kind, EventKind::Fetched { .. }));
    ensure(fetched, || "no event tells of the fetch".to_owned())
}

pub(super) async fn missing_output(bench: &Bench<'_>) -> Checked {
    let store = able(bench).await?;
    let node = bench.machine().await?;
    let publish = Publish { path: "no-such-path".to_owned(), ..output(bench, &store) };
    let step = Step { publish: vec![publish], ..bench.step("make", Probe::Make) };
    let events = bench.run(&*node, &step).await?;
    let exit = exit_of(&events);
    ensure(matches!(exit, Some(Exit::PublishFailed { .. })), || format!("it ended with {exit:?}"))
}

pub(super) async fn missing_input(bench: &Bench<'_>) -> Checked {
    let store = able(bench).await?;
    let node = bench.machine().await?;
    let fetch = Fetch {
        store,
        prefix: bench.unique("no-such-prefix"),
        digest: "00".repeat(32),
        path: "probe-in".to_owned(),
        over: false,
    };
    let events = bench.run(&*node, &Step { fetch: vec![fetch], ..bench.step("show", Probe::Show) }).await?;
    let exit = exit_of(&events);
    ensure(matches!(exit, Some(Exit::FetchFailed { .. })), || format!("it ended with {exit:?}"))?;
    let ran = events.iter().any(|event| event.kind == EventKind::ScriptStarted);
    ensure(!ran, || "the script ran without its input".to_owned())
}
