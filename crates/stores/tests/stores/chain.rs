//! A tree from S3 to Azure to Google Cloud Storage through the engine, compared at the end.

use crate::servers::{bucket, container};
use std::collections::BTreeMap;
use std::sync::Arc;
use welkin_store::conformance::{PART, bytes, keys, read};
use welkin_store::{Endpoint, Metadata};
use welkin_stores::{Addressing, Checksums, S3, S3Options};
use welkin_testkit::s3::{Attributes, S3Options as ServerOptions, S3Server};
use welkin_transfer::engine::{Ended, Limiter, Options, Quiet, Scope, Side, Stats, Transfer, run};
use welkin_transfer::filter::Filter;

fn s3(server: &S3Server, bucket: &str) -> Arc<dyn Endpoint> {
    let options = S3Options {
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(server.url()),
        credentials: None,
        addressing: Addressing::Path,
        checksums: Checksums::Crc64Nvme,
    };
    S3::new(options, welkin_stores::tls::client(None).unwrap()).unwrap()
}

async fn copy(source: (&Arc<dyn Endpoint>, &str), target: (&Arc<dyn Endpoint>, &str)) -> u64 {
    let side = |(endpoint, prefix): (&Arc<dyn Endpoint>, &str)| Side::new(Arc::clone(endpoint), prefix);
    let options = Options { part_bytes: Some(PART as u64), filter: Filter::default(), ..Options::default() };
    let transfer = Transfer { source: side(source), target: side(target), scope: Scope::Tree, options };
    let (limiter, stats) = (Arc::new(Limiter::new(None)), Arc::new(Stats::default()));
    let outcome = run(transfer, None, limiter, stats, Arc::new(Quiet), std::future::pending()).await.unwrap();
    assert_eq!(outcome.ended, Ended::Whole, "{:?}", outcome.failures);
    outcome.counts.copied_objects
}

#[tokio::test]
async fn three_clouds_hold_the_same_tree() {
    let test = "three_clouds_hold_the_same_tree";
    let Some((_, azure)) = container(test, "chain") else { return };
    let Some((_, gcs)) = bucket(test, "chain") else { return };
    let (azure, gcs) = (azure(), gcs());
    let server = S3Server::start(ServerOptions::default().bucket("chain").bucket("back")).unwrap();
    let mut sent = BTreeMap::new();
    for (seed, (key, length)) in (0..).zip([
        ("tree/empty", 0),
        ("tree/small", 1000),
        ("tree/exactly one part", PART),
        ("tree/parts é/😀", 5 * PART + 17),
        ("tree/parts/two", 2 * PART),
        ("tree/z", 64 << 10),
    ]) {
        let content = bytes(length, seed);
        sent.insert(key["tree/".len()..].to_owned(), blake3::hash(&content));
        assert!(server.put("chain", key, content, Attributes::default()));
    }
    let source = s3(&server, "chain");
    let metadata = Metadata {
        content_type: Some("text/plain".to_owned()),
        // An object without a time of its own would get the one that its store shows.
        user: BTreeMap::from(
            [("cache-tag", "a"), ("mtime", "1700000000.5")]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        ),
        ..Metadata::default()
    };
    let described = welkin_store::conformance::block(b"described", 0, true);
    source.put("tree/described", &metadata, &described).await.unwrap();
    sent.insert("described".to_owned(), blake3::hash(b"described"));
    let count = sent.len() as u64;
    assert_eq!(copy((&source, "tree/"), (&azure, "a/b/")).await, count);
    assert_eq!(copy((&azure, "a/b/"), (&gcs, "")).await, count);
    let back = s3(&server, "back");
    assert_eq!(copy((&gcs, ""), (&back, "")).await, count);
    for store in [&gcs, &back] {
        let mut arrived = BTreeMap::new();
        for key in keys(store, "", None).await {
            let size = store.find(&key).await.unwrap().unwrap().listed.size;
            let piece = read(store, &key, None, usize::try_from(size).unwrap(), None).await.unwrap();
            arrived.insert(key, blake3::hash(piece.block.bytes()));
        }
        assert_eq!(arrived, sent);
        assert_eq!(store.find("described").await.unwrap().unwrap().metadata, metadata);
    }
}
