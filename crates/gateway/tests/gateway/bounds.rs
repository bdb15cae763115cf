//! What one client can make a gateway hold, and for how long.

use crate::place::Place;
use crate::support::{Served, agent, gateway, plant, put};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use welkin_gateway::{Agent, AgentOptions, PathOptions, ServeOptions};
use welkin_store::{Endpoint, FailureKind};
use welkin_testkit::peer::{Caller, Frame, Kind, find, list, read};

fn session(number: u32) -> String {
    format!("{number:032x}")
}

async fn others_are_served(gateway: &Served) {
    put(&*agent(vec![PathOptions::over([gateway.hop()])]).await, "others", b"are served").await;
}

#[tokio::test]
async fn a_call_removes_no_more_than_a_thousand() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut caller = Caller::welcomed(&gateway.address, &session(1)).await.unwrap();
    let keys = |count: usize| format!("[{}]", vec![r#""k""#; count].join(",")).into_bytes();
    let answer = caller.call(1, r#""delete""#, &keys(1001)).await.unwrap();
    assert!(answer.contains("it is longer than 1000"), "{answer}");
    let answer = caller.call(2, r#""delete""#, &keys(1000)).await.unwrap();
    assert!(answer.contains("undeleted"), "{answer}");
    // Whoever keeps to it has more than that removed in several calls.
    let agent = agent(vec![PathOptions::over([gateway.hop()])]).await;
    let many: Vec<String> = (0..2500).map(|number| format!("locked/{number}")).collect();
    assert_eq!(agent.delete(&many).await.unwrap().len(), 2500);
}

#[tokio::test]
async fn answers_that_nobody_takes_over_are_not_made_without_bound() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    for number in 0..2000 {
        plant(&place, &format!("{number:0>1000}")).await;
    }
    let before = place.pages.load(Ordering::Relaxed);
    let mut caller = Caller::welcomed(&gateway.address, &session(1)).await.unwrap();
    for id in 1..=1200 {
        caller.send(&Frame::message(Kind::Call, id, 1, &list(""), b"")).await.unwrap();
    }
    others_are_served(&gateway).await;
    // Two megabytes are set aside for each page before the place is asked, out of sixteen.
    let asked = place.pages.load(Ordering::Relaxed) - before;
    assert!(asked <= 8, "{asked} pages were made for a client that took over none");
}

#[tokio::test]
async fn small_answers_that_nobody_takes_over_end_the_session() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut caller = Caller::welcomed(&gateway.address, &session(1)).await.unwrap();
    let key = "k".repeat(4000);
    for id in 1..=60_000 {
        if caller.send(&Frame::message(Kind::Call, id, 1, &find(&key), b"")).await.is_err() {
            break;
        }
    }
    let said = caller.fault().await;
    assert!(said.is_empty() || said.contains("did not acknowledge their answers"), "{said}");
    others_are_served(&gateway).await;
}

#[tokio::test]
async fn nothing_longer_than_granted_is_read_or_taken() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut caller = Caller::welcomed(&gateway.address, &session(1)).await.unwrap();
    let answer = caller.call(1, &read("a", 30 << 20), b"").await.unwrap();
    assert!(answer.contains("no more than 16777216 bytes are read at once"), "{answer}");
    caller.send(&Frame::piece(Kind::Call, 2, 1, 20 << 20, 0, &[0; 1000])).await.unwrap();
    assert!(caller.fault().await.contains("longer than was granted"));
    let mut caller = Caller::welcomed(&gateway.address, &session(1)).await.unwrap();
    caller.send(&Frame { id: 3, floor: 1, ..Frame::bare(Kind::Call) }).await.unwrap();
    assert!(caller.fault().await.contains("it carries nothing"));
    let mut caller = Caller::welcomed(&gateway.address, &session(1)).await.unwrap();
    caller.send(&Frame { payload: vec![0; 20 << 10], ..Frame::bare(Kind::Ping) }).await.unwrap();
    assert!(caller.fault().await.contains("it is too long for its kind"));
}

#[tokio::test]
async fn half_a_message_never_waits_for_what_it_holds_itself() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    for number in 0..64 {
        let mut caller = Caller::welcomed(&gateway.address, &session(number)).await.unwrap();
        for id in 1..=8 {
            let half = Frame::piece(Kind::Call, id, 1, 4 << 20, 0, &[0; 1 << 20]);
            if caller.send(&half).await.is_err() {
                break;
            }
        }
        let said = caller.fault().await;
        assert!(said.is_empty() || said.contains("more was begun than was granted"), "{said}");
    }
    others_are_served(&gateway).await;
}

