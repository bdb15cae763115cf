//! Ending steps.

use crate::support::{Agent, Tether, all_events, all_gone, exit, lines, step, wait_for_line};
use welkin_provider::{Exit, Node, Stream};
use welkin_units::Span;

const LONG: Span = Span::from_secs(50);

#[tokio::test]
async fn a_polite_script_gets_its_time() {
    let agent = Agent::start().await;
    let polite =
        step("polite", "trap 'echo saving; touch saved; exit 0' TERM; echo up; sleep 1000 & wait $!");
    agent.node.start(&polite).await.unwrap();
    wait_for_line(&agent.node, &polite.id, "up").await;
    agent.node.stop(&polite.id, LONG).await.unwrap();
    let events = all_events(&agent.node, &polite.id).await;
    assert_eq!(exit(&events), Exit::Stopped);
    assert_eq!(lines(&events, Stream::Stdout), ["up", "saving"]);
    assert!(agent.home.join("work/saved").exists());
    agent.node.stop(&polite.id, LONG).await.unwrap();
}

/// A shell dies of SIGTERM at once; the training it started is still writing its checkpoint.
#[tokio::test]
async fn a_child_that_outlives_its_shell_gets_the_grace_too() {
    let agent = Agent::start().await;
    let tether = Tether::new(&agent.home);
    let script = format!(
        "{}bash -c 'trap \"cat wait-for-shell; touch saved; exit 0\" TERM; echo up; sleep 1000 & wait $!'; true",
        tether.hold()
    );
    let step =
        step("child", &script.replace("cat wait-for-shell", "while kill -0 $PPID; do :; done 2>/dev/null"));
    let watch = tether.watch();
    agent.node.start(&step).await.unwrap();
    wait_for_line(&agent.node, &step.id, "up").await;
    agent.node.stop(&step.id, LONG).await.unwrap();
    all_gone(watch).await;
    assert!(agent.home.join("work/saved").exists());
}

#[tokio::test]
async fn a_stubborn_script_ends_after_its_grace_with_all_it_started() {
    let agent = Agent::start().await;
    let tether = Tether::new(&agent.home);
    let script = "trap '' TERM; setsid bash -c 'trap \"\" TERM; sleep 1000; sleep 1000' & echo up; sleep 1000; sleep 1000";
    let stubborn = step("stubborn", &(tether.hold() + script));
    let watch = tether.watch();
    agent.node.start(&stubborn).await.unwrap();
    wait_for_line(&agent.node, &stubborn.id, "up").await;
    agent.node.stop(&stubborn.id, Span::from_millis(30)).await.unwrap();
    all_gone(watch).await;
    assert_eq!(exit(&all_events(&agent.node, &stubborn.id).await), Exit::Stopped);
}

#[tokio::test]
async fn a_second_stop_may_shorten_the_grace() {
    let agent = Agent::start().await;
    let stubborn = step("stubborn", "trap '' TERM; echo up; while :; do sleep 1000; done");
    agent.node.start(&stubborn).await.unwrap();
    wait_for_line(&agent.node, &stubborn.id, "up").await;
    let patient = agent.node.stop(&stubborn.id, Span::from_hours(1));
    let hasty = agent.node.stop(&stubborn.id, Span::ZERO);
    let (patient, hasty) = tokio::join!(patient, hasty);
    patient.unwrap();
    hasty.unwrap();
}

/// A daemon leaves the group, the session and the environment that could give it away.
#[tokio::test]
async fn daemons_end_with_their_step() {
    let agent = Agent::start().await;
    let tether = Tether::new(&agent.home);
    let script = "setsid env -i /bin/bash -c '(sleep 1000; true) & disown; sleep 1000; true' </dev/null >/dev/null 2>&1 & echo left";
    let watch = tether.watch();
    let events = agent.run(&step("daemon", &(tether.hold() + script))).await;
    all_gone(watch).await;
    assert_eq!(exit(&events), Exit::Success);
}

#[tokio::test]
async fn a_start_that_was_overtaken_by_its_stop_does_not_run() {
    let agent = Agent::start().await;
    let late = step("late", "touch $HOME/ran");
    agent.node.stop(&late.id, Span::ZERO).await.unwrap();
    let events = agent.run(&late).await;
    assert_eq!(events.len(), 1);
    assert_eq!(exit(&events), Exit::Stopped);
    assert!(!agent.home.join("ran").exists());
}

#[tokio::test]
async fn an_agent_that_is_told_to_end_leaves_nothing_running() {
    let agent = Agent::start().await;
    let tether = Tether::new(&agent.home);
    let running = step("running", &format!("{}echo up; sleep 1000; true", tether.hold()));
    let watch = tether.watch();
    agent.node.start(&running).await.unwrap();
    wait_for_line(&agent.node, &running.id, "up").await;
    assert_eq!(agent.end().await, welkin_agent::Ending::Told);
    all_gone(watch).await;
}
