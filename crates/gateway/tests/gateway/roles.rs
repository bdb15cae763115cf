//! With whose authority somebody speaks: never with another's.

use crate::place::Place;
use crate::trust::Known;
use std::sync::{Arc, Mutex};
use welkin_gateway::{Event, Fingerprint, Identity, Log, Rights, Roster, ServeOptions, Trust};
use welkin_store::Endpoint;
use welkin_testkit::peer::{CLIENT, Caller, END, Frame, Key, Kind, RELAY, SEALED, Wire, list};

const SESSION: &str = "00112233445566778899aabbccddeeff";

fn fingerprint(key: &Key) -> Fingerprint {
    key.fingerprint().parse().unwrap()
}

/// A call through `relay` for `gateway`, in one role, sealed or not: what came of it.
async fn through(
    relay: &Known,
    gateway: &Known,
    key: &Key,
    role: &str,
    sealed: bool,
) -> Result<String, String> {
    let tried = async {
        let mut caller = Caller::over(Wire::secret(&relay.served.address, key, &[role]).await?);
        let fingerprint = gateway.fingerprint.to_string();
        caller.route(&[(&gateway.served.address, Some(&fingerprint))]).await?;
        if sealed {
            caller.shake(key, &[END]).await?;
        }
        caller.hello(SESSION).await?;
        caller.call(1, &list(""), b"").await
    };
    tried.await.map_err(|error: std::io::Error| error.to_string())
}

#[tokio::test]
async fn a_relay_lends_nobody_its_rights_whatever_the_lists() {
    let secret = "an object that the client must not see";
    for client_is_relay_there in [false, true] {
        for relay_is_client_here in [false, true] {
            let (place, client) = (Place::new(), Key::new());
            let fingerprints = [fingerprint(&client)];
            let (as_client, as_relay): (&[_], &[_]) =
                if client_is_relay_there { (&[], &fingerprints) } else { (&fingerprints, &[]) };
            let relay = Known::relay(as_client, as_relay).await;
            let relays = [relay.fingerprint];
            let (clients, relays): (&[_], &[_]) =
                if relay_is_client_here { (&relays, &[]) } else { (&[], &relays) };
            let gateway = Known::gateway(&place, clients, relays).await;
            crate::support::plant(&place, secret).await;
            for role in [CLIENT, RELAY] {
                for sealed in [false, true] {
                    let tried = through(&relay, &gateway, &client, role, sealed).await;
                    let what =
                        format!("{client_is_relay_there} {relay_is_client_here} {role} {sealed}: {tried:?}");
                    assert!(tried.is_err() && !what.contains(secret), "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_client_that_both_know_is_served_sealed_and_not_otherwise() {
    let (place, client) = (Place::new(), Key::new());
    let clients = [fingerprint(&client)];
    let relay = Known::relay(&clients, &[]).await;
    let gateway = Known::gateway(&place, &clients, &[relay.fingerprint]).await;
    crate::support::plant(&place, "there").await;
    let listed = through(&relay, &gateway, &client, CLIENT, true).await.unwrap();
    assert!(listed.contains("there"), "{listed}");
    let plainly = through(&relay, &gateway, &client, CLIENT, false).await.unwrap_err();
    assert!(plainly.contains("begins with its handshake"), "{plainly}");
    let as_relay = through(&relay, &gateway, &client, RELAY, true).await.unwrap_err();
    assert!(as_relay.contains("not known here as that of a relay"), "{as_relay}");
}

#[tokio::test]
async fn a_gateway_asks_for_seals_though_the_relay_does_not() {
    let (place, relay) = (Place::new(), Key::new());
    let gateway = Known::gateway(&place, &[], &[fingerprint(&relay)]).await;
    // A relay that is hostile, or one of another make: it lets everything through.
    let mut caller = Caller::over(Wire::secret(&gateway.served.address, &relay, &[RELAY]).await.unwrap());
    caller.route(&[]).await.unwrap();
    let said = caller.hello(SESSION).await.unwrap_err().to_string();
    assert!(said.contains("a relay brings sealed lanes only"), "{said}");
}

#[tokio::test]
async fn handshakes_are_good_for_one_role() {
    let (place, client) = (Place::new(), Key::new());
    let gateway = Known::gateway(&place, &[fingerprint(&client)], &[]).await;
    let refusal = async |roles: &[&str]| {
        let mut caller = match Wire::secret(&gateway.served.address, &client, roles).await {
            Ok(wire) => Caller::over(wire),
            Err(error) => return error.to_string(),
        };
        if let Err(error) = caller.route(&[]).await {
            return error.to_string();
        }
        caller.hello(SESSION).await.unwrap_or_else(|error| error.to_string())
    };
    assert!(refusal(&[CLIENT]).await.contains("epoch"));
    let older = refusal(&[]).await;
    assert!(older.contains("older Welkin"), "{older}");
    for roles in [&[RELAY][..], &[END], &["h2"]] {
        let said = refusal(roles).await;
        assert!(!said.contains("epoch"), "{roles:?}: {said}");
    }
    // A handshake of the outer role is not one of the inner: the far end does not shake hands with a client's.
    let mut caller = Caller::over(Wire::secret(&gateway.served.address, &client, &[CLIENT]).await.unwrap());
    caller.route(&[]).await.unwrap();
    assert!(caller.shake(&client, &[END]).await.is_err(), "a lane that comes straight is not sealed");
}

#[tokio::test]
async fn a_seal_where_there_are_no_keys_is_refused() {
    let place = Place::new();
    let gateway = crate::support::gateway(&place).await;
    let mut caller = Caller::welcomed(&gateway.address, SESSION).await.unwrap();
    let head = list("");
    let call = Frame::message(Kind::Call, 1, 1, &head, b"");
    let mut payload = call.payload.clone();
    payload.extend([0; 16]);
    caller.send(&Frame { flags: call.flags | SEALED, payload, ..call }).await.unwrap();
    assert!(caller.fault().await.contains("it is sealed and its lane is not"));
}

#[tokio::test]
async fn each_session_is_told_with_who_brought_it() {
    let (place, client) = (Place::new(), Key::new());
    let clients = [fingerprint(&client)];
    let relay = Known::relay(&clients, &[]).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let hearer = Arc::clone(&told);
    let identity = Arc::new(Identity::generate().unwrap());
    let roster = Roster::new(clients.map(|client| (client, Rights::all())), [relay.fingerprint]).unwrap();
    let options = ServeOptions {
        trust: Some(Trust { identity: Arc::clone(&identity), roster }),
        log: Log::to(move |event: &Event| hearer.lock().unwrap().push(event.to_string())),
        ..ServeOptions::plain(place as Arc<dyn Endpoint>)
    };
    let served = crate::support::Served::start(options).await;
    let gateway = Known { fingerprint: identity.fingerprint(), served };
    through(&relay, &gateway, &client, CLIENT, true).await.unwrap();
    let lines = told.lock().unwrap().clone();
    let (client, relay) = (client.fingerprint(), relay.fingerprint);
    let expected = format!("opened client={client} address=127.0.0.1:");
    assert!(lines[0].starts_with(&expected), "{lines:?}");
    let rest = format!(" by={relay} role=relay sealed=yes rights=\"read,write,delete,list,through\"");
    assert!(lines[0].ends_with(&rest), "{lines:?}");
}
