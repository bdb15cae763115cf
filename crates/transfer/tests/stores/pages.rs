//! A page of a listing that fails is asked for again, and neither passed over nor taken for the end: the three stores on
//! HTTP, against a server that says what it is told to.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use welkin_transfer::endpoint::{
    Addressing, Azure, AzureAccess, AzureOptions, Checksums, Endpoint, Gcs, GcsAccess, GcsOptions, S3,
    S3Options,
};

/// Answers one request after the other with a status and a body, each on a connection of its own; then with 500.
fn server(answers: Vec<(u16, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut answers = VecDeque::from(answers);
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = BufReader::new(stream.try_clone().unwrap());
            for line in head.lines() {
                if line.unwrap().is_empty() {
                    break;
                }
            }
            let (status, body) = answers.pop_front().unwrap_or((500, String::new()));
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        }
    });
    url
}

/// Pages of `a`, `b` and `c` with the mark of the next.
type Pages = [fn(&str, Option<&str>) -> String; 3];

const PAGES: Pages = [
    |key, next| {
        let next = next.map_or_else(String::new, |next| {
            format!("<IsTruncated>true</IsTruncated><NextContinuationToken>{next}</NextContinuationToken>")
        });
        format!(
            "<ListBucketResult>{next}<Contents><Key>{key}</Key><Size>1</Size></Contents></ListBucketResult>"
        )
    },
    |key, next| {
        let next = next.unwrap_or_default();
        format!(
            "<EnumerationResults><Blobs><Blob><Name>{key}</Name><Properties><Content-Length>1</Content-Length>\
             </Properties></Blob></Blobs><NextMarker>{next}</NextMarker></EnumerationResults>"
        )
    },
    |key, next| {
        let next = next.map_or_else(String::new, |next| format!(",\"nextPageToken\":\"{next}\""));
        format!("{{\"items\":[{{\"name\":\"{key}\",\"size\":\"1\",\"generation\":\"1\"}}]{next}}}")
    },
];

fn open(which: usize, url: String) -> Arc<dyn Endpoint> {
    let tls = welkin_transfer::tls::client(None).unwrap();
    let (bucket, endpoint) = ("pail".to_owned(), Some(url));
    match which {
        0 => S3::new(
            S3Options {
                bucket,
                region: "us-east-1".to_owned(),
                endpoint,
                credentials: None,
                addressing: Addressing::Auto,
                checksums: Checksums::Off,
            },
            tls,
        )
        .unwrap(),
        1 => {
            let access = AzureAccess::Anonymous;
            Azure::new(AzureOptions { account: "acct".to_owned(), container: bucket, endpoint, access }, tls)
                .unwrap()
        }
        _ => Gcs::new(GcsOptions { bucket, endpoint, access: GcsAccess::Anonymous }, tls).unwrap(),
    }
}

#[tokio::test]
async fn after_a_failure_the_same_page_comes_and_no_end_in_its_place() {
    for (which, page) in PAGES.into_iter().enumerate() {
        let busy = || (503, String::new());
        let pages = [("a", Some("1")), ("b", Some("2")), ("c", None)];
        let answers = pages.into_iter().flat_map(|(key, next)| [busy(), busy(), (200, page(key, next))]);
        let store = open(which, server(answers.collect()));
        let mut listing = Arc::clone(&store).list("", None);
        for (key, _) in pages {
            for _ in 0..2 {
                let failure = listing.next_page().await.unwrap_err();
                assert!(failure.passes(), "{}: {failure}", store.name());
            }
            let page = listing.next_page().await.unwrap().expect("a page, not the end");
            assert_eq!(page.into_iter().map(|listed| listed.key).collect::<Vec<_>>(), [key]);
        }
        assert_eq!(listing.next_page().await.unwrap(), None, "{}", store.name());
    }
}

#[test]
fn two_places_of_one_name_have_two_identities() {
    for which in 0..3 {
        let at = |url: &str| open(which, url.to_owned()).identity();
        assert_ne!(at("http://127.0.0.1:1"), at("http://127.0.0.1:2"));
        assert_eq!(at("http://127.0.0.1:1"), at("http://127.0.0.1:1"));
    }
    let keyed = |id: &str, token: Option<&str>| {
        let credentials = Some(welkin_transfer::endpoint::Credentials {
            access_key_id: id.to_owned(),
            secret_access_key: "a secret that nobody may see".to_owned(),
            session_token: token.map(str::to_owned),
        });
        let options = S3Options {
            bucket: "pail".to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: None,
            credentials,
            addressing: Addressing::Auto,
            checksums: Checksums::Off,
        };
        S3::new(options, welkin_transfer::tls::client(None).unwrap()).unwrap().identity()
    };
    assert_ne!(keyed("one", None), keyed("other", None));
    // Temporary keys change each hour, and the place does not.
    assert_eq!(keyed("one", Some("t")), keyed("other", Some("u")));
    assert!(!keyed("one", None).contains("secret that"));
}
