//! A node whose own disk fails: the step ends with a fault that says so, and nobody waits.

use crate::support::{Agent, exit, step};
use std::process::Command;
use welkin_provider::{ErrorKind, Exit, Node};
use welkin_units::Span;

#[tokio::test]
async fn a_home_that_cannot_be_written_is_a_fault_of_the_node_and_not_a_reason_to_wait() {
    let agent = Agent::start().await;
    let vandal = agent.run(&step("vandal", "rm -rf ~/.welkin && touch ~/.welkin")).await;
    assert_eq!(exit(&vandal), Exit::Success);
    let events = agent.run(&step("after", "true")).await;
    let Exit::NodeFault { message } = exit(&events) else { panic!("{events:?}") };
    assert!(
        message.contains("cannot keep the records of a step in") && message.contains(".welkin"),
        "{message}"
    );
    // A step that is asked for again is still over, and one that never came can be ended.
    assert_eq!(agent.run(&step("after", "true")).await, events);
    let late = step("late", "touch ~/ran");
    agent.node.stop(&late.id, Span::ZERO).await.unwrap();
    assert_eq!(exit(&agent.run(&late).await), Exit::Stopped);
    assert!(!agent.home.join("ran").exists());
}

#[tokio::test]
async fn data_is_not_put_where_the_node_keeps_its_records() {
    let agent = Agent::start().await;
    let mut step = step("mount", "true");
    step.fetch = vec![welkin_provider::Fetch {
        store: welkin_provider::StoreAccess::folder("/nowhere"),
        prefix: "p".into(),
        digest: "d".into(),
        path: ".welkin/steps".into(),
        over: false,
    }];
    let Exit::FetchFailed { message } = exit(&agent.run(&step).await) else { panic!() };
    assert!(message.contains("keeps its own records"), "{message}");
}

#[tokio::test]
async fn a_script_that_fills_the_disk_ends_its_step_and_the_node_still_answers() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("skipped: a_script_that_fills_the_disk_ends_its_step_and_the_node_still_answers: no tmpfs");
        return;
    };
    let home = disk.folder.path().join("home");
    let agent = Agent::with(|options| options.home.clone_from(&home)).await;
    // What this step itself says may still fit a page that it has.
    agent.run(&step("fill", "dd if=/dev/zero of=$HOME/big bs=64k; true")).await;
    let events = agent.run(&step("next", "true")).await;
    let Exit::NodeFault { message } = exit(&events) else { panic!("{events:?}") };
    assert!(message.contains("No space left on device"), "{message}");
    agent.node.stop(&step("never", "").id, Span::ZERO).await.unwrap();
    let unknown = agent.node.events(&step("unknown", "").id, 0, Span::ZERO).await.unwrap_err();
    assert_eq!(unknown.kind, ErrorKind::NotFound);
}

/// A disk of two megabytes, where this process may make one.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self { folder })
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the agent of a failed test may still be on it.
        let _ = Command::new("umount").arg("-l").arg(self.folder.path()).output();
    }
}
