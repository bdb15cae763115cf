//! News that the node will be taken away.

use crate::support::{Agent, all_events, exit, lines, step, wait_for_line};
use welkin_provider::{EventKind, Exit, Node, Stream, UnixMillis};

#[tokio::test]
async fn a_notice_reaches_the_events_and_the_script() {
    let agent = Agent::start().await;
    let script = "test ! -e $WELKIN_PREEMPTION_FILE && echo up
        until [ -e $WELKIN_PREEMPTION_FILE ]; do sleep 0.01; done; cat $WELKIN_PREEMPTION_FILE; exit 9";
    let running = step("running", script);
    agent.node.start(&running).await.unwrap();
    wait_for_line(&agent.node, &running.id, "up").await;
    let at = UnixMillis(1_800_000_000_123);
    agent.node.preempt(at).await.unwrap();
    agent.node.preempt(at).await.unwrap();
    let events = all_events(&agent.node, &running.id).await;
    let notices = events.iter().filter(|event| event.kind == EventKind::PreemptionNotice { at }).count();
    assert_eq!(notices, 1);
    assert_eq!(lines(&events, Stream::Stdout), ["up", "1800000000123"]);
    assert_eq!(exit(&events), Exit::Code { code: 9 });

    let later = agent.run(&step("later", "true")).await;
    assert_eq!(later[1].kind, EventKind::PreemptionNotice { at });
}
