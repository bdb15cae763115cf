//! Logins, by OpenSSH's own server; its client is asked in the tests of the command line.

use crate::support::{Agent, AgentProcess, PATIENCE};
use std::collections::BTreeMap;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use welkin_agent::{AgentNode, Word};
use welkin_provider::{ErrorKind, Login, Node};

/// A key of which nobody has the other half.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGcbdJ0mMv0lCGDEPeGQ9yCKjTDpPPCs4dmAKKY9kNqb";

async fn login(node: &AgentNode) -> Login {
    node.login(KEY, &BTreeMap::new()).await.unwrap()
}

/// Waits until so many are logged in.
async fn until_open(node: &AgentNode, open: u32) {
    while node.logins().await.unwrap() != open {
        tokio::task::yield_now().await;
    }
}

fn installed(test: &str) -> bool {
    let there = Path::new("/usr/sbin/sshd").exists();
    let required = std::env::var_os("WELKIN_REQUIRE_STAND_INS").is_some();
    assert!(there || !required, "{test}: openssh-server is not installed");
    if !there {
        skipped(test);
    }
    there
}

#[expect(clippy::print_stderr, reason = "a test says why it did not run")]
fn skipped(test: &str) {
    eprintln!("skipped: {test}: openssh-server is not installed");
}

/// Folders of logins below a home.
fn folders(home: &Path) -> usize {
    let entries = std::fs::read_dir(home.join(".welkin/ssh")).unwrap().flatten();
    entries.filter(|entry| entry.path().is_dir()).count()
}

#[tokio::test]
async fn each_login_has_a_server_of_its_own_which_goes_with_it() {
    if !installed("each_login_has_a_server_of_its_own") {
        return;
    }
    let agent = Agent::start().await;
    assert_eq!(agent.node.logins().await.unwrap(), 0);
    let (one, two) = (login(&agent.node).await, login(&agent.node).await);
    assert_eq!(one.door, two.door, "one node has one key");
    assert!(one.door.host_key.starts_with("ssh-ed25519 AAAA"), "{:?}", one.door);
    assert_eq!((agent.node.logins().await.unwrap(), folders(&agent.home)), (2, 2));
    let mut greeting = String::new();
    BufReader::new(one.bytes).read_line(&mut greeting).await.unwrap();
    assert!(greeting.starts_with("SSH-2.0-OpenSSH"), "{greeting}");
    // That one was dropped; the other ends its way and hears the end.
    until_open(&agent.node, 1).await;
    let mut bytes = two.bytes;
    bytes.shutdown().await.unwrap();
    bytes.read_to_end(&mut Vec::new()).await.unwrap();
    until_open(&agent.node, 0).await;
    assert_eq!(folders(&agent.home), 0);
    agent.end().await;
}

#[tokio::test]
async fn an_agent_that_ends_or_dies_ends_its_logins() {
    if !installed("an_agent_that_ends_or_dies_ends_its_logins") {
        return;
    }
    let agent = Agent::start().await;
    let mut open = login(&agent.node).await;
    let mut greeting = [0; 7];
    open.bytes.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"SSH-2.0");
    let mut rest = Vec::new();
    let (_, ended) = tokio::join!(agent.end(), open.bytes.read_to_end(&mut rest));
    // That it is at its end says that nothing of the login is alive. A server that is killed may leave it reset.
    drop(ended);

    let folder = tempfile::tempdir().unwrap();
    let mut first = AgentProcess::start(folder.path(), PATIENCE).await;
    let mut open = login(&first.node).await;
    let door = open.door.clone();
    first.child.kill().unwrap();
    first.wait().await;
    drop(open.bytes.read_to_end(&mut Vec::new()).await);
    // The next agent sweeps, and the node is known by the same key.
    let mut second = AgentProcess::start(folder.path(), PATIENCE).await;
    assert_eq!(folders(&folder.path().join("home")), 0);
    assert_eq!(login(&second.node).await.door, door);
    second.child.kill().unwrap();
    second.wait().await;
}

#[tokio::test]
async fn nobody_comes_in_without_a_key_of_its_kind_or_the_word() {
    let word = Word::make().unwrap();
    let agent = Agent::with(|options| options.word = word.clone()).await;
    for key in
        ["", "ssh-rsa AAAA", &format!("command=\"id\" {KEY}"), &format!("{KEY}\n{KEY}"), &KEY.repeat(9)]
    {
        let refused = agent.node.login(key, &BTreeMap::new()).await.unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Invalid, "{key}: {refused}");
    }
    let env = BTreeMap::from([("A=B".to_owned(), String::new())]);
    assert_eq!(agent.node.login(KEY, &env).await.unwrap_err().kind, ErrorKind::Invalid);
    let stranger = AgentNode::new(agent.node.socket(), "test");
    assert_eq!(stranger.login(KEY, &BTreeMap::new()).await.unwrap_err().kind, ErrorKind::Forbidden);
    assert_eq!(stranger.logins().await.unwrap_err().kind, ErrorKind::Forbidden);
    assert_eq!(agent.node.logins().await.unwrap(), 0);
    agent.end().await;
}
