use super::*;
use std::process::{Child, Command, Stdio};

/// Starts `script` as a process of `node` and waits until it has written a line.
fn start(node: &str, script: &str) -> Child {
    use std::io::{BufRead, BufReader};
    let mut child =
        Command::new("bash").args(["-c", script]).env(MARKER, node).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "up\n");
    child
}

fn node(name: &str) -> String {
    format!("test-{name}-{}", std::process::id())
}

#[test]
fn the_name_of_a_program_may_hold_anything() {
    let line = "42 (a) R (b) S 7 40 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99887 1 1";
    let stat = Stat::parse(line).unwrap();
    assert_eq!((stat.parent, stat.group, stat.session, stat.started), (7, 40, 41, 99887));
    assert!(Stat::parse("42 (a) Z 7 40 41 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 99887 1 1").is_none());
    assert!(Stat::parse("").is_none());
}

#[test]
fn only_the_whole_variable_marks_a_node() {
    assert_eq!(node_of(b"A=1\0WELKIN_NODE_ID=n-1\0B=2\0").as_deref(), Some("n-1"));
    assert_eq!(node_of(b"XWELKIN_NODE_ID=n-1\0WELKIN_NODE_IDS=n-2\0"), None);
}

#[test]
fn a_recycled_pid_is_another_process() {
    let own = ProcessId::of(std::process::id()).unwrap();
    assert!(own.is_alive());
    let earlier = ProcessId { started: own.started - 1, ..own };
    assert!(!earlier.is_alive());
    assert!(earlier.kill().is_none());
}

#[test]
fn a_whole_tree_ends_and_nothing_else() {
    let (mine, other) = (node("tree"), node("bystander"));
    let mut bystander = start(&other, "echo up; exec sleep 600");
    // A child that cleared its environment, and one in a session of its own.
    let mut tree = start(&mine, "env -i sleep 601 & setsid sleep 602 & echo up; wait");
    let ended = end_all(&BTreeSet::from([mine.clone()])).unwrap();
    assert_eq!(ended, 3);
    assert!(marked(&mine).unwrap().is_empty());
    assert_eq!(marked(&other).unwrap().len(), 1);
    assert_eq!(end_all(&BTreeSet::from([mine])).unwrap(), 0);
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    tree.wait().unwrap();
}

#[test]
fn members_of_a_group_whose_marked_leader_died_are_found_again() {
    let stat = |parent, group, session| Stat { parent, group, session, started: 1 };
    let process = |pid, stat: Stat, node: Option<&str>| Process {
        id: ProcessId { pid, started: stat.started },
        stat,
        node: node.map(str::to_owned),
    };
    let nodes = BTreeSet::from(["n".to_owned()]);
    let mut led = BTreeSet::new();
    let first = [process(1_000_001, stat(1, 1_000_001, 1_000_001), Some("n"))];
    assert_eq!(members(&first, &nodes, &mut led).len(), 1);
    let orphan = [
        process(1_000_002, stat(1, 1_000_001, 1_000_001), None),
        process(1_000_003, stat(1, 1_000_003, 1_000_003), None),
    ];
    assert_eq!(members(&orphan, &nodes, &mut led), BTreeSet::from([orphan[0].id]));
}
