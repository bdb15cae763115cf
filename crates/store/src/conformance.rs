//! What holds of every place that keeps objects: the suite that each passes, for tests.
//!
//! A promise that is broken panics with what was expected. What a place cannot do at all is not asked of it
//! ([`Abilities`]).

#![expect(clippy::unwrap_used, reason = "a suite panics where a promise is broken")]

use crate::block::{Block, BlockWriter, Buffer};
use crate::endpoint::{Endpoint, Failure, FailureKind, Metadata, Piece, Read};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Opens a place anew, as another process would.
pub type Open = Box<dyn Fn() -> Arc<dyn Endpoint>>;

/// What a place can do.
#[derive(Debug, Clone, Copy)]
pub struct Abilities {
    /// It takes any text as a key.
    pub any_key: bool,
    /// It keeps headers and values of users beside the content.
    pub metadata: bool,
    /// It knows a write that it has finished already, whose answer was lost.
    pub finishes_again: bool,
}

impl Abilities {
    /// Those of a bucket.
    pub const ALL: Self = Self { any_key: true, metadata: true, finishes_again: true };
}

/// Length of the parts of the tests: the shortest that every place takes.
pub const PART: usize = 256 << 10;

/// Bytes that look random and repeat nowhere soon.
#[must_use]
pub fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// A block of these bytes.
#[must_use]
pub fn block(bytes: &[u8], offset: u64, whole: bool) -> Arc<Block> {
    let mut writer = BlockWriter::new(Buffer::detached(bytes.len()), offset, bytes.len(), whole);
    assert_eq!(writer.extend(bytes), bytes.len());
    Arc::new(writer.finish().unwrap())
}

/// Reads an object, or a range of it.
///
/// # Errors
/// Those of the place.
pub async fn read(
    store: &Arc<dyn Endpoint>,
    key: &str,
    range: Option<(u64, usize)>,
    length: usize,
    version: Option<&str>,
) -> Result<Piece, Failure> {
    let (offset, wanted) = range.unwrap_or((0, length));
    let what = Read { key, offset, length: wanted, whole: range.is_none(), version };
    store.read(what, Buffer::detached(wanted)).await
}

/// All keys of a listing.
pub async fn keys(store: &Arc<dyn Endpoint>, prefix: &str, after: Option<&str>) -> Vec<String> {
    let mut pages = Arc::clone(store).list(prefix, after);
    let mut keys = Vec::new();
    while let Some(page) = pages.next_page().await.unwrap() {
        keys.extend(page.into_iter().map(|listed| listed.key));
    }
    keys
}

fn kind<T: std::fmt::Debug>(result: Result<T, Failure>) -> FailureKind {
    result.unwrap_err().kind
}

/// Everything that is asked of a place.
pub async fn conforms(open: &Open, abilities: Abilities) {
    objects_come_back(&open(), abilities).await;
    if abilities.metadata {
        metadata_comes_back(&open()).await;
    }
    if abilities.any_key {
        keys_are_any_text(&open()).await;
        listings_are_in_order(&open()).await;
    }
    versions_are_kept_apart(&open()).await;
    parts_make_an_object(open, abilities).await;
    streams_of_unknown_length_end_where_they_do(&open()).await;
    what_is_given_up_is_not_there(&open()).await;
    removing_is_repeatable(&open()).await;
}

async fn streams_of_unknown_length_end_where_they_do(store: &Arc<dyn Endpoint>) {
    for length in [2 * PART, 2 * PART + 9] {
        let (key, content) = (format!("stream/{length}"), bytes(length, 8));
        let upload = store.begin(&key, &Metadata::default(), 0, PART as u64).await.unwrap();
        let mut parts = Vec::new();
        for (number, part) in (0..).zip(content.chunks(PART)) {
            let block = block(part, u64::from(number) * PART as u64, false);
            parts.push(store.part(&upload, number, &block).await.unwrap());
        }
        store.finish(&upload, &parts, &blake3::hash(&content)).await.unwrap();
        assert_eq!(store.find(&key).await.unwrap().unwrap().listed.size, length as u64);
        let piece = read(store, &key, None, length, None).await.unwrap();
        assert!(piece.block.bytes() == content, "{key}");
    }
}

