//! What must hold of a lane, whatever comes over it. For the targets in `fuzz/`, which libFuzzer drives, and for the
//! test below, which mutates sound examples with every run of the suite.
//!
//! Each check takes any bytes, and panics where a property does not hold. Not a part of the crate's surface: the
//! feature `fuzzing` opens it, and nothing that is shipped turns that on.
//!
//! Frames have sums, which no mutation gets right. So each check takes the bytes as they are, and once more as frames
//! that are what their headers say as far as the bytes allow ([`mended`]); what is in them stays as it came.

use crate::Gateway;
use crate::Identity;
use crate::Rights;
use crate::Roster;
use crate::ServeOptions;
use crate::Token;
use crate::Trust;
use crate::client::requests::Requests;
use crate::error::LaneError;
use crate::server::log::Caller;
use crate::trust::identity::Fingerprint;
use crate::trust::role::Role;
use crate::trust::signature::is_signed;
use crate::wire::call::{Call, WireDangling, WireFailure, WireFound, WireListed};
use crate::wire::convert::MAX_OBJECT_BYTES;
use crate::wire::frame::{
    HEADED, HEADER_BYTES, Header, Kind, MAX_BODY_BYTES, MAX_HEAD_BYTES, MAX_PIECE_BYTES, SEALED, SQUEEZED,
    crc64,
};
use crate::wire::handshake;
use crate::wire::lane::{Lane, Tally};
use crate::wire::message::Body;
use crate::wire::reader::FrameReader;
use crate::wire::route::{self, Welcome};
use crate::wire::stream::Stream;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use welkin_store::block::Buffer;
use welkin_store::{Dangling, Failure, Found, Listed, Memory};

/// Memory of the client of a check: small, so that bounds are met within a few frames.
const CLIENT_BYTES: usize = 4 << 20;

/// How often a peer is asked for more before it has gone: calls are carried out meanwhile.
const PATIENCE: u32 = 32;

/// Keys take time to make, so they are made once. They are no secret, and nobody trusts them.
static ENDS: LazyLock<[Arc<Identity>; 3]> =
    LazyLock::new(|| [(); 3].map(|()| Arc::new(Identity::generate().expect("the system has randomness"))));

/// A client that says those bytes to a gateway over a place in memory. Whatever it is, the gateway comes to an end of it,
/// and what it says itself are whole frames.
///
/// # Panics
/// Where that does not hold.
pub fn gateway(bytes: &[u8]) {
    for said in [bytes.to_vec(), mended(bytes)] {
        let place = Memory::new("memory:");
        let options = ServeOptions { client_bytes: CLIENT_BYTES, ..ServeOptions::plain(place) };
        let gateway = Arc::new(Gateway::new(options).expect("nothing is asked of it"));
        let heard = Heard::default();
        alone(gateway.speak(Box::new(Said::new(said)), Box::new(heard.clone())));
        heard.is_whole();
    }
}

