//! What a script gets, and what becomes of it.

use crate::support::{Agent, all_events, exit, lines, step, wait_for_line};
use std::collections::BTreeMap;
use welkin_provider::{ErrorKind, EventKind, Exit, Node, StepId, Stream};
use welkin_units::Span;

#[tokio::test]
async fn a_script_succeeds_and_says_so_in_order() {
    let agent = Agent::start().await;
    let events = agent.run(&step("s", "echo one; echo two >&2; echo three")).await;
    assert_eq!(events[0].kind, EventKind::Started);
    assert_eq!(events[1].kind, EventKind::ScriptStarted);
    assert_eq!(lines(&events, Stream::Stdout), ["one", "three"]);
    assert_eq!(lines(&events, Stream::Stderr), ["two"]);
    assert_eq!(exit(&events), Exit::Success);
    assert!(events.windows(2).all(|pair| pair[0].at <= pair[1].at));
}

#[tokio::test]
async fn exit_codes_and_signals_are_told_apart() {
    let agent = Agent::start().await;
    for (id, script, want) in [
        ("code", "exit 3", Exit::Code { code: 3 }),
        ("last", "false; true", Exit::Success),
        ("failed", "true; false", Exit::Code { code: 1 }),
        ("unknown", "no-such-command", Exit::Code { code: 127 }),
        ("kill", "kill -9 $$", Exit::Signal { signal: 9 }),
        ("term", "kill -TERM $$; sleep 1000", Exit::Signal { signal: 15 }),
        ("child", "bash -c 'kill -9 $$'", Exit::Code { code: 137 }),
        ("empty", "", Exit::Success),
    ] {
        assert_eq!(exit(&agent.run(&step(id, script)).await), want, "{id}");
    }
}

#[tokio::test]
async fn the_environment_is_bare_then_the_nodes_then_the_steps() {
    let agent = Agent::with(|options| {
        options.env = BTreeMap::from([("A".into(), "node".into()), ("B".into(), "node".into())]);
    })
    .await;
    let mut step = step("env", "env; echo SID=$(ps -o sid= -p $$ 2>/dev/null)");
    step.env = BTreeMap::from([
        ("B".into(), "step".into()),
        ("EMPTY".into(), String::new()),
        ("WELKIN_NODE_ID".into(), "forged".into()),
    ]);
    let events = agent.run(&step).await;
    let env = lines(&events, Stream::Stdout);
    let home = agent.home.display().to_string();
    for want in
        ["A=node", "B=step", "EMPTY=", "LANG=C.UTF-8", &format!("HOME={home}"), &format!("PWD={home}/work")]
    {
        assert!(env.contains(&want), "{want} not in {env:?}");
    }
    assert!(!env.contains(&"WELKIN_NODE_ID=forged"));
    assert!(!env.iter().any(|line| line.starts_with("CARGO")), "the agent's own environment leaked");
}

#[tokio::test]
async fn standard_input_is_empty() {
    let agent = Agent::start().await;
    let events = agent.run(&step("stdin", "cat; echo done")).await;
    assert_eq!(lines(&events, Stream::Stdout), ["done"]);
}

#[tokio::test]
async fn a_step_runs_once_however_often_it_is_started() {
    let agent = Agent::start().await;
    let once = step("once", "echo ran >> $HOME/count");
    let starts = (0..10).map(|_| agent.node.start(&once));
    for started in join_all(starts).await {
        started.unwrap();
    }
    let events = agent.run(&once).await;
    assert_eq!(std::fs::read_to_string(agent.home.join("count")).unwrap(), "ran\n");
    assert_eq!(agent.node.events(&once.id, 1, Span::ZERO).await.unwrap(), events[1..]);

    let error = agent.node.start(&step("once", "echo other")).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Conflict);
}

#[tokio::test]
async fn what_cannot_be_a_step_is_refused_before_it_starts() {
    let agent = Agent::start().await;
    let mut outside = step("outside", "true");
    outside.workdir = "../elsewhere".into();
    let mut variable = step("variable", "true");
    variable.env.insert("A=B".into(), "x".into());
    for bad in [outside, variable, step("", "true"), step(&"x".repeat(999), "true")] {
        assert_eq!(agent.node.start(&bad).await.unwrap_err().kind, ErrorKind::Invalid, "{}", bad.id);
    }
    let unknown = agent.node.events(&step("unknown", "").id, 0, Span::ZERO).await;
    assert_eq!(unknown.unwrap_err().kind, ErrorKind::NotFound);
}

#[tokio::test]
async fn waiting_for_what_does_not_come_ends_in_time_and_empty() {
    let agent = Agent::start().await;
    let waiting = step("waiting", "echo up; exec sleep 1000");
    agent.node.start(&waiting).await.unwrap();
    crate::support::wait_for_line(&agent.node, &waiting.id, "up").await;
    assert_eq!(agent.node.events(&waiting.id, 3, Span::from_millis(5)).await.unwrap(), []);
    assert_eq!(agent.node.events(&waiting.id, u64::MAX, Span::ZERO).await.unwrap(), []);
}

#[tokio::test]
async fn a_step_without_a_script_only_moves_data() {
    let agent = Agent::start().await;
    let mut nothing = step("nothing", "");
    nothing.script = None;
    let events = agent.run(&nothing).await;
    assert_eq!(events.len(), 2);
    assert_eq!(exit(&events), Exit::Success);
}

async fn join_all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut pending: Vec<_> = futures.map(Box::pin).collect();
    let mut done = Vec::new();
    // All are polled before any is finished: the requests are on their way together.
    std::future::poll_fn(|context| {
        pending.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(output) => {
                done.push(output);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

/// What is said to a script is heard once and in order, before it runs as well as while it does, and then ends.
#[tokio::test]
async fn a_script_that_listens_hears_what_is_said_and_one_that_does_not_says_so() {
    let agent = Agent::start().await;
    let mut listening = step("listening", "while read -r line; do echo \"heard $line\"; done; echo over");
    listening.listens = true;
    agent.node.start(&listening).await.unwrap();
    let say = |id: &'static str, line: Option<&'static str>| agent.node.say(&listening.id, id, line);
    say("1", Some("one")).await.unwrap();
    wait_for_line(&agent.node, &listening.id, "heard one").await;
    say("1", Some("one")).await.unwrap();
    say("2", Some("two")).await.unwrap();
    say("end", None).await.unwrap();
    let events = all_events(&agent.node, &listening.id).await;
    assert_eq!(lines(&events, Stream::Stdout), ["heard one", "heard two", "over"]);
    assert_eq!(exit(&events), Exit::Success);
    say("late", Some("late")).await.unwrap();

    let deaf = step("deaf", "cat; sleep 1000");
    agent.node.start(&deaf).await.unwrap();
    let refused = agent.node.say(&deaf.id, "1", Some("one")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Invalid);
    agent.node.stop(&deaf.id, Span::ZERO).await.unwrap();
    let nobody = agent.node.say(&StepId("nobody".into()), "1", None).await.unwrap_err();
    assert_eq!(nobody.kind, ErrorKind::NotFound);
}