async fn objects_come_back(store: &Arc<dyn Endpoint>, abilities: Abilities) {
    for (length, seed) in [(0, 1), (1, 2), (300_001, 3)] {
        let (key, content) = (format!("whole/{length}"), bytes(length, seed));
        let version = store.put(&key, &Metadata::default(), &block(&content, 0, true)).await.unwrap();
        let found = store.find(&key).await.unwrap().unwrap();
        assert_eq!(found.listed.size, length as u64);
        assert_eq!(found.listed.version, version, "what put, find and list call a version is one thing");
        assert!(!abilities.metadata || found.metadata == Metadata::default(), "{:?}", found.metadata);
        assert!(found.listed.modified_ms.is_some_and(|ms| ms > 1_700_000_000_000));
        let mut pages = Arc::clone(store).list(&key, None);
        assert_eq!(pages.next_page().await.unwrap().unwrap(), [found.listed]);
        let piece = read(store, &key, None, length, version.as_deref()).await.unwrap();
        assert_eq!(piece.block.bytes(), content);
        assert_eq!(piece.version, version);
    }
    let content = bytes(300_001, 3);
    let piece = read(store, "whole/300001", Some((262_144, 37_857)), 0, None).await.unwrap();
    assert_eq!(piece.block.bytes(), &content[262_144..]);
    // Shorter or longer than it was listed is another object.
    assert_eq!(kind(read(store, "whole/300001", None, 300_000, None).await), FailureKind::Changed);
    assert_eq!(
        kind(read(store, "whole/300001", Some((262_144, 37_858)), 0, None).await),
        FailureKind::Changed
    );
    assert_eq!(store.find("whole/none").await.unwrap(), None);
    assert_eq!(kind(read(store, "whole/none", None, 1, None).await), FailureKind::NotFound);
}

async fn metadata_comes_back(store: &Arc<dyn Endpoint>) {
    let user = [("mtime", "1700000000.5"), ("cache-tag", "a, b"), ("1st", "größe"), ("empty", "")];
    let metadata = Metadata {
        content_type: Some("text/html; charset=utf-8".to_owned()),
        content_encoding: Some("identity".to_owned()),
        content_language: Some("de".to_owned()),
        content_disposition: Some("attachment; filename=\"a b.html\"".to_owned()),
        cache_control: Some("max-age=60".to_owned()),
        user: user.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
    };
    store.put("metadata/one", &metadata, &block(b"x", 0, true)).await.unwrap();
    assert_eq!(store.find("metadata/one").await.unwrap().unwrap().metadata, metadata);
    assert_eq!(read(store, "metadata/one", None, 1, None).await.unwrap().metadata, metadata);
    let content = bytes(PART + 1, 4);
    let upload = store.begin("metadata/parts", &metadata, content.len() as u64, PART as u64).await.unwrap();
    let mut parts = Vec::new();
    for (number, piece) in (0..).zip(content.chunks(PART)) {
        let block = block(piece, u64::from(number) * PART as u64, false);
        parts.push(store.part(&upload, number, &block).await.unwrap());
    }
    store.finish(&upload, &parts, &blake3::hash(&content)).await.unwrap();
    assert_eq!(store.find("metadata/parts").await.unwrap().unwrap().metadata, metadata);
}

/// In the order of their bytes.
const ODD: &[&str] = &[
    "odd/ space",
    "odd/#hash",
    "odd/%41",
    "odd/&amp;",
    "odd/'quotes\"",
    "odd/+plus",
    "odd/..dots/.a",
    "odd//double",
    "odd/<xml>",
    "odd/?query=1&b",
    "odd/[set]{x}|^`",
    "odd/a~b;c:d@e!$(f)*,=",
    "odd/é/ü",
    "odd/日本語",
    "odd/😀",
];

async fn keys_are_any_text(store: &Arc<dyn Endpoint>) {
    for (seed, key) in (0..).zip(ODD) {
        let content = bytes(10, seed);
        store.put(key, &Metadata::default(), &block(&content, 0, true)).await.unwrap();
        assert_eq!(read(store, key, None, 10, None).await.unwrap().block.bytes(), content, "{key}");
    }
    assert_eq!(keys(store, "odd/", None).await, ODD);
    assert_eq!(keys(store, "odd/é", None).await, ["odd/é/ü"]);
}