/// A gateway that says those bytes to a client that waits for answers of every kind: first its welcome, as a frame, then
/// whatever it likes.
///
/// # Panics
/// Where the client makes a length of it that nobody has, or says what is no frame.
pub fn answers(bytes: &[u8]) {
    for said in [bytes.to_vec(), mended(bytes)] {
        let heard = Heard::default();
        alone(answered(said, heard.clone()));
        heard.is_whole();
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(told) = serde_json::from_str::<WireFailure>(text).map(Failure::from) {
        assert!(!format!("{}{}", told.operation, told.message).contains(char::is_control), "{told:?}");
    }
    if let Ok(found) = serde_json::from_str::<WireFound>(text).map(Found::from) {
        sensible(&found.listed);
    }
    let length = bytes.len();
    let listed = crate::wire::list::parse::<WireListed>(bytes, length, 16).unwrap_or_default();
    listed.into_iter().map(Listed::from).for_each(|listed| sensible(&listed));
    let dangling = crate::wire::list::parse::<WireDangling>(bytes, length, 16).unwrap_or_default();
    let _: Vec<Dangling> = dangling.into_iter().map(Dangling::from).collect();
}

/// Somebody who says those bytes where a handshake through relays is due, to either end of it.
///
/// # Panics
/// Where a property does not hold, or the handshake succeeds.
pub fn handshake(bytes: &[u8]) {
    let [gateway, client, relay] = &*ENDS;
    for said in [bytes.to_vec(), mended(bytes)] {
        let heard = Heard::default();
        let (input, mut output) = (Said::new(said.clone()), heard.clone());
        let called = alone(async {
            let mut reader = FrameReader::new(input);
            match handshake::call(client, gateway.fingerprint(), &mut reader, &mut output).await {
                Ok((_, mut late)) => Ok(late.meaning(bytes)),
                Err(error) => Err(error),
            }
        });
        assert!(called.is_err(), "a session with nobody");
        heard.is_whole();

        let heard = Heard::default();
        let roster = Roster::new([(client.fingerprint(), Rights::all())], [relay.fingerprint()]);
        let roster = roster.expect("nobody is both");
        let trust = Some(Trust { identity: Arc::clone(gateway), roster });
        let place = Memory::new("memory:");
        let options = ServeOptions { trust, client_bytes: CLIENT_BYTES, ..ServeOptions::plain(place) };
        let gateway = Arc::new(Gateway::new(options).expect("the identity is one"));
        let caller = Caller { fingerprint: Some(relay.fingerprint()), role: Role::Relay, address: None };
        let (input, output) = (Box::new(Said::new(said)), Box::new(heard.clone()));
        let stream = Stream { input, output, peer: Some((relay.fingerprint(), Role::Relay)), child: None };
        alone(gateway.follow(stream, caller, None));
        heard.is_whole();
    }
}

/// Identities, fingerprints and tokens, as people paste them: refused, or the same again. Nobody has signed what those bytes
/// say is signed, and a key of them signs or is refused.
///
/// # Panics
/// Where that does not hold.
pub fn trust(bytes: &[u8]) {
    let [_, client, _] = &*ENDS;
    let (certificate, signature) = bytes.split_at(bytes.len() / 2);
    for certificate in [certificate, bytes, client.certificate()] {
        assert!(!is_signed(client.fingerprint(), certificate, "fuzz", b"words", signature));
        let own = Fingerprint::of(&certificate.into());
        assert!(!is_signed(own, certificate, "fuzz", b"words", signature));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(identity) = Identity::from_secret_text(text) {
        let again = Identity::from_secret_text(&identity.to_secret_text()).expect("it was written");
        assert_eq!(again.fingerprint(), identity.fingerprint());
        if let Ok(signature) = identity.sign("fuzz", b"words") {
            assert_eq!(signature.len(), 64);
        }
    }
    if let Ok(fingerprint) = text.parse::<Fingerprint>() {
        assert_eq!(fingerprint.to_string().parse::<Fingerprint>().ok(), Some(fingerprint));
    }
    if let Ok(token) = text.parse::<Token>() {
        assert!(text.to_lowercase().contains(&token.to_secret_text()), "another token than what was pasted");
    }
}

/// Carries out a lane over which a gateway says those bytes.
async fn answered(said: Vec<u8>, mut output: Heard) -> Option<LaneError> {
    let mut reader = FrameReader::new(Said::new(said));
    let welcome = route::hear::<Welcome>(&mut reader, &mut None, Kind::Welcome).await;
    let welcome = welcome.and_then(Welcome::check).ok()?;
    let desk = Requests::new(crate::Compression::default());
    let _standby = desk.join(welcome).ok()?;
    let key = || "k".to_owned();
    let read = Call::Read { key: key(), offset: 0, length: 100, whole: true, version: None };
    let calls = [
        (Call::List { cursor: 1, prefix: String::new(), after: None }, None),
        (Call::Find { key: key() }, None),
        (read, Some(Buffer::detached(100))),
    ];
    let name = || "ask".to_owned();
    let lane = Lane::new(Arc::new(Tally::default()));
    let asked = calls.into_iter().map(|(call, place)| {
        let (desk, name) = (&desk, &name);
        async move {
            if let Ok(returned) = desk.call(name, &call, Body::none(), place).await {
                assert!(returned.length <= returned.body.len(), "{returned:?}");
            }
        }
    });
    let mut none = None;
    tokio::select! {
        error = lane.carry(&desk, &mut reader, &mut output, &mut none) => Some(error),
        _ = futures::future::join_all(asked) => None,
    }
}

fn sensible(listed: &Listed) {
    assert!(listed.size <= MAX_OBJECT_BYTES, "{listed:?}");
}

/// Those bytes as frames: each 64 of them are a header, and what it says of lengths is made true as far as they last.
fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut frames = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((start, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
        let mut header = claimed(start, after.len());
        let payload = &after[..header.payload as usize];
        header.crc = crc64(payload);
        frames.extend_from_slice(&header.encode());
        frames.extend_from_slice(payload);
        rest = &after[payload.len()..];
    }
    frames
}

/// The header that comes nearest to those bytes, when at most `left` follow.
fn claimed(bytes: &[u8; HEADER_BYTES], left: usize) -> Header {
    let short = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let int = |at: usize| u32::from(short(at)) | u32::from(short(at + 2)) << 16;
    let long = |at: usize| u64::from(int(at)) | u64::from(int(at + 4)) << 32;
    let kind = Kind::ALL[usize::from(bytes[3]).wrapping_sub(1) % Kind::ALL.len()];
    let payload = int(8).min(u32::try_from(left).unwrap_or(u32::MAX)).min(MAX_PIECE_BYTES as u32);
    let plain = Header {
        flags: short(4) & SEALED,
        payload,
        counter: long(40),
        floor: long(32),
        ..Header::bare(kind, long(16))
    };
    if !matches!(kind, Kind::Call | Kind::Reply) {
        return plain;
    }
    let flags = short(4) & (HEADED | SQUEEZED | SEALED);
    let head =
        if flags & HEADED == 0 { 0 } else { u32::from(short(6)).min(payload).min(MAX_HEAD_BYTES as u32) };
    let raw = if flags & SQUEEZED == 0 { payload - head } else { int(12) };
    let total = int(24).max(raw).min(MAX_BODY_BYTES as u32);
    let offset = int(28).min(total.saturating_sub(raw));
    Header { flags, head: head as u16, raw, total, offset, ..plain }
}

/// Runs one thing in a runtime of its own: nothing that it started outlives it.
fn alone<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime can be built").block_on(work)
}

/// A peer that says something and goes.
struct Said {
    bytes: Vec<u8>,
    at: usize,
    patience: u32,
}

impl Said {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0, patience: PATIENCE }
    }
}

