//! One bit flips on the wire, anywhere, either way, before or behind a relay.

use crate::place::Place;
use crate::proxy::{Flip, Proxy, Way};
use crate::support::{agent, content, download, gateway, relay, upload};
use crate::trust::{Known, identity};
use std::sync::Arc;
use welkin_gateway::{Agent, AgentOptions, Hop, PathOptions};

const LENGTH: usize = 700_000;
const PART: usize = 128 << 10;

/// Runs beside each other: each spends most of its time in the pause before a lane is opened again.
const AT_ONCE: usize = 20;

/// Bytes that go one way in a run without damage, and a little more: first words, calls, pieces, acknowledgements.
const THERE: u64 = LENGTH as u64 + 6_000;
const BACK: u64 = LENGTH as u64 + 6_000;

fn flip(seed: u64) -> Flip {
    let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11;
    let way = if seed.is_multiple_of(2) { Way::There } else { Way::Back };
    // Half of them among the first words and the first frames, where there is the most to break.
    let most = if seed % 4 < 2 {
        4_000
    } else if way == Way::There {
        THERE
    } else {
        BACK
    };
    Flip { way, at: mixed % most, bit: (mixed % 8) as u8 }
}

/// Writes and reads an object over a path of which one leg is damaged.
async fn run(seed: u64, relayed: bool, near: bool) -> bool {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let relay = relay().await;
    let (proxy, hops) = match (relayed, near) {
        (false, _) => {
            let proxy = Proxy::start(&gateway.address, Some(flip(seed))).await;
            let hops = vec![proxy.hop()];
            (proxy, hops)
        }
        (true, true) => {
            let proxy = Proxy::start(&relay.address, Some(flip(seed))).await;
            let hops = vec![proxy.hop(), gateway.hop()];
            (proxy, hops)
        }
        (true, false) => {
            let proxy = Proxy::start(&gateway.address, Some(flip(seed))).await;
            let hops = vec![relay.hop(), proxy.hop()];
            (proxy, hops)
        }
    };
    let agent = agent(vec![PathOptions::over(hops).lanes(2)]).await;
    let bytes = content(LENGTH, seed);
    upload(&agent, "a", &bytes, PART).await;
    assert_eq!(place.content("a").unwrap(), bytes, "seed {seed}");
    assert_eq!(download(&agent, "a", LENGTH, PART).await, bytes, "seed {seed}");
    // Every flip ends a lane, whether or not what it hit was waited for.
    while proxy.flipped() && agent.paths()[0].trouble.is_none() {
        tokio::task::yield_now().await;
    }
    proxy.flipped()
}

async fn runs(seeds: std::ops::Range<u64>, relayed: bool, near: bool) {
    let count = seeds.end - seeds.start;
    let mut flipped = 0;
    let seeds: Vec<u64> = seeds.collect();
    for some in seeds.chunks(AT_ONCE) {
        let runs = some.iter().map(|seed| run(*seed, relayed, near));
        flipped += futures::future::join_all(runs).await.into_iter().map(u64::from).sum::<u64>();
    }
    assert!(flipped * 10 >= count * 9, "{flipped} of {count} positions were reached");
}

#[tokio::test]
async fn damage_on_a_direct_path_is_noticed_and_made_good() {
    runs(0..120, false, true).await;
}

#[tokio::test]
async fn damage_before_a_relay_is_noticed_and_made_good() {
    runs(1000..1120, true, true).await;
}

#[tokio::test]
async fn damage_behind_a_relay_is_noticed_and_made_good() {
    runs(2000..2120, true, false).await;
}

#[tokio::test]
async fn the_hop_that_found_damage_is_named() {
    let place = Place::new();
    let (gateway, relay) = (gateway(&place).await, relay().await);
    let flip = Flip { way: Way::There, at: 50_000, bit: 1 };
    let proxy = Proxy::start(&relay.address, Some(flip)).await;
    let agent = agent(vec![PathOptions::over([proxy.hop(), gateway.hop()]).lanes(2)]).await;
    upload(&agent, "a", &content(LENGTH, 1), PART).await;
    let trouble = loop {
        match agent.paths()[0].trouble.clone() {
            Some(trouble) => break trouble,
            None => tokio::task::yield_now().await,
        }
    };
    assert_eq!(trouble, "relay: the sum of a frame's payload is wrong");
}

#[tokio::test]
async fn damage_on_a_sealed_path_is_noticed_and_made_good() {
    let client = identity();
    let clients = [client.fingerprint()];
    let (place, relay) = (Place::new(), Known::relay(&clients, &[]).await);
    let gateway = Known::gateway(&place, &clients, &[relay.fingerprint]).await;
    for seed in 3000..3040 {
        let proxy = Proxy::start(&gateway.served.address, Some(flip(seed))).await;
        let last = Hop::pinned(&proxy.address, gateway.fingerprint);
        let path = PathOptions::over([relay.hop(), last]).lanes(2);
        let agent = Agent::connect(AgentOptions::secret(Arc::clone(&client), vec![path])).await;
        let agent = match agent {
            Ok(agent) => Arc::new(agent),
            // What flipped in a handshake looks like somebody else.
            Err(error) => {
                assert!(proxy.flipped(), "seed {seed}: {error}");
                continue;
            }
        };
        let bytes = content(LENGTH, seed);
        upload(&agent, "a", &bytes, PART).await;
        assert_eq!(place.content("a").unwrap(), bytes, "seed {seed}");
        assert_eq!(download(&agent, "a", LENGTH, PART).await, bytes, "seed {seed}");
    }
}
