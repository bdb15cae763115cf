//! Peers that do not keep to the protocol.

use crate::place::Place;
use crate::support::{Served, agent, content, gateway, put};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use welkin_gateway::frame::{HEADER_BYTES, Header, Kind, crc64};
use welkin_gateway::{Agent, AgentOptions, PathOptions, Relaying, ServeOptions};
use welkin_store::{Endpoint, FailureKind};

/// The flag of a frame that carries the head of its message.
const HEADED: u16 = 4;

fn frame(header: Header, payload: &[u8]) -> Vec<u8> {
    let header = Header { payload: payload.len() as u32, crc: crc64(payload), ..header };
    [&header.encode()[..], payload].concat()
}

fn words(kind: Kind, text: &str) -> Vec<u8> {
    frame(Header::bare(kind, 0), text.as_bytes())
}

const HELLO: &str = r#"{"session":"00112233445566778899aabbccddeeff"}"#;

/// A call that is all in one frame.
fn call(id: u64, floor: u64, head: &str, body: &[u8]) -> Vec<u8> {
    let header = Header {
        flags: HEADED,
        head: head.len() as u16,
        raw: body.len() as u32,
        total: body.len() as u32,
        floor,
        ..Header::bare(Kind::Call, id)
    };
    frame(header, &[body, head.as_bytes()].concat())
}

fn put_head(key: &str, body: &[u8]) -> String {
    let (hash, crc) = (blake3::hash(body), crc64(body));
    format!(
        r#"{{"put":{{"key":"{key}","metadata":{{}},"sums":{{"offset":0,"whole":true,"blake3":"{hash}","crc64":{crc}}}}}}}"#
    )
}

struct Raw(TcpStream);

impl Raw {
    async fn connect(served: &Served) -> Self {
        let mut raw = Self(TcpStream::connect(&served.address).await.unwrap());
        assert_eq!(raw.next().await.unwrap().0.kind, Kind::Greet);
        raw
    }

    /// A lane that was welcomed.
    async fn welcomed(served: &Served) -> Self {
        let mut raw = Self::connect(served).await;
        raw.send(&words(Kind::Route, "[]")).await;
        raw.send(&words(Kind::Hello, HELLO)).await;
        assert_eq!(raw.next().await.unwrap().0.kind, Kind::Welcome);
        raw
    }

    async fn send(&mut self, bytes: &[u8]) {
        // The other side may have had enough already.
        let _ = self.0.write_all(bytes).await;
    }

    async fn next(&mut self) -> Option<(Header, Vec<u8>)> {
        let mut header = [0; HEADER_BYTES];
        self.0.read_exact(&mut header).await.ok()?;
        let header = Header::decode(&header).unwrap();
        let mut payload = vec![0; header.payload as usize];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((header, payload))
    }

    /// The next frame of a kind.
    async fn next_of(&mut self, kind: Kind) -> Option<(Header, String)> {
        loop {
            let (header, payload) = self.next().await?;
            if header.kind == kind {
                return Some((header, String::from_utf8_lossy(&payload).into_owned()));
            }
        }
    }

    async fn fault(&mut self) -> String {
        self.next_of(Kind::Fault).await.map_or_else(|| "closed".to_owned(), |(_, text)| text)
    }
}

#[tokio::test]
async fn repetitions_are_carried_out_once() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let (mut one, mut two) = (Raw::welcomed(&gateway).await, Raw::welcomed(&gateway).await);
    let body = content(5000, 1);
    let call = call(1, 1, &put_head("a", &body), &body);
    for _ in 0..3 {
        one.send(&call).await;
        two.send(&call).await;
    }
    // Either may bring the answer; both acknowledge all that came.
    for raw in [&mut one, &mut two] {
        while raw.next_of(Kind::Ack).await.unwrap().0.id < 3 {}
    }
    assert_eq!((place.len(), place.writes.load(Ordering::Relaxed)), (1, 1));
}

#[tokio::test]
async fn pieces_come_over_any_lane_in_any_order() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let (mut one, mut two) = (Raw::welcomed(&gateway).await, Raw::welcomed(&gateway).await);
    let body = content(5000, 1);
    let piece = |range: std::ops::Range<usize>, head: &str| {
        let header = Header {
            flags: if head.is_empty() { 0 } else { HEADED },
            head: head.len() as u16,
            raw: range.len() as u32,
            total: body.len() as u32,
            offset: range.start as u32,
            floor: 1,
            ..Header::bare(Kind::Call, 1)
        };
        frame(header, &[&body[range], head.as_bytes()].concat())
    };
    two.send(&piece(3000..5000, "")).await;
    two.send(&piece(2500..4000, "")).await;
    one.send(&piece(0..2600, &put_head("a", &body))).await;
    while place.content("a").is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(place.content("a").unwrap(), body);
}

