//! Stores that answer what cannot be, or never end.

use crate::script::{Asked, Script, answer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use welkin_store::conformance::{block, keys};
use welkin_store::{Endpoint, FailureKind, Listed, Metadata};
use welkin_stores::Checksums;

/// A page in the words of each store.
fn page(asked: &Asked, objects: &[(&str, &str)], token: Option<&str>) -> Vec<u8> {
    let line = asked.head.lines().next().unwrap();
    let each = |form: fn(&str, &str) -> String| -> String {
        objects.iter().map(|(key, size)| form(key, size)).collect::<Vec<_>>().join("")
    };
    let body = if line.contains("list-type=2") {
        let all = each(|key, size| format!("<Contents><Key>{key}</Key><Size>{size}</Size></Contents>"));
        let more = token.map_or(String::new(), |token| {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>")
        });
        format!("<ListBucketResult>{all}{more}</ListBucketResult>")
    } else if line.contains("comp=list") {
        let all = each(|key, size| {
            format!(
                "<Blob><Name>{key}</Name><Properties><Content-Length>{size}</Content-Length></Properties></Blob>"
            )
        });
        let token = token.unwrap_or_default();
        format!(
            "<EnumerationResults><Blobs>{all}</Blobs><NextMarker>{token}</NextMarker></EnumerationResults>"
        )
    } else {
        let items: Vec<_> =
            objects.iter().map(|(key, size)| serde_json::json!({"name": key, "size": size})).collect();
        serde_json::json!({"items": items, "nextPageToken": token}).to_string()
    };
    answer(200, &[], body.as_bytes())
}

/// Reads pages until the end or a failure.
async fn listed(store: Arc<dyn Endpoint>, prefix: &str) -> Result<Vec<Listed>, (FailureKind, String)> {
    let mut pages = store.list(prefix, None);
    let mut all = Vec::new();
    while let Some(page) = pages.next_page().await.map_err(|failure| (failure.kind, failure.to_string()))? {
        all.extend(page);
    }
    Ok(all)
}

#[tokio::test]
async fn the_same_page_again_ends_a_listing() {
    let server = Script::start(|asked| page(asked, &[], Some("again"))).await;
    for (name, store) in server.stores() {
        let (kind, why) = listed(store, "").await.unwrap_err();
        assert_eq!(kind, FailureKind::Invalid, "{name}");
        assert!(why.contains("the same page again"), "{name}: {why}");
    }
    assert!(server.requests().len() <= 9);
}

#[tokio::test]
async fn pages_without_a_key_come_to_an_end() {
    let count = AtomicUsize::new(0);
    let server = Script::start(move |asked| {
        page(asked, &[], Some(&count.fetch_add(1, Ordering::Relaxed).to_string()))
    })
    .await;
    for (name, store) in server.stores() {
        let (kind, why) = listed(store, "").await.unwrap_err();
        assert_eq!(kind, FailureKind::Invalid, "{name}");
        assert!(why.contains("pages in a row list nothing"), "{name}: {why}");
    }
}

#[tokio::test]
async fn keys_that_repeat_end_a_listing() {
    let count = AtomicUsize::new(0);
    let server = Script::start(move |asked| {
        page(asked, &[("a", "1"), ("b", "1")], Some(&count.fetch_add(1, Ordering::Relaxed).to_string()))
    })
    .await;
    for (name, store) in server.stores() {
        let (kind, why) = listed(store, "").await.unwrap_err();
        assert_eq!(kind, FailureKind::Invalid, "{name}");
        assert!(why.contains("\"a\" comes after \"b\""), "{name}: {why}");
    }
}

#[tokio::test]
async fn keys_and_sizes_that_cannot_be() {
    for (key, size, words) in [
        ("q/x", "1", "is not below that"),
        ("", "1", "is not below that"),
        ("p/x", "-1", "size"),
        ("p/x", "+1", "size"),
        ("p/x", "18446744073709551615", "as the store says"),
        ("p/x", "9223372036854775807", "as the store says"),
    ] {
        let server = Script::start(move |asked| page(asked, &[(key, size)], None)).await;
        for (name, store) in server.stores() {
            let (kind, why) = listed(store, "p/").await.unwrap_err();
            assert_eq!(kind, FailureKind::Invalid, "{name} {key} {size}: {why}");
            let words = if name == "azure" && words == "size" { "length" } else { words };
            assert!(why.contains(words), "{name} {key} {size}: {why}");
        }
    }
}

/// Listings of servers that sort UTF-16, as Azurite does, could not be had at all.
#[tokio::test]
async fn the_order_of_utf16_is_an_order() {
    let server =
        Script::start(|asked| page(asked, &[("a", "1"), ("😀", "1"), ("\u{ff21}", "1")], None)).await;
    for (name, store) in server.stores() {
        assert_eq!(keys(&store, "", None).await, ["a", "😀", "\u{ff21}"], "{name}");
        // What comes after a key in either order is not left out.
        assert_eq!(keys(&store, "", Some("😀")).await, ["\u{ff21}"], "{name}");
        assert_eq!(keys(&store, "", Some("\u{ff21}")).await, ["😀"], "{name}");
    }
}

/// A header that others wrote became lines of requests, or a second request.
#[tokio::test]
async fn metadata_of_others_makes_no_lines() {
    let server = Script::start(|asked| {
        let tag = [("etag", "\"t\"")];
        if asked.head.starts_with("POST") {
            let body = b"{\"size\":\"1\",\"generation\":\"1\"}";
            answer(200, &tag, body)
        } else {
            answer(if asked.head.contains("x-ms-") { 201 } else { 200 }, &tag, b"")
        }
    })
    .await;
    let user = |name: &str, value: &str| Metadata {
        user: BTreeMap::from([(name.to_owned(), value.to_owned())]),
        ..Metadata::default()
    };
    let smuggled = "a: b\r\n\r\nDELETE /pail/victim HTTP/1.1\r\nhost: x\r\nx";
    let hostile = [
        user(smuggled, "v"),
        user("a b", "v"),
        user("", "v"),
        user("größe", "v"),
        user("a", "v\r\nx-amz-acl: public-read"),
        user("a", "v\0"),
        Metadata { content_type: Some("text/plain\r\nx: y".to_owned()), ..Metadata::default() },
        Metadata { cache_control: Some("a\nb".to_owned()), ..Metadata::default() },
        Metadata { content_disposition: Some("a\u{7f}".to_owned()), ..Metadata::default() },
        Metadata {
            user: [("A", "1"), ("a", "2")].map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            ..Metadata::default()
        },
    ];
    for (name, store) in server.stores() {
        for metadata in &hostile {
            let put = store.put("key", metadata, &block(b"x", 0, true)).await;
            let begun = store.begin("key", metadata, 1 << 20, 1 << 19).await;
            match name {
                // It takes what fits no header in another form: encoded, or in JSON.
                "s3" => {
                    assert_eq!(put.unwrap_err().kind, FailureKind::Unsupported, "{metadata:?}");
                    assert_eq!(begun.unwrap_err().kind, FailureKind::Unsupported, "{metadata:?}");
                }
                _ => drop((put, begun)),
            }
        }
        assert!(store.put("key", &user("a-b_c.d", "größe"), &block(b"x", 0, true)).await.is_ok(), "{name}");
        // Versions come from listings of others, and go into conditions.
        let what = welkin_store::Read {
            key: "key",
            offset: 0,
            length: 1,
            whole: false,
            version: Some("\"a\r\nx-smuggled: 1\""),
        };
        assert!(store.read(what, welkin_store::block::Buffer::detached(1)).await.is_err(), "{name}");
    }
    for asked in server.requests() {
        let names: Vec<_> =
            asked.head.lines().skip(1).filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect();
        for name in ["x", "x-amz-acl", "x-smuggled", "a"] {
            assert!(!names.contains(&name.to_owned()), "{}", asked.head);
        }
        assert!(!asked.head.starts_with("DELETE"), "{}", asked.head);
    }
}

/// Offsets of others, as clients of a gateway send them, do not wrap.
#[tokio::test]
async fn offsets_do_not_wrap() {
    let server = Script::start(|_| answer(206, &[("content-range", "bytes 0-0/1")], b"x")).await;
    for (name, store) in server.stores() {
        let what = welkin_store::Read {
            key: "key",
            offset: u64::MAX - 1023,
            length: 2048,
            whole: false,
            version: None,
        };
        let read = store.read(what, welkin_store::block::Buffer::detached(2048)).await;
        assert_eq!(read.unwrap_err().kind, FailureKind::Invalid, "{name}");
    }
    assert!(server.requests().is_empty());
}

/// An answer of 70 kB became a failure of 70 kB, which journals cannot hold and terminals obey.
#[tokio::test]
async fn words_of_a_store_are_bounded() {
    let server = Script::start(|asked| {
        let words = format!("\u{1b}[2J{}", "x".repeat(70_000));
        let xml = format!(
            "<Error><Code>SlowDown</Code><Message>{}</Message></Error>",
            words.replace('\u{1b}', "&#27;")
        );
        let json = serde_json::json!({"error": {"message": words, "errors": [{"reason": "backendError"}]}});
        let gcs = asked.head.contains("Bearer");
        answer(503, &[], if gcs { json.to_string() } else { xml }.as_bytes())
    })
    .await;
    for (name, store) in server.stores() {
        let why = Arc::clone(&store).list("p", None).next_page().await.unwrap_err().to_string();
        assert!(why.contains(": 503 "), "{name}: {why}");
        assert!(why.len() < 1000 && !why.contains('\u{1b}'), "{name}: {} bytes", why.len());
        let failure = store.find("k").await.unwrap_err();
        assert!(failure.passes(), "{name}: {failure}");
        assert!(failure.to_string().starts_with("cannot HEAD "), "{name}: {failure}");
    }
}

/// A server that sends `pieces`, a pause before each, and then nothing more while the client stays.
async fn dripping(before: &'static str, piece: &'static str, every: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut came = [0; 4096];
                let _ = stream.read(&mut came).await;
                let _ = stream.write_all(before.as_bytes()).await;
                let mut beat = tokio::time::interval(every);
                while stream.write_all(piece.as_bytes()).await.is_ok() {
                    beat.tick().await;
                }
            });
        }
    });
    url
}

