//! Who gets to know what: credentials, and what stands in requests.

use crate::script::{Script, answer};
use std::sync::Arc;
use welkin_store::Metadata;
use welkin_store::conformance::block;

/// An answer that points elsewhere is told, not followed: nobody there gets the credentials.
#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Script::start(|_| answer(200, &[], b"")).await;
    let there = format!("{}/pail/key", elsewhere.url);
    let server = Script::start(move |_| answer(307, &[("location", there.as_str())], b"")).await;
    for (name, store) in server.stores() {
        assert!(store.find("key").await.is_err(), "{name}");
        assert!(store.put("key", &Metadata::default(), &block(b"x", 0, true)).await.is_err(), "{name}");
        assert!(Arc::clone(&store).list("", None).next_page().await.is_err(), "{name}");
        assert!(store.begin("key", &Metadata::default(), 1 << 20, 1 << 19).await.is_err() || name == "azure");
    }
    let asked = server.requests();
    assert!(asked.len() >= 11 && asked.iter().all(|asked| asked.header("authorization").is_some()));
    assert!(asked.iter().all(|asked| asked.body.len() < 1000), "{asked:?}");
    assert!(elsewhere.requests().is_empty(), "{:?}", elsewhere.requests());
}
