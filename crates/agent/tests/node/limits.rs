//! Control groups, as far as they are files: what the kernel makes of them is the provider's affair, and a test of its.

use crate::support::{Agent, exit, lines, step};
use std::path::{Path, PathBuf};
use welkin_provider::{EventKind, Exit, Stream};

#[tokio::test]
async fn whoever_starts_a_script_is_in_its_control_groups_before() {
    let folder = tempfile::tempdir().unwrap();
    let files = ["cpu", "memory"].map(|name| folder.path().join(name));
    let agent = Agent::with(|options| options.cgroup_procs = files.to_vec()).await;
    let script =
        files.each_ref().map(|file| format!("test $(cat {}) = $PPID && echo in\n", file.display())).concat();
    let events = agent.run(&step("limited", &script)).await;
    assert_eq!(lines(&events, Stream::Stdout), ["in", "in"]);
}

/// A group of its own in each hierarchy where one can be made.
fn real_groups() -> Vec<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let folder = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        let (path, kind) = (fields.next()?, fields.next()?);
        let kinds = ["cgroup2", "cgroup"];
        let group = Path::new(path).join(format!("welkin-agent-test-{}", std::process::id()));
        // Of the first version, those that need no settings before a process may join.
        let plain = kind == "cgroup2" || path.ends_with("/memory") || path.ends_with("/pids");
        (kinds.contains(&kind) && plain && std::fs::create_dir(&group).is_ok()).then_some(group)
    };
    mounts.lines().filter_map(folder).collect()
}

#[tokio::test]
async fn the_script_is_in_its_control_groups_and_its_guard_in_none() {
    let groups = real_groups();
    if groups.is_empty() {
        eprintln!("skipped: the_script_is_in_its_control_groups_and_its_guard_in_none: no group can be made");
        return;
    }
    let files = groups.iter().map(|group| group.join("cgroup.procs")).collect();
    let agent = Agent::with(|options| options.cgroup_procs = files).await;
    let events = agent.run(&step("where", "cat /proc/self/cgroup; echo --; cat /proc/$PPID/cgroup")).await;
    // Nobody is left in them.
    groups.iter().for_each(|group| std::fs::remove_dir(group).unwrap());
    let told = lines(&events, Stream::Stdout);
    let (script, guard) = told.split_at(told.iter().position(|line| *line == "--").unwrap());
    let inside = |lines: &[&str]| lines.iter().filter(|line| line.contains("/welkin-agent-test-")).count();
    assert_eq!((inside(script), inside(guard)), (groups.len(), 0), "{told:?}");
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
