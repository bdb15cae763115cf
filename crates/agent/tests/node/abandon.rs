//! A lease whose broker is dead must not live for ever.

use crate::support::{AgentProcess, Tether, all_events, all_gone, exit, step, wait_for_line};
use welkin_provider::{Exit, Node};
use welkin_units::Span;

#[tokio::test]
async fn an_abandoned_agent_ends_its_steps_and_itself() {
    let folder = tempfile::tempdir().unwrap();
    let tether = Tether::new(folder.path());
    let agent = AgentProcess::start(folder.path(), Span::from_millis(300)).await;
    let running = step("running", &format!("{}echo up; sleep 1000; true", tether.hold()));
    let watch = tether.watch();
    agent.node.start(&running).await.unwrap();
    wait_for_line(&agent.node, &running.id, "up").await;
    assert_eq!(agent.wait().await, Some(i32::from(welkin_agent::Ending::Abandoned.exit_code())));
    all_gone(watch).await;

    let again = AgentProcess::start(folder.path(), Span::from_millis(300)).await;
    let events = all_events(&again.node, &running.id).await;
    assert_eq!(exit(&events), Exit::NodeFault { message: "no broker was heard for too long".into() });
    assert_eq!(again.wait().await, Some(86));
}

/// A poll that waits is a broker that listens.
#[tokio::test]
async fn a_waiting_poll_keeps_the_agent_alive() {
    let folder = tempfile::tempdir().unwrap();
    let agent = AgentProcess::start(folder.path(), Span::from_millis(100)).await;
    let slow = step("slow", "sleep 0.5; exit 3");
    agent.node.start(&slow).await.unwrap();
    assert_eq!(exit(&all_events(&agent.node, &slow.id).await), Exit::Code { code: 3 });
    assert_eq!(agent.wait().await, Some(86));
}
