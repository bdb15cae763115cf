//! Access tokens, against an issuer that counts what it gives out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use welkin_store::{Endpoint, FailureKind};
use welkin_stores::{Gcs, GcsAccess, GcsOptions};

/// Issues `token-1`, `token-2`, … and answers requests for objects with 404 when they carry one.
async fn serve(mut stream: TcpStream, issued: Arc<AtomicUsize>, lifetime_s: u64, refuse: bool) {
    let mut request = Vec::new();
    loop {
        while !complete(&request) {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let (status, body) = if !text.starts_with("POST /token ") {
            let known = text.contains("authorization: Bearer token-");
            (if known { 404 } else { 401 }, String::from("{}"))
        } else if refuse {
            (400, String::from("{\"error\":\"invalid_grant\",\"error_description\":\"it was revoked\"}"))
        } else {
            assert!(
                text.contains("grant_type=refresh_token") && text.contains("refresh_token=r%2F1"),
                "{text}"
            );
            let number = issued.fetch_add(1, Ordering::Relaxed) + 1;
            (200, format!("{{\"access_token\":\"token-{number}\",\"expires_in\":{lifetime_s}}}"))
        };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        request.clear();
    }
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

/// A bucket behind such a server, and how many tokens it issued.
async fn bucket(lifetime_s: u64, refuse: bool) -> (Arc<Gcs>, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let issued = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&issued);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&counting), lifetime_s, refuse));
        }
    });
    let file = format!(
        r#"{{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r/1","token_uri":"{url}/token"}}"#
    );
    let access = GcsAccess::File(file);
    let options = GcsOptions { bucket: "pail".to_owned(), endpoint: Some(url), access, allow_http: false };
    (Gcs::new(options, welkin_stores::tls::client(None).unwrap()).unwrap(), issued)
}

#[tokio::test]
async fn a_token_is_had_once_for_all() {
    let (store, issued) = bucket(3600, false).await;
    let looks = (0..8).map(|number| {
        let store = Arc::clone(&store);
        async move { store.find(&number.to_string()).await }
    });
    for found in futures::future::join_all(looks).await {
        assert_eq!(found.unwrap(), None);
    }
    assert_eq!(issued.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_token_is_had_again_when_it_is_over() {
    let (store, issued) = bucket(0, false).await;
    for expected in 1..4 {
        assert_eq!(store.find("key").await.unwrap(), None);
        assert_eq!(issued.load(Ordering::Relaxed), expected);
    }
}

#[tokio::test]
async fn a_grant_that_is_refused_ends_everything() {
    let (store, _) = bucket(3600, true).await;
    let failure = store.find("key").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Credentials);
    assert_eq!(
        failure.to_string(),
        "cannot get an access token to HEAD gs://pail/key: 400 invalid_grant: it was revoked"
    );
}
