//! Who may talk to whom, and what relays see.

use crate::carry::everything;
use crate::place::Place;
use crate::support::{HERE, Served};
use std::sync::Arc;
use welkin_gateway::{
    Agent, AgentOptions, Compression, Fingerprint, Hop, Identity, PathOptions, Rights, Roster, ServeOptions,
    Trust,
};
use welkin_store::{Endpoint, FailureKind};

pub(crate) fn identity() -> Arc<Identity> {
    Arc::new(Identity::generate().unwrap())
}

/// A gateway or relay with an identity of its own.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) served: Served,
    pub(crate) fingerprint: Fingerprint,
}

impl Known {
    async fn start(options: ServeOptions, clients: &[Fingerprint], relays: &[Fingerprint]) -> Self {
        let identity = identity();
        let fingerprint = identity.fingerprint();
        let clients = clients.iter().map(|client| (*client, Rights::all()));
        let roster = Roster::new(clients, relays.iter().copied()).unwrap();
        let trust = Trust { identity, roster };
        Self { served: Served::start(ServeOptions { trust: Some(trust), ..options }).await, fingerprint }
    }

    pub(crate) async fn gateway(place: &Arc<Place>, clients: &[Fingerprint], relays: &[Fingerprint]) -> Self {
        Self::start(ServeOptions::plain(Arc::clone(place) as Arc<dyn Endpoint>), clients, relays).await
    }

    pub(crate) async fn relay(clients: &[Fingerprint], relays: &[Fingerprint]) -> Self {
        Self::start(ServeOptions::plain_relay(&[HERE]), clients, relays).await
    }

    pub(crate) fn hop(&self) -> Hop {
        Hop::pinned(&self.served.address, self.fingerprint)
    }
}

fn options(client: &Arc<Identity>, hops: &[&Known]) -> AgentOptions {
    let path = PathOptions::over(hops.iter().map(|known| known.hop())).lanes(2);
    AgentOptions::secret(Arc::clone(client), vec![path])
}

async fn refusal(options: AgentOptions) -> String {
    let error = Agent::connect(options).await.unwrap_err();
    assert_eq!(error.kind, FailureKind::Credentials, "{error}");
    error.message
}

#[tokio::test]
async fn everything_works_encrypted_and_sealed() {
    let (place, client) = (Place::paged(2), identity());
    let clients = [client.fingerprint()];
    let first = Known::relay(&clients, &[]).await;
    let second = Known::relay(&[], &[first.fingerprint]).await;
    let gateway = Known::gateway(&place, &clients, &[first.fingerprint, second.fingerprint]).await;
    for hops in [vec![&gateway], vec![&first, &gateway], vec![&first, &second, &gateway]] {
        for compression in [Compression::Off, Compression::Always] {
            let options = AgentOptions { compression, ..options(&client, &hops) };
            everything(&Arc::new(Agent::connect(options).await.unwrap()), &place).await;
        }
    }
}

#[tokio::test]
async fn a_gateway_with_another_certificate_is_refused() {
    let (place, client) = (Place::new(), identity());
    let gateway = Known::gateway(&place, &[client.fingerprint()], &[]).await;
    let wrong = Known { fingerprint: client.fingerprint(), ..gateway };
    let message = refusal(options(&client, &[&wrong])).await;
    assert!(message.contains("invalid peer certificate"), "{message}");
}

#[tokio::test]
async fn a_client_that_is_not_on_the_list_is_refused() {
    let (place, client) = (Place::new(), identity());
    let gateway = Known::gateway(&place, &[identity().fingerprint()], &[]).await;
    let message = refusal(options(&client, &[&gateway])).await;
    assert!(message.contains("alert"), "{message}");
}

#[tokio::test]
async fn a_relay_cannot_pass_for_the_gateway_nor_for_a_client() {
    let (place, client) = (Place::new(), identity());
    let clients = [client.fingerprint()];
    let relay = Known::relay(&clients, &[]).await;
    let gateway = Known::gateway(&place, &clients, &[relay.fingerprint]).await;
    // The relay lets the client in, but the gateway at the end is another one than the client wants.
    let pinned = Known { fingerprint: identity().fingerprint(), ..gateway };
    let hops = vec![relay.hop(), pinned.hop()];
    let path = PathOptions::over(hops);
    let error = Agent::connect(AgentOptions {
        patience: std::time::Duration::from_millis(300),
        ..AgentOptions::secret(Arc::clone(&client), vec![path])
    })
    .await
    .unwrap_err();
    assert!(error.message.contains("invalid peer certificate"), "{error}");
    // Somebody who has the rights of a relay at the gateway calls on its own account.
    let relay = identity();
    let gateway = Known::gateway(&place, &clients, &[relay.fingerprint()]).await;
    let message = refusal(options(&relay, &[&gateway])).await;
    assert!(message.contains("not known here as that of a client"), "{message}");
    assert_eq!(place.len(), 0);
}

#[tokio::test]
async fn a_client_that_only_the_relay_knows_is_refused_at_the_end() {
    let (place, client) = (Place::new(), identity());
    let relay = Known::relay(&[client.fingerprint()], &[]).await;
    let gateway = Known::gateway(&place, &[identity().fingerprint()], &[relay.fingerprint]).await;
    let message = refusal(options(&client, &[&relay, &gateway])).await;
    assert!(message.contains("no session with the far end"), "{message}");
    assert_eq!(place.len(), 0);
}

#[tokio::test]
async fn nobody_speaks_plainly_to_a_gateway_that_encrypts_or_the_other_way_round() {
    let (place, client) = (Place::new(), identity());
    let gateway = Known::gateway(&place, &[client.fingerprint()], &[]).await;
    let patience = std::time::Duration::from_millis(300);
    let plain = AgentOptions::plain(vec![PathOptions::over([Hop::plain(&gateway.served.address)])]);
    assert!(Agent::connect(AgentOptions { patience, ..plain }).await.is_err());
    let open = crate::support::gateway(&place).await;
    let pinned = Hop::pinned(&open.address, gateway.fingerprint);
    let secret = AgentOptions::secret(client, vec![PathOptions::over([pinned])]);
    assert!(Agent::connect(AgentOptions { patience, ..secret }).await.is_err());
}