#[tokio::test]
async fn calls_that_lie_fail_and_the_lane_lives() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut raw = Raw::welcomed(&gateway).await;
    let lies = [
        (put_head("a", b"other"), "corrupt"),
        ("{}".to_owned(), "invalid"),
        (r#"{"format_disk":{}}"#.to_owned(), "invalid"),
        (put_head(&"k".repeat(5000), b"body"), "unsupported"),
        (
            put_head("a", b"body").replace(r#""offset":0,"whole":true"#, r#""offset":77,"whole":false"#),
            "invalid",
        ),
        (r#"{"read":{"key":"a","offset":3,"length":9,"whole":false,"version":null}}"#.to_owned(), "invalid"),
        (r#"{"read":{"key":"a","offset":0,"length":0,"whole":false,"version":null}}"#.to_owned(), "invalid"),
        (
            r#"{"read":{"key":"a","offset":0,"length":9999999999,"whole":true,"version":null}}"#.to_owned(),
            "invalid",
        ),
    ];
    for (id, (head, kind)) in (1..).zip(lies) {
        raw.send(&call(id, id, &head, b"body")).await;
        let (_, answer) = raw.next_of(Kind::Reply).await.unwrap();
        assert!(answer.contains(&format!(r#""kind":"{kind}""#)), "{head}: {answer}");
    }
    assert_eq!(place.len(), 0);
}

#[tokio::test]
async fn frames_that_contradict_themselves_close_the_lane() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut ahead = Header::bare(Kind::Call, 1 << 40);
    (ahead.flags, ahead.floor) = (HEADED, 1);
    for (bytes, fault) in [
        (frame(ahead, b""), "gateway: a frame is malformed: it is too far ahead of its floor"),
        (
            frame(Header::bare(Kind::Ack, 9), b""),
            "gateway: a frame is malformed: it acknowledges what was not sent",
        ),
        (words(Kind::Hello, HELLO), "gateway: a frame is malformed: it comes too late"),
        (words(Kind::Reply, ""), "gateway: a frame is malformed: it goes the wrong way"),
        (b"GET / HTTP/1.1\r\n\r\n".repeat(4), "gateway: the other side does not speak this protocol"),
    ] {
        let mut raw = Raw::welcomed(&gateway).await;
        raw.send(&bytes).await;
        assert_eq!(raw.fault().await, fault);
    }
    put(&*agent(vec![PathOptions::over([gateway.hop()])]).await, "a", b"others are served").await;
}

#[tokio::test]
async fn first_words_are_checked() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let long = format!("[{}]", [r#"{"address":"a:1","fingerprint":null}"#; 9].join(","));
    for (first, fault) in [
        (words(Kind::Hello, HELLO), "a connection begins with its route"),
        (words(Kind::Route, "["), "its words make no sense"),
        (words(Kind::Route, &long), "its route is too long"),
        (words(Kind::Route, &" ".repeat(9000)), "it is too long for its place"),
    ] {
        let mut raw = Raw::connect(&gateway).await;
        raw.send(&first).await;
        assert_eq!(raw.fault().await, format!("gateway: a frame is malformed: {fault}"));
    }
}

#[tokio::test]
async fn a_relay_goes_where_it_may() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let options = ServeOptions {
        relaying: Relaying::Only(vec!["elsewhere:1".to_owned()]),
        name: "relay-7".to_owned(),
        ..ServeOptions::nothing()
    };
    let relay = Served::start(options).await;
    let paths = vec![PathOptions::over([relay.hop(), gateway.hop()])];
    let error = Agent::connect(AgentOptions::plain(paths)).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Credentials);
    assert!(error.message.contains("relay-7: refused: nothing is passed on to"), "{error}");
    let paths = vec![PathOptions::over([relay.hop()])];
    let error = Agent::connect(AgentOptions::plain(paths)).await.unwrap_err();
    assert!(error.message.contains("this is a relay"), "{error}");
}

#[tokio::test]
async fn a_client_that_sends_without_a_grant_is_not_read() {
    let place = Place::new();
    let options = ServeOptions {
        client_bytes: 8 << 20,
        ..ServeOptions::plain(Arc::clone(&place) as Arc<dyn Endpoint>)
    };
    let gateway = Served::start(options).await;
    let mut raw = Raw::welcomed(&gateway).await;
    // Halves of messages whose other halves never come: each holds memory, so the lane is closed rather than left
    // to wait for what its own client will never finish.
    for id in 1..1000 {
        let header = Header { raw: 400_000, total: 800_000, floor: 1, ..Header::bare(Kind::Call, id) };
        raw.send(&frame(header, &vec![0; 400_000])).await;
    }
    assert_eq!(raw.fault().await, "gateway: a frame is malformed: more was begun than was granted");
    put(&*agent(vec![PathOptions::over([gateway.hop()])]).await, "a", b"others are served").await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_on_a_lane_are_refused_or_ignored(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        cut in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..3),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let gateway = gateway(&place).await;
            let mut raw = Raw::welcomed(&gateway).await;
            let mut sent = call(1, 1, &put_head("a", b"body"), b"body");
            for (at, bit) in flips {
                let at = at.index(sent.len());
                sent[at] ^= 1 << bit;
            }
            sent.truncate(cut.index(sent.len() + 1));
            raw.send(&sent).await;
            raw.send(&bytes).await;
            let _ = raw.0.shutdown().await;
            while raw.next().await.is_some() {}
            put(&*agent(vec![PathOptions::over([gateway.hop()])]).await, "b", b"still there").await;
            if let Some(content) = place.content("a") {
                assert_eq!(content, b"body");
            }
        });
    }
}
