//! Every call, over every kind of path.

use crate::place::Place;
use crate::support::{Served, agent, block, content, download, gateway, put, relay, upload};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use welkin_gateway::{Agent, AgentOptions, Hop, PathOptions, Words};
use welkin_store::block::Buffer;
use welkin_store::{Endpoint, FailureKind, Metadata, Read};

const MIB: usize = 1 << 20;

/// What has to work over whatever lies between.
pub(crate) async fn everything(agent: &Arc<Agent>, place: &Place) {
    assert_eq!(agent.name(), "memory:");
    assert_eq!(agent.limits().part_bytes_best, 1 << 20);
    let mut metadata = Metadata { content_type: Some("text/plain".to_owned()), ..Metadata::default() };
    metadata.set_mode(0o640);

    // Whole objects, of every size that is cut differently.
    for (number, length) in [0, 1, 1023, 64 << 10, MIB, MIB + 1, 3 * MIB + 77].into_iter().enumerate() {
        let (key, bytes) = (format!("whole/{length}"), content(length, number as u64));
        let version = agent.put(&key, &metadata, &block(&bytes, 0, true)).await.unwrap();
        assert_eq!(place.content(&key).unwrap(), bytes, "{length}");
        let found = agent.find(&key).await.unwrap().unwrap();
        assert_eq!((found.listed.size, &found.listed.version), (length as u64, &version));
        assert_eq!(found.metadata, metadata);
        let read = Read { key: &key, offset: 0, length, whole: true, version: version.as_deref() };
        let piece = agent.read(read, Buffer::detached(length)).await.unwrap();
        assert_eq!((piece.block.bytes(), piece.version), (bytes.as_slice(), version));
    }
    let stale = Read { key: "whole/1", offset: 0, length: 1, whole: true, version: Some("gone") };
    assert_eq!(agent.read(stale, Buffer::detached(1)).await.unwrap_err().kind, FailureKind::Changed);
    let absent = Read { key: "absent", ..stale };
    let error = agent.read(absent, Buffer::detached(1)).await.unwrap_err();
    assert_eq!((error.kind, error.operation.as_str()), (FailureKind::NotFound, "use memory:/absent"));
    assert!(agent.find("absent").await.unwrap().is_none());

    // Parts.
    let bytes = content(9 * MIB + 12_345, 99);
    upload(agent, "parts", &bytes, MIB).await;
    assert_eq!(place.content("parts").unwrap(), bytes);
    upload(agent, "large parts", &bytes, 4 * MIB).await;
    assert_eq!(place.content("large parts").unwrap(), bytes);
    assert_eq!(download(agent, "parts", bytes.len(), MIB).await, bytes);
    assert_eq!(download(agent, "parts", bytes.len(), 4 * MIB).await, bytes);

    // What compresses.
    let text: Vec<u8> = b"a line of a log that is like all the others\n".repeat(60_000);
    put(agent, "text", &text).await;
    upload(agent, "text in parts", &text, 2 * MIB).await;
    assert!(place.content("text").unwrap() == text && place.content("text in parts").unwrap() == text);
    assert!(download(agent, "text", text.len(), MIB).await == text);

    // What is begun and not finished.
    let upload = agent.begin("left", &metadata, 10, 1024).await.unwrap();
    assert_eq!(agent.dangling("le").await.unwrap()[0].upload, upload);
    agent.abort(&upload).await.unwrap();
    assert!(agent.dangling("").await.unwrap().is_empty());
    let late = agent.part(&upload, 0, &block(b"0123456789", 0, true)).await.unwrap_err();
    assert_eq!(late.kind, FailureKind::NotFound);

    // Lists.
    let mut lister = Arc::clone(agent).list("whole/", Some("whole/1"));
    let mut keys = Vec::new();
    while let Some(page) = lister.next_page().await.unwrap() {
        keys.extend(page.into_iter().map(|listed| listed.key));
    }
    let expected = ["1023", "1048576", "1048577", "3145805", "65536"].map(|size| format!("whole/{size}"));
    assert_eq!(keys, expected);

    // Removal.
    put(agent, "locked/a", b"x").await;
    let left =
        agent.delete(&["whole/0".to_owned(), "absent".to_owned(), "locked/a".to_owned()]).await.unwrap();
    assert_eq!((left.len(), left[0].1.kind), (1, FailureKind::Forbidden));
    assert!(place.content("whole/0").is_none());
}

#[tokio::test]
async fn everything_works_directly() {
    let place = Place::paged(2);
    let gateway = gateway(&place).await;
    for lanes in [1, 2, 7] {
        let agent = agent(vec![PathOptions::over([gateway.hop()]).lanes(lanes)]).await;
        everything(&agent, &place).await;
    }
}

#[tokio::test]
async fn everything_works_through_one_relay_and_two() {
    let place = Place::paged(3);
    let gateway = gateway(&place).await;
    let (first, second) = (relay().await, relay().await);
    let short = agent(vec![PathOptions::over([first.hop(), gateway.hop()]).lanes(3)]).await;
    everything(&short, &place).await;
    let long = agent(vec![PathOptions::over([first.hop(), second.hop(), gateway.hop()]).lanes(3)]).await;
    everything(&long, &place).await;
}