impl AsyncRead for Said {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() && self.patience > 0 {
            self.patience -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let count = rest.len().min(into.remaining());
        into.put_slice(&rest[..count]);
        self.at += count;
        Poll::Ready(Ok(()))
    }
}

/// What the one who is checked says.
#[derive(Debug, Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// It is frames, of which the last may be cut off: whoever goes does not wait until all is written.
    fn is_whole(&self) {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut rest = bytes.as_slice();
        while let Some((start, after)) = rest.split_first_chunk::<HEADER_BYTES>() {
            let header = Header::decode(start).expect("what is said is frames");
            let Some((payload, next)) = after.split_at_checked(header.payload as usize) else { break };
            assert_eq!(crc64(payload), header.crc, "a sum is wrong");
            rest = next;
        }
    }
}

impl AsyncWrite for Heard {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests;

/// Sound examples of what is said to each.
#[cfg(test)]
pub(crate) mod examples {
    use super::*;
    use crate::wire::route::Hop;

    fn frame(header: Header, payload: &[u8]) -> Vec<u8> {
        let payload_bytes = u32::try_from(payload.len()).unwrap();
        let header = Header { payload: payload_bytes, crc: crc64(payload), ..header };
        [header.encode().as_slice(), payload].concat()
    }

    fn message(kind: Kind, id: u64, head: &str, body: &[u8]) -> Vec<u8> {
        let (raw, length) = (u32::try_from(body.len()).unwrap(), u16::try_from(head.len()).unwrap());
        let header = Header { flags: HEADED, head: length, raw, total: raw, ..Header::bare(kind, id) };
        frame(header, &[body, head.as_bytes()].concat())
    }