#[tokio::test]
async fn transfers_that_end_make_room_at_once() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    // Those that say so, those that are dropped, and those that vanish.
    for number in 0..100 {
        let agent = agent(vec![PathOptions::over([gateway.hop()]).lanes(2)]).await;
        put(&agent, "a", b"of a short transfer").await;
        match number % 3 {
            0 => agent.close().await,
            1 => drop(agent),
            _ => drop(Caller::welcomed(&gateway.address, &session(number)).await.unwrap()),
        }
    }
    others_are_served(&gateway).await;
}

#[tokio::test]
async fn one_client_has_so_many_sessions_and_is_told() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut open = Vec::new();
    let refused = loop {
        match Caller::welcomed(&gateway.address, &session(open.len() as u32)).await {
            Ok(caller) => open.push(caller),
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!(open.len(), 6);
    assert!(refused.contains("6 transfers of this client are being served; try again later"), "{refused}");
    // One that goes gives way, as soon as its connection is gone.
    drop(open.pop());
    others_are_served(&gateway).await;
}

#[tokio::test]
async fn who_comes_after_one_that_left_without_a_word_has_its_share() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut numbers = 0..;
    let mut next = async || {
        let number = numbers.next().unwrap();
        let mut caller = Caller::welcomed(&gateway.address, &session(number)).await.unwrap();
        let said = caller.call(1, &read("a", 30 << 20), b"").await.unwrap();
        (caller, said.contains("no more than 16777216 bytes are read at once"))
    };
    let (mut first, most) = next().await;
    assert!(most);
    // Not one that is there.
    for _ in 0..3 {
        let (_, most) = next().await;
        assert!(!most);
    }
    assert!(first.call(2, &read("a", 30 << 20), b"").await.unwrap().contains("no more than 16777216"));
    drop(first);
    // As soon as the gateway has seen that it is gone, and long before it would be given up.
    let mut most = false;
    for _ in 0..1000 {
        most = next().await.1;
        if most {
            break;
        }
    }
    assert!(most, "the share of a client that is gone is nobody's");
}

#[tokio::test]
async fn one_client_has_so_many_lanes_and_the_rest_of_them_wait() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut open = Vec::new();
    let refused = loop {
        match Caller::welcomed(&gateway.address, &session(1)).await {
            Ok(caller) => open.push(caller),
            Err(error) => break error.to_string(),
        }
    };
    assert_eq!(open.len(), 96);
    assert!(refused.contains("too many connections of this client are open"), "{refused}");
}

#[tokio::test]
async fn strangers_do_not_keep_others_out() {
    let place = Place::new();
    let gateway = gateway(&place).await;
    let mut idle = Vec::new();
    for _ in 0..300 {
        idle.push(Caller::plain(&gateway.address).await);
    }
    others_are_served(&gateway).await;
    // The oldest had to go.
    let first = idle.remove(0).unwrap().next().await;
    assert!(matches!(first, Ok(None) | Err(_)), "{first:?}");
}

#[tokio::test]
async fn pages_longer_than_an_answer_come_in_several() {
    let place = Place::new();
    for number in 0..3000 {
        plant(&place, &format!("{number:0>900}")).await;
    }
    let gateway = gateway(&place).await;
    let agent = agent(vec![PathOptions::over([gateway.hop()])]).await;
    let (mut lister, mut keys) = (Arc::clone(&agent).list("", None), Vec::new());
    while let Some(page) = lister.next_page().await.unwrap() {
        keys.extend(page.into_iter().map(|listed| listed.key));
    }
    assert_eq!(keys.len(), 3000);
    assert!(keys.is_sorted());
}

#[tokio::test]
async fn objects_are_read_in_pieces_that_were_granted() {
    let place = Place::new();
    let options = ServeOptions {
        client_bytes: 32 << 20,
        ..ServeOptions::plain(Arc::clone(&place) as Arc<dyn Endpoint>)
    };
    let gateway = Served::start(options).await;
    let agent = Arc::new(
        Agent::connect(AgentOptions::plain(vec![PathOptions::over([gateway.hop()])])).await.unwrap(),
    );
    let bytes = crate::support::content(11 << 20, 5);
    crate::support::upload(&agent, "a", &bytes, 1 << 20).await;
    // Parts of four megabytes are what a share of an eighth gives.
    assert!(crate::support::download(&agent, "a", bytes.len(), 8 << 20).await == bytes);
    let stale =
        welkin_store::Read { key: "a", offset: 0, length: 8 << 20, whole: false, version: Some("gone") };
    let buffer = welkin_store::block::Buffer::detached(8 << 20);
    assert_eq!(agent.read(stale, buffer).await.unwrap_err().kind, FailureKind::Changed);
}
