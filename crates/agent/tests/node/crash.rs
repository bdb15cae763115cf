//! Sudden deaths: of the agent, of the guard.

use crate::support::{Agent, AgentProcess, Tether, all_events, all_gone, exit, step, wait_for_line};
use rustix::process::{Pid, Signal, kill_process};
use welkin_provider::{ErrorKind, EventKind, Exit, Node};
use welkin_units::Span;

#[tokio::test]
async fn a_killed_agent_takes_its_scripts_with_it_and_its_records_survive() {
    let folder = tempfile::tempdir().unwrap();
    let tether = Tether::new(folder.path());
    let mut agent = AgentProcess::start(folder.path(), Span::ZERO).await;
    let finished = step("finished", "echo ran >> $HOME/count; exit 7");
    agent.node.start(&finished).await.unwrap();
    let before = all_events(&agent.node, &finished.id).await;
    let running = step(
        "running",
        &format!(
            "{}setsid env -i bash -c 'sleep 1000; true' & echo ran >> $HOME/count; echo up; sleep 1000; true",
            tether.hold()
        ),
    );
    let watch = tether.watch();
    agent.node.start(&running).await.unwrap();
    wait_for_line(&agent.node, &running.id, "up").await;

    agent.child.kill().unwrap();
    agent.child.wait().unwrap();
    all_gone(watch).await;
    assert_eq!(agent.node.ping().await.unwrap_err().kind, ErrorKind::LeaseLost);

    let again = AgentProcess::start(folder.path(), Span::ZERO).await;
    assert_eq!(all_events(&again.node, &finished.id).await, before);
    for step in [&finished, &running] {
        again.node.start(step).await.unwrap();
    }
    let events = all_events(&again.node, &running.id).await;
    assert_eq!(exit(&events), Exit::NodeFault { message: "agent restarted".into() });
    assert!(events.iter().any(|event| matches!(&event.kind, EventKind::Log { line, .. } if line == "up")));
    assert_eq!(std::fs::read_to_string(folder.path().join("home/count")).unwrap(), "ran\nran\n");

    let pid = Pid::from_child(&again.child);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(again.wait().await, Some(0));
}

#[tokio::test]
async fn a_killed_guard_is_a_fault_and_nothing_survives_it() {
    let agent = Agent::start().await;
    let tether = Tether::new(&agent.home);
    let script = format!("{}(setsid sleep 1000; true) & kill -9 $PPID; sleep 1000; true", tether.hold());
    let watch = tether.watch();
    let events = agent.run(&step("guard", &script)).await;
    all_gone(watch).await;
    let Exit::NodeFault { message } = exit(&events) else { panic!("{events:?}") };
    assert!(message.contains("guard was killed"), "{message}");
}

#[tokio::test]
async fn an_agent_that_never_answered_is_still_starting() {
    let folder = tempfile::tempdir().unwrap();
    let node = welkin_agent::AgentNode::new(folder.path().join("socket"), "test");
    assert_eq!(node.ping().await.unwrap_err().kind, ErrorKind::Transient);
    assert_eq!(node.assume_seen().ping().await.unwrap_err().kind, ErrorKind::LeaseLost);
}