    pub(crate) fn gateway() -> Vec<u8> {
        let session = "0".repeat(32);
        let sums = format!(
            r#"{{"offset":0,"whole":true,"blake3":"{}","crc64":{}}}"#,
            blake3::hash(b"body").to_hex(),
            crc64(b"body")
        );
        [
            frame(Header::bare(Kind::Route, 0), b"[]"),
            frame(Header::bare(Kind::Hello, 0), format!(r#"{{"session":"{session}"}}"#).as_bytes()),
            message(
                Kind::Call,
                1,
                &format!(r#"{{"put":{{"key":"a","metadata":{},"sums":{sums}}}}}"#, metadata()),
                b"body",
            ),
            message(Kind::Call, 2, r#"{"list":{"cursor":1,"prefix":"","after":null}}"#, b""),
            message(
                Kind::Call,
                3,
                r#"{"read":{"key":"a","offset":0,"length":4,"whole":true,"version":null}}"#,
                b"",
            ),
            message(Kind::Call, 4, r#""delete""#, br#"["a"]"#),
            frame(Header::bare(Kind::Ping, 0), b""),
        ]
        .concat()
    }

    pub(crate) fn answers() -> Vec<u8> {
        let welcome = r#"{"epoch":1,"name":"g","bytes":1000000,"messages":8,"read_bytes":65536,"limits":
            {"object_bytes":1000000,"part_bytes_min":1,"part_bytes_max":65536,"parts":10,"part_bytes_best":1024,
            "key_bytes":100}}"#;
        let found = format!(
            r#"{{"found":{{"found":{{"listed":{{"k":"k","s":4}},"metadata":{},"crc64":null}}}}}}"#,
            metadata()
        );
        [
            frame(Header::bare(Kind::Welcome, 0), welcome.as_bytes()),
            message(Kind::Reply, 1, r#"{"page":{"last":false}}"#, br#"[{"k":"a","s":1,"m":5}]"#),
            message(Kind::Reply, 2, &found, b""),
            frame(Header::bare(Kind::Fault, 1), b"no more"),
        ]
        .concat()
    }

    pub(crate) fn handshake() -> Vec<u8> {
        let heard = Heard::default();
        let [gateway, client, _] = &*ENDS;
        let mut reader = FrameReader::new(Said::new(Vec::new()));
        let called = alone(handshake::call(client, gateway.fingerprint(), &mut reader, &mut heard.clone()));
        assert!(called.is_err(), "nobody answers");
        let hops = [Hop::plain("h:1")];
        let route = frame(Header::bare(Kind::Route, 0), &route::encode(&hops[..0]));
        let hello = heard.0.lock().unwrap().clone();
        [route, hello, frame(Header::bare(Kind::Route, 0), &route::encode(&hops))].concat()
    }

    fn metadata() -> String {
        serde_json::to_string(&welkin_store::Metadata::default()).unwrap()
    }

    /// The examples do what they are there for: a call is carried out, an answer is taken.
    #[test]
    fn examples_are_sound() {
        let heard = Heard::default();
        let place = Memory::new("memory:");
        let gateway = Arc::new(Gateway::new(ServeOptions::plain(place)).unwrap());
        alone(gateway.speak(Box::new(Said::new(super::examples::gateway())), Box::new(heard.clone())));
        let said = heard.0.lock().unwrap().clone();
        let text = String::from_utf8_lossy(&said).into_owned();
        for word in [r#""epoch""#, r#"{"version":{"#, r#"{"piece":{"#, r#""undeleted""#] {
            assert!(text.contains(word), "{word} in {text}");
        }
        let ended = alone(answered(super::examples::answers(), Heard::default()));
        assert!(ended.unwrap().to_string().contains("no more"));
        for example in [super::examples::gateway(), super::examples::answers()] {
            assert_eq!(mended(&example), example, "what is whole is left as it is");
        }
    }
}
