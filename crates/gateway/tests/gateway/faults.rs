//! Who says why a lane ends: the far end under its seal, or whoever is between.

use crate::place::Place;
use crate::trust::Known;
use std::io;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use welkin_gateway::{Agent, AgentOptions, Hop, Identity, PathOptions};
use welkin_store::{Failure, FailureKind};
use welkin_testkit::peer::{CLIENT, Caller, END, Frame, Key, Kind, RELAY, Wire, list};

/// A refusal for good, in whoever's name.
fn made_up() -> Frame {
    Frame { id: 1, ..Frame::words(Kind::Fault, "the gateway: refused: you are not wanted\u{1b}[2J") }
}

/// Passes one frame on.
async fn pass(from: &mut Caller, to: &mut Caller) -> io::Result<()> {
    let frame = from.next().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    to.send(&frame).await
}

/// A relay that lies when the handshake begins.
async fn lie_at_once(tcp: TcpStream, key: &Key) -> io::Result<()> {
    let mut client = Caller::over(Wire::accepted(tcp, Some((key, &[CLIENT]))).await?);
    client.next_of(Kind::Shake).await;
    client.send(&made_up()).await
}

/// A relay that lies when both ends have keys that it does not know.
async fn lie_after_handshake(tcp: TcpStream, key: &Key, gateway: &str) -> io::Result<()> {
    let mut client = Caller::over(Wire::accepted(tcp, Some((key, &[CLIENT]))).await?);
    let mut far = Caller::over(Wire::secret(gateway, key, &[RELAY]).await?);
    client.next_of(Kind::Route).await;
    far.route(&[]).await?;
    pass(&mut client, &mut far).await?;
    pass(&mut far, &mut client).await?;
    pass(&mut client, &mut far).await?;
    pass(&mut client, &mut far).await?;
    far.next_of(Kind::Welcome).await.ok_or(io::ErrorKind::UnexpectedEof)?;
    client.send(&made_up()).await
}

/// What a client makes of a way over `relay` to `gateway`.
async fn met(relay: Hop, gateway: Hop, client: Identity) -> Failure {
    let path = PathOptions::over([relay, gateway]).lanes(1);
    let patience = Duration::from_secs(5);
    let options = AgentOptions { patience, ..AgentOptions::secret(client.into(), vec![path]) };
    Agent::connect(options).await.unwrap_err()
}

#[tokio::test]
async fn what_a_relay_makes_up_is_its_word_and_never_final() {
    let (place, client, key) = (Place::new(), Identity::generate().unwrap(), Key::new());
    let relay = key.fingerprint().parse().unwrap();
    let gateway = Known::gateway(&place, &[client.fingerprint()], &[relay]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let far = gateway.served.address.clone();
    let (told, mut late) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        for turn in 0.. {
            let (tcp, _) = listener.accept().await.unwrap();
            let after = turn % 2 == 1;
            let lied =
                if after { lie_after_handshake(tcp, &key, &far).await } else { lie_at_once(tcp, &key).await };
            // The client closes when it has heard.
            let _ = told.send((after, lied.is_ok()));
        }
    });
    let failure = met(Hop::pinned(&address, relay), gateway.hop(), client).await;
    assert_eq!(failure.kind, FailureKind::Transient, "{failure}");
    assert!(failure.message.contains("a relay says: the gateway: refused: you are not wanted"), "{failure}");
    assert!(!failure.to_string().contains('\u{1b}'), "{failure}");
    // It tried again after both lies.
    late.close();
    let mut both = std::collections::BTreeSet::new();
    while let Some(lie) = late.recv().await {
        both.insert(lie);
    }
    assert!(both.contains(&(false, true)) && both.contains(&(true, true)), "{both:?}");
}

#[tokio::test]
async fn what_the_far_end_says_is_sealed() {
    let (place, key) = (Place::new(), Key::new());
    let clients = [key.fingerprint().parse().unwrap()];
    let relay = Known::relay(&clients, &[]).await;
    let gateway = Known::gateway(&place, &clients, &[relay.fingerprint]).await;
    let mut caller = Caller::over(Wire::secret(&relay.served.address, &key, &[CLIENT]).await.unwrap());
    let fingerprint = gateway.fingerprint.to_string();
    caller.route(&[(&gateway.served.address, Some(&fingerprint))]).await.unwrap();
    caller.shake(&key, &[END]).await.unwrap();
    caller.hello(&"1".repeat(32)).await.unwrap();
    caller.call(1, &list(""), b"").await.unwrap();
    caller.send(&Frame::words(Kind::Route, "[]")).await.unwrap();
    // Only what the seal opens is heard.
    let said = caller.fault().await;
    assert!(said.contains("it comes too late"), "{said}");
}
