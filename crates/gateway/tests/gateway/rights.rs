//! What a client may do, and what becomes of it when that changes.

use crate::place::Place;
use crate::support::plant;
use std::sync::Arc;
use tokio::net::TcpListener;
use welkin_gateway::{Gateway, Identity, Right, Rights, Roster, ServeOptions, Trust};
use welkin_store::Endpoint;
use welkin_testkit::peer::{CLIENT, Caller, Key, Wire, find, list, put, read};

const SESSION: &str = "00112233445566778899aabbccddeeff";

fn roster(key: &Key, rights: Rights) -> Roster {
    Roster::new([(key.fingerprint().parse().unwrap(), rights)], []).unwrap()
}

/// A gateway for one client, and its address.
async fn start(place: &Arc<Place>, roster: Roster) -> (Arc<Gateway>, String) {
    let identity = Arc::new(Identity::generate().unwrap());
    let trust = Some(Trust { identity, roster });
    let options = ServeOptions { trust, ..ServeOptions::plain(Arc::clone(place) as Arc<dyn Endpoint>) };
    let gateway = Arc::new(Gateway::new(options).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = Arc::clone(&gateway);
    tokio::spawn(async move { serving.listen(listener).await });
    (gateway, address)
}

async fn caller(address: &str, key: &Key) -> std::io::Result<Caller> {
    let mut caller = Caller::over(Wire::secret(address, key, &[CLIENT]).await?);
    caller.route(&[]).await?;
    caller.hello(SESSION).await?;
    Ok(caller)
}

#[tokio::test]
async fn each_right_is_asked_for_by_its_calls() {
    let calls = [
        (find("in/a"), Vec::new(), vec![Right::Read, Right::Write, Right::List]),
        (list("in/"), Vec::new(), vec![Right::List]),
        (read("in/a", 3), Vec::new(), vec![Right::Read]),
        (put("in/b", b"body"), b"body".to_vec(), vec![Right::Write]),
        (r#"{"dangling":{"prefix":"in/"}}"#.to_owned(), Vec::new(), vec![Right::Write]),
        (r#""delete""#.to_owned(), br#"["in/c"]"#.to_vec(), vec![Right::Delete]),
    ];
    for right in [Right::Read, Right::Write, Right::Delete, Right::List, Right::Through] {
        let (place, key) = (Place::new(), Key::new());
        plant(&place, "in/a").await;
        let (_gateway, address) = start(&place, roster(&key, Rights::only([right]))).await;
        let mut caller = caller(&address, &key).await.unwrap();
        for (id, (head, body, any)) in (1..).zip(&calls) {
            let answer = caller.call(id, head, body).await.unwrap();
            assert_eq!(
                !answer.contains(r#""kind":"forbidden""#),
                any.contains(&right),
                "{right:?} {head}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn a_folder_is_all_that_its_client_has() {
    let (place, key) = (Place::new(), Key::new());
    plant(&place, "mine/a").await;
    plant(&place, "theirs/b").await;
    let rights = Rights { folder: "mine/".to_owned(), ..Rights::all() };
    let (_gateway, address) = start(&place, roster(&key, rights)).await;
    let mut caller = caller(&address, &key).await.unwrap();
    let listed = caller.call(1, &list(""), b"").await.unwrap();
    assert!(listed.contains(r#""k":"a""#) && !listed.contains("theirs"), "{listed}");
    let other = caller.call(2, &find("theirs/b"), b"").await.unwrap();
    assert!(other.contains(r#""found":null"#), "{other}");
}

#[tokio::test]
async fn rights_that_are_taken_away_end_sessions() {
    let (place, key) = (Place::new(), Key::new());
    let (gateway, address) = start(&place, roster(&key, Rights::all())).await;
    let mut first = caller(&address, &key).await.unwrap();
    first.call(1, &list(""), b"").await.unwrap();
    gateway.revise(roster(&key, Rights::only([Right::List])));
    assert!(first.fault().await.contains("its rights have changed"));
    let mut second = caller(&address, &key).await.unwrap();
    let answer = second.call(1, &put("a", b"x"), b"x").await.unwrap();
    assert!(answer.contains("forbidden"), "{answer}");
    // Those that run out and those that are gone are the same.
    gateway.revise(roster(&key, Rights { until_ms: Some(1), ..Rights::all() }));
    assert!(second.fault().await.contains("its rights have changed"));
    assert!(caller(&address, &key).await.is_err());
    gateway.revise(Roster::default());
    assert!(caller(&address, &key).await.is_err());
    assert_eq!(place.len(), 0);
}
