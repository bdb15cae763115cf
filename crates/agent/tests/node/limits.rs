//! Control groups, as far as they are files: what the kernel makes of them is the provider's affair.

use crate::support::{Agent, exit, lines, step};
use welkin_provider::{EventKind, Exit, Stream};

#[tokio::test]
async fn the_script_is_in_its_control_groups_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["cpu", "memory"].map(|name| folder.path().join(name));
    let agent = Agent::with(|options| options.cgroup_procs = files.to_vec()).await;
    let script =
        files.each_ref().map(|file| format!("test $(cat {}) = $$ && echo in\n", file.display())).concat();
    let events = agent.run(&step("limited", &script)).await;
    assert_eq!(lines(&events, Stream::Stdout), ["in", "in"]);
}

#[tokio::test]
async fn a_script_that_cannot_be_limited_does_not_run() {
    let agent = Agent::with(|options| options.cgroup_procs = vec!["/nowhere/cgroup.procs".into()]).await;
    let events = agent.run(&step("unlimited", "touch $HOME/ran")).await;
    let Exit::NodeFault { message } = exit(&events) else { panic!("{events:?}") };
    assert!(message.contains("cannot join /nowhere/cgroup.procs"), "{message}");
    assert!(!events.iter().any(|event| event.kind == EventKind::ScriptStarted));
    assert!(!agent.home.join("ran").exists());
}

#[tokio::test]
async fn a_shim_that_is_not_there_is_a_fault() {
    let agent = Agent::with(|options| options.executable = "/nowhere/welkin".into()).await;
    let Exit::NodeFault { message } = exit(&agent.run(&step("shim", "true")).await) else { panic!() };
    assert!(message.contains("cannot run the script"), "{message}");
}
