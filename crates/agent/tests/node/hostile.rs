//! Clients that are wrong, and many that are right.

use crate::support::{Agent, exit, step};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use welkin_agent::{AgentNode, AgentOptions, MAX_FRAME_BYTES, ServeError, Word, serve_until};
use welkin_provider::{ErrorKind, Exit, Node};

async fn answer_to(agent: &Agent, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(agent.node.socket()).await.unwrap();
    // The agent may hang up before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(answer.get(4..).unwrap_or_default()).into_owned()
}

fn frame(body: &str) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body.as_bytes()].concat()
}

#[tokio::test]
async fn nonsense_is_answered_or_ignored_and_harms_nobody() {
    let agent = Agent::start().await;
    for (bytes, want) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "longer than"),
        ((MAX_FRAME_BYTES as u32 + 1).to_be_bytes().to_vec(), "longer than"),
        (frame("{}"), "malformed"),
        (frame("\u{0}"), "malformed"),
        (frame(&"[".repeat(100_000)), "malformed"),
        (frame(r#"{"protocol":9,"request":"ping"}"#), "protocol 9"),
        (frame(r#"{"protocol":2,"request":"ping"}"#), "done"),
        (vec![0, 0], ""),
        ([&[0, 0, 1, 0][..], b"half"].concat(), ""),
        (Vec::new(), ""),
    ] {
        let answer = answer_to(&agent, &bytes).await;
        assert!(answer.contains(want) && answer.is_empty() == want.is_empty(), "{bytes:?}: {answer}");
    }
    assert_eq!(exit(&agent.run(&step("after", "true")).await), Exit::Success);
}

#[tokio::test]
async fn only_who_knows_the_word_of_the_lease_is_served() {
    let word = Word::make().unwrap();
    let agent = Agent::with(|options| options.word = word.clone()).await;
    let stranger = AgentNode::new(agent.node.socket(), "test");
    let other = AgentNode::new(agent.node.socket(), "test").with_word(Word::make().unwrap());
    for node in [stranger, other] {
        let step = step("theirs", "touch $HOME/ran");
        assert_eq!(node.start(&step).await.unwrap_err().kind, ErrorKind::Forbidden);
        assert_eq!(node.ping().await.unwrap_err().kind, ErrorKind::Forbidden);
    }
    assert!(!agent.home.join("ran").exists());
    let broker = AgentNode::new(agent.node.socket(), "test").with_word(word);
    broker.ping().await.unwrap();
}

/// Bound with its mode, not given it afterwards: in between, others could connect.
#[tokio::test]
async fn the_socket_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let agent = Agent::start().await;
    let mode = std::fs::metadata(agent.node.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test]
async fn a_hundred_clients_at_once_are_served() {
    let agent = Agent::start().await;
    let agent = std::sync::Arc::new(agent);
    let mut clients = tokio::task::JoinSet::new();
    for number in 0..100 {
        let agent = std::sync::Arc::clone(&agent);
        // Fifty steps, each with two brokers that both believe it is theirs.
        clients.spawn(async move {
            let id = number / 2;
            let events = agent.run(&step(&format!("step-{id}"), &format!("exit {id}"))).await;
            (id, exit(&events))
        });
    }
    while let Some(client) = clients.join_next().await {
        let (id, exit) = client.unwrap();
        assert_eq!(exit, if id == 0 { Exit::Success } else { Exit::Code { code: id } });
    }
}

#[tokio::test]
async fn a_home_has_one_agent_and_a_socket_a_short_path() {
    let agent = Agent::start().await;
    let socket = agent.home.join("other-socket");
    let options = AgentOptions::new(&agent.home, socket, "/bin/true", "second");
    let error = serve_until(options, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, ServeError::Taken { .. }), "{error}");

    let long = agent.home.join("x".repeat(120));
    let options = AgentOptions::new(&agent.home, &long, "/bin/true", "long");
    let error = serve_until(options, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, ServeError::SocketPath { .. }), "{error}");
    let error = AgentNode::new(long, "test").ping().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn what_is_not_a_socket_is_not_removed() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("precious");
    std::fs::write(&precious, "data").unwrap();
    let options = AgentOptions::new(folder.path().join("home"), &precious, "/bin/true", "n");
    let error = serve_until(options, std::future::pending()).await.unwrap_err();
    assert!(matches!(error, ServeError::Listen { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "data");
}