async fn listings_are_in_order(store: &Arc<dyn Endpoint>) {
    let expected = ["order/A", "order/B/a", "order/a", "order/a-b", "order/a/b", "order/ab", "order/b"];
    for key in expected.iter().rev() {
        store.put(key, &Metadata::default(), &block(b"x", 0, true)).await.unwrap();
    }
    assert_eq!(keys(store, "order/", None).await, expected);
    assert_eq!(keys(store, "order/a", None).await, expected[2..6]);
    for (at, key) in expected.iter().enumerate() {
        assert_eq!(keys(store, "order/", Some(key)).await, expected[at + 1..], "after {key}");
    }
    assert_eq!(keys(store, "order/", Some("order/a.")).await, expected[4..]);
    assert_eq!(keys(store, "nothing/", None).await, [""; 0]);
}

async fn versions_are_kept_apart(store: &Arc<dyn Endpoint>) {
    let (key, length) = ("version/key", 2000);
    let mut versions = Vec::new();
    for seed in [5, 6] {
        let block = block(&bytes(length, seed), 0, true);
        versions.push(store.put(key, &Metadata::default(), &block).await.unwrap().unwrap());
    }
    let piece = read(store, key, None, length, Some(&versions[1])).await.unwrap();
    assert_eq!(piece.block.bytes(), bytes(length, 6));
    assert_eq!(kind(read(store, key, None, length, Some(&versions[0])).await), FailureKind::Changed);
}

async fn parts_make_an_object(open: &Open, abilities: Abilities) {
    let (key, content) = ("parts/key", bytes(2 * PART + 12_345, 7));
    let metadata =
        Metadata { user: BTreeMap::from([("mode".to_owned(), "644".to_owned())]), ..Metadata::default() };
    let store = open();
    let upload = store.begin(key, &metadata, content.len() as u64, PART as u64).await.unwrap();
    let pieces: Vec<_> = (0_u32..)
        .zip(content.chunks(PART))
        .map(|(number, piece)| block(piece, u64::from(number) * PART as u64, false))
        .collect();
    let mut parts = vec![store.part(&upload, 0, &pieces[0]).await.unwrap()];
    // The answer was lost: the same again.
    assert_eq!(store.part(&upload, 0, &pieces[0]).await.unwrap(), parts[0]);
    assert_eq!(store.find(key).await.unwrap(), None);
    // The process was killed, and another one goes on.
    let store = open();
    parts.push(store.part(&upload, 1, &pieces[1]).await.unwrap());
    assert_eq!(store.find(key).await.unwrap(), None);
    parts.push(store.part(&upload, 2, &pieces[2]).await.unwrap());
    let store = open();
    let version = store.finish(&upload, &parts, &blake3::hash(&content)).await.unwrap();
    if abilities.finishes_again {
        assert_eq!(
            store.finish(&upload, &parts, &blake3::hash(&content)).await.unwrap().is_some(),
            version.is_some()
        );
    }
    let found = store.find(key).await.unwrap().unwrap();
    assert_eq!(found.listed.size, content.len() as u64);
    assert!(!abilities.metadata || found.metadata == metadata, "{:?}", found.metadata);
    let piece = read(&store, key, None, content.len(), None).await.unwrap();
    assert_eq!(piece.block.bytes(), content);
}

async fn what_is_given_up_is_not_there(store: &Arc<dyn Endpoint>) {
    let content = bytes(2 * PART, 8);
    let upload = store.begin("given-up", &Metadata::default(), 2 * PART as u64, PART as u64).await.unwrap();
    store.part(&upload, 0, &block(&content[..PART], 0, false)).await.unwrap();
    assert_eq!(store.find("given-up").await.unwrap(), None);
    assert_eq!(keys(store, "given-up", None).await, [""; 0]);
}

async fn removing_is_repeatable(store: &Arc<dyn Endpoint>) {
    let gone: Vec<_> = (0..40).map(|number| format!("gone/{number}")).collect();
    for key in &gone {
        store.put(key, &Metadata::default(), &block(b"x", 0, true)).await.unwrap();
    }
    for _ in 0..2 {
        let failed = store.delete(&gone).await.unwrap();
        assert!(failed.is_empty(), "{failed:?}");
        assert_eq!(keys(store, "gone/", None).await, [""; 0]);
    }
}
