//! One bit turned over on the way to a server that is not ours, or from it: noticed by the MD5 that the server keeps.

use crate::servers::{azure_options, container, only_md5, s3_options};
use std::net::SocketAddr;
use std::sync::Arc;
use welkin_store::conformance::{PART, block, bytes, read};
use welkin_store::{Endpoint, FailureKind, Metadata};
use welkin_stores::{Azure, S3};
use welkin_testkit::proxy::{Direction, Proxy, Trouble};

/// The middle of the content, wherever the heads end.
const FLIP: Trouble = Trouble::Flip { after: PART as u64 / 2, bit: 3 };

#[tokio::test]
async fn s3_by_the_md5_alone() {
    let Some(server) = only_md5("s3_by_the_md5_alone", "flips") else { return };
    flips_are_noticed(server.address(), |url| {
        let options = s3_options(server, url, "flips");
        S3::new(options, welkin_stores::tls::client(None).unwrap()).unwrap()
    })
    .await;
}

#[tokio::test]
async fn azure_by_content_md5() {
    let Some((server, _)) = container("azure_by_content_md5", "flips") else { return };
    flips_are_noticed(server.address(), |url| {
        let mut options = azure_options(server, "flips");
        options.endpoint = Some(format!("{url}/{}", options.account));
        Azure::new(options, welkin_stores::tls::client(None).unwrap()).unwrap()
    })
    .await;
}

async fn flips_are_noticed<E: Endpoint + 'static>(server: SocketAddr, open: impl Fn(&str) -> Arc<E>) {
    let proxy = Proxy::start(server).unwrap();
    let store: Arc<dyn Endpoint> = open(&proxy.url());
    let content = bytes(PART, 1);
    let whole = block(&content, 0, true);
    let put = async || store.put("key", &Metadata::default(), &whole).await;

    proxy.set(Direction::Up, FLIP);
    let failure = put().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Corrupt, "{failure}");
    assert!(!proxy.is_troubled(Direction::Up));
    assert_eq!(store.find("key").await.unwrap(), None, "what came damaged does not stay");

    put().await.unwrap();
    let get = async || read(&store, "key", None, PART, None).await;
    proxy.set(Direction::Down, FLIP);
    let failure = get().await.map(drop).unwrap_err();
    assert_eq!(failure.kind, FailureKind::Corrupt, "{failure}");
    assert!(!proxy.is_troubled(Direction::Down));
    assert!(get().await.unwrap().block.bytes() == content);
}

/// The tag of an object in parts is the MD5 of MD5s, and says nothing of the content.
#[tokio::test]
async fn the_tag_of_parts_is_no_sum() {
    let Some(server) = only_md5("the_tag_of_parts_is_no_sum", "parts") else { return };
    let options = s3_options(server, &server.url(), "parts");
    let store: Arc<dyn Endpoint> = S3::new(options, welkin_stores::tls::client(None).unwrap()).unwrap();
    let content = bytes(PART, 2);
    let upload = store.begin("key", &Metadata::default(), PART as u64, PART as u64).await.unwrap();
    let part = store.part(&upload, 0, &block(&content, 0, false)).await.unwrap();
    store.finish(&upload, &[part], &blake3::hash(&content)).await.unwrap();
    let found = store.find("key").await.unwrap().unwrap();
    let tag = found.listed.version.unwrap();
    assert!(tag.trim_matches('"').ends_with("-1"), "{tag}");
    assert!(read(&store, "key", None, PART, None).await.unwrap().block.bytes() == content);
}