#[tokio::test]
async fn everything_works_over_several_paths_at_once() {
    let place = Place::paged(1);
    let (gateway, relay) = (gateway(&place).await, relay().await);
    let paths = vec![PathOptions::over([gateway.hop()]), PathOptions::over([relay.hop(), gateway.hop()])];
    everything(&agent(paths).await, &place).await;
}

/// Passes connections on, and comes to the gateway from another address of this machine than those who go there directly.
async fn from_elsewhere(gateway: &str) -> (Hop, AbortOnDrop) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (hop, gateway) = (Hop::plain(listener.local_addr().unwrap().to_string()), gateway.to_owned());
    let task = tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
            let mut far = socket.connect(gateway.parse().unwrap()).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut near, &mut far).await.map(drop) });
        }
    });
    (hop, AbortOnDrop(task))
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tokio::test]
async fn paths_of_a_client_come_together_whatever_address_each_comes_from() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let (around, _passing) = from_elsewhere(&gateway.address).await;
    let agent = agent(vec![PathOptions::over([gateway.hop()]), PathOptions::over([around])]).await;
    let bytes = content(64 << 10, 5);
    for number in 0.. {
        assert!(number < 10_000, "one path carries everything: {:?}", agent.paths());
        put(&agent, &format!("{number}"), &bytes).await;
        if agent.paths().iter().all(|path| path.sent_bytes > 0) {
            break;
        }
    }
    assert_eq!(agent.paths().into_iter().filter_map(|path| path.trouble).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn a_path_that_carries_nothing_is_told_of_once_while_others_carry() {
    let (place, other) = (Place::new(), Place::new());
    let (gateway, elsewhere) = (gateway(&place).await, gateway(&other).await);
    let told = Arc::new(Mutex::new(Vec::new()));
    let hearer = Arc::clone(&told);
    let words = Words::to(move |line: &str| hearer.lock().unwrap().push(line.to_owned()));
    let paths = vec![PathOptions::over([gateway.hop()]), PathOptions::over([elsewhere.hop()])];
    let options = AgentOptions { words, ..AgentOptions::plain(paths) };
    let agent = Arc::new(Agent::connect(options).await.unwrap());
    let bytes = content(64 << 10, 5);
    let lost = |agent: &Agent| agent.paths().iter().position(|path| path.lanes == 0);
    for number in 0.. {
        put(&agent, &format!("{number}"), &bytes).await;
        if told.lock().unwrap().len() == 1 && lost(&agent).is_some() {
            break;
        }
    }
    let path = [&gateway, &elsewhere][lost(&agent).unwrap()].address.clone();
    let expected = format!("no data goes over {path}: the path ends at another gateway than its neighbours");
    assert_eq!(told.lock().unwrap().as_slice(), [expected]);
}

#[tokio::test]
async fn ten_thousand_calls_at_once_are_carried_out_once_each() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let agent = agent(vec![PathOptions::over([gateway.hop()]).lanes(4)]).await;
    let block = block(&[7; 1000], 0, true);
    let metadata = Metadata::default();
    let puts = (0..10_000).map(|number| {
        let (agent, block, metadata) = (&agent, &block, &metadata);
        async move { agent.put(&format!("small/{number}"), metadata, block).await.map(drop) }
    });
    futures::future::try_join_all(puts).await.unwrap();
    assert_eq!((place.len(), place.writes.load(Ordering::Relaxed)), (10_000, 10_000));
}

#[tokio::test]
async fn what_flipped_before_it_was_sent_is_refused() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let agent = agent(vec![PathOptions::over([gateway.hop()])]).await;
    let mut damaged = Arc::into_inner(block(&content(100_000, 1), 0, true)).unwrap();
    damaged.bytes_mut()[77_777] ^= 4;
    let error = agent.put("a", &Metadata::default(), &Arc::new(damaged)).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Corrupt);
    assert_eq!(place.len(), 0);
}

#[tokio::test]
async fn a_gateway_that_comes_back_is_sent_everything_again() {
    let place = Place::new();
    let first = gateway(&place).await;
    let address = first.address.clone();
    let agent = agent(vec![PathOptions::over([first.hop()])]).await;
    put(&agent, "a", b"before").await;
    first.kill().await;
    let bytes = content(5 * MIB, 3);
    let sending = put(&agent, "b", &bytes);
    let coming_back = async {
        let listener = tokio::net::TcpListener::bind(&address).await.unwrap();
        let options = welkin_gateway::ServeOptions::plain(Arc::clone(&place) as Arc<dyn Endpoint>);
        Served::start_on(listener, options)
    };
    let (_second, ()) = futures::future::join(coming_back, sending).await;
    assert_eq!(place.content("b").unwrap(), bytes);
}
