//! Running scripts on nodes.

use crate::conformance::bench::{
    Bench, Checked, Miss, ensure, ensure_eq, ensure_refused, exit_of, lines_of, needs,
};
use crate::conformance::probe::{GREETING, Probe};
use crate::error::ErrorKind;
use crate::node::{EventKind, Exit, Step, StepId, Stream};
use welkin_units::Span;

fn able(bench: &Bench<'_>) -> Checked {
    needs(bench.harness.capabilities().scripts, "nodes that run scripts")
}

pub(super) async fn environment(bench: &Bench<'_>) -> Checked {
    // What a shell would take apart must arrive in one piece.
    const VALUE: &str = "it's $HOME \"quoted\" * \\ äöü";
    able(bench)?;
    let node = bench.machine().await?;
    let mut step = bench.step("greet", Probe::Greet);
    step.env.insert(GREETING.to_owned(), VALUE.to_owned());
    let events = bench.run(&*node, &step).await?;
    ensure_eq("exit", &exit_of(&events), &Some(&Exit::Success))?;
    ensure_eq("standard output", &lines_of(&events, Stream::Stdout), &vec![VALUE])?;
    ensure_eq("standard error", &lines_of(&events, Stream::Stderr), &vec!["aside"])
}

pub(super) async fn exit_code(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let node = bench.machine().await?;
    let events = bench.run(&*node, &bench.step("fail", Probe::Fail)).await?;
    ensure_eq("exit", &exit_of(&events), &Some(&Exit::Code { code: 7 }))?;
    ensure_eq("standard output", &lines_of(&events, Stream::Stdout), &vec!["failing"])
}

pub(super) async fn signal(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let node = bench.machine().await?;
    let events = bench.run(&*node, &bench.step("die", Probe::Die)).await?;
    ensure_eq("exit", &exit_of(&events), &Some(&Exit::Signal { signal: 9 }))
}

pub(super) async fn start_twice(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let node = bench.machine().await?;
    let step = bench.step("count", Probe::Count);
    bench.patiently(|| node.start(&step)).await?;
    bench.patiently(|| node.start(&step)).await?;
    let events = bench.finish(&*node, &step.id).await?;
    bench.patiently(|| node.start(&step)).await?;
    let started = events.iter().filter(|event| event.kind == EventKind::Started).count();
    ensure_eq("number of starts", &started, &1)?;
    // The next one shows how often the first really ran.
    let next = bench.run(&*node, &bench.step("count-again", Probe::Count)).await?;
    ensure_eq("lines left by both runs", &lines_of(&next, Stream::Stdout), &vec!["once", "once"])
}

pub(super) async fn conflict(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let node = bench.machine().await?;
    let step = bench.step("step", Probe::Greet);
    bench.run(&*node, &step).await?;
    let other = Step { script: Some(Probe::Fail.script().to_owned()), ..step };
    let refused = bench.patiently(|| node.start(&other)).await;
    ensure_refused(bench, refused, &[ErrorKind::Conflict])
}

pub(super) async fn stop(bench: &Bench<'_>) -> Checked {
    const GRACE: Span = Span::from_secs(1);
    able(bench)?;
    let node = bench.machine().await?;
    let step = bench.step("linger", Probe::Linger);
    bench.patiently(|| node.start(&step)).await?;
    bench.patiently(|| node.stop(&step.id, GRACE)).await?;
    bench.patiently(|| node.stop(&step.id, GRACE)).await?;
    let events = bench.finish(&*node, &step.id).await?;
    ensure_eq("exit", &exit_of(&events), &Some(&Exit::Stopped))?;
    Ok(bench.patiently(|| node.stop(&step.id, GRACE)).await?)
}

pub(super) async fn secrets(bench: &Bench<'_>) -> Checked {
    const SECRET: &str = "correct-horse-battery-staple";
    able(bench)?;
    let node = bench.machine().await?;
    let mut step = bench.step("greet", Probe::Greet);
    step.env.insert(GREETING.to_owned(), SECRET.to_owned());
    step.secret_env.push(GREETING.to_owned());
    let events = bench.run(&*node, &step).await?;
    ensure_eq("exit", &exit_of(&events), &Some(&Exit::Success))?;
    ensure(!format!("{events:?}").contains(SECRET), || "a secret value is in the events".to_owned())
}

pub(super) async fn after_release(bench: &Bench<'_>) -> Checked {
    able(bench)?;
    let lease = bench.ready(&bench.request("machine")).await?.id;
    let node = bench.node(&lease, 0).await?;
    let step = bench.step("linger", Probe::Linger);
    bench.patiently(|| node.start(&step)).await?;
    bench.release(&lease).await?;
    bench.over(&lease).await?;
    let lost = |refused| ensure_refused(bench, refused, &[ErrorKind::LeaseLost]);
    lost(bench.patiently(|| bench.provider.node(&lease, 0)).await.map(drop))?;
    lost(bench.patiently(|| node.events(&step.id, 0, Span::ZERO)).await.map(drop))?;
    let late = bench.step("late", Probe::Greet);
    lost(bench.patiently(|| node.start(&late)).await)
}

pub(super) async fn unknown(bench: &Bench<'_>) -> Checked {
    let not_found = [ErrorKind::NotFound];
    let lease = bench.ready(&bench.request("machine")).await?.id;
    ensure_refused(bench, bench.patiently(|| bench.provider.node(&lease, 1)).await, &not_found)?;
    if !bench.harness.capabilities().scripts {
        return Err(Miss::NotTested(
            "ranks are refused; the harness has no nodes that run scripts".to_owned(),
        ));
    }
    let node = bench.node(&lease, 0).await?;
    let nothing = StepId(bench.unique("no-such-step"));
    ensure_refused(bench, bench.patiently(|| node.events(&nothing, 0, Span::ZERO)).await, &not_found)?;
    // Stopping may also succeed: a node that notes the stop keeps an overtaken start from running.
    match bench.patiently(|| node.stop(&nothing, Span::ZERO)).await {
        Ok(()) => Ok(()),
        refused => ensure_refused(bench, refused, &not_found),
    }
}