async fn find_and_read(url: String) -> [FailureKind; 2] {
    let script = Script { url, asked: Arc::default() };
    let store = script.s3(Checksums::Off);
    let what = welkin_store::Read { key: "key", offset: 0, length: 4096, whole: true, version: None };
    let read = store.read(what, welkin_store::block::Buffer::detached(4096)).await.unwrap_err();
    let listed = Arc::clone(&store).list("", None).next_page().await.unwrap_err();
    [read.kind, listed.kind]
}

/// Under the paused clock: days pass in no time, and what is never given up never returns.
#[tokio::test(start_paused = true)]
async fn answers_that_never_end_are_left() {
    let half = Duration::from_millis(500);
    for (before, piece) in [
        // A byte each half second.
        ("HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", "a: b\r\n"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\n", "x"),
        ("HTTP/1.1 200 OK\r\nx: ", "y"),
        ("HTTP/1.1 200 OK\r\n\r\n", " "),
    ] {
        let kinds = find_and_read(dripping(before, piece, half).await).await;
        assert_eq!(kinds, [FailureKind::Transient; 2], "{before:?} {piece:?}");
    }
}

/// An upload that is not there any more had become the object, or another of as many parts is there.
#[tokio::test]
async fn an_object_of_as_many_parts_is_not_taken_for_the_one_that_was_written() {
    // The MD5s of "a" and "b", and that of both together.
    let tags = ["\"0cc175b9c0f1b6a831c399e269772661\"", "\"92eb5ffee6ae2fec3ad71c777531578f\""];
    let ours = "\"96e024ba2074fe77e8e965ba43a704be-2\"";
    for (there, tags, becomes) in [
        (ours, tags, true),
        ("\"00000000000000000000000000000000-2\"", tags, false),
        // Where the tags are no MD5s, as under a key of the user's, nobody knows.
        (ours, ["\"p1\"", "\"p2\""], false),
    ] {
        let server = Script::start(move |asked| {
            if asked.head.starts_with("HEAD") {
                return b"HTTP/1.1 200 X\r\ncontent-length: 2\r\netag: "
                    .iter()
                    .copied()
                    .chain(there.bytes())
                    .chain(*b"\r\n\r\n")
                    .collect();
            }
            answer(404, &[], b"<Error><Code>NoSuchUpload</Code><Message>gone</Message></Error>")
        })
        .await;
        let store = server.s3(Checksums::Crc64Nvme);
        let upload = welkin_store::Upload { key: "k".to_owned(), id: "u".to_owned() };
        let parts = [0, 1].map(|number| welkin_store::Part { number, tag: tags[number as usize].to_owned() });
        let finished = store.finish(&upload, &parts, &blake3::hash(b"ab")).await;
        match becomes {
            true => assert_eq!(finished.unwrap().as_deref(), Some(there)),
            false => assert_eq!(finished.unwrap_err().kind, FailureKind::NotFound),
        }
    }
}
