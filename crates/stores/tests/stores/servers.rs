//! The servers, one of each for all tests of this program, and a fresh container or bucket of them.

use base64_simd::STANDARD;
use ring::hmac;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, LazyLock};
use welkin_store::Endpoint;
use welkin_store::conformance::Open;
use welkin_stores::{
    Addressing, Azure, AzureAccess, AzureOptions, Checksums, Credentials, Gcs, GcsAccess, GcsOptions,
    S3Options,
};
use welkin_testkit::DidNotRun;
use welkin_testkit::stand_ins::{StandIn, azurite, gcs, moto};

static AZURITE: LazyLock<Result<StandIn, DidNotRun>> = LazyLock::new(azurite);
static MOTO: LazyLock<Result<StandIn, DidNotRun>> = LazyLock::new(moto);
static EMULATOR: LazyLock<Result<StandIn, DidNotRun>> = LazyLock::new(gcs);

fn or_skip(test: &str, server: &'static Result<StandIn, DidNotRun>) -> Option<&'static StandIn> {
    server.as_ref().inspect_err(|reason| println!("{test} {reason}")).ok()
}

pub(crate) fn azure_options(server: &StandIn, container: &str) -> AzureOptions {
    let (account, key) = server.credentials().unwrap();
    AzureOptions {
        account: account.to_owned(),
        container: container.to_owned(),
        endpoint: Some(format!("{}/{account}", server.url())),
        access: AzureAccess::SharedKey(key.to_owned()),
        allow_http: false,
    }
}

/// A new container of Azurite.
pub(crate) fn container(test: &str, name: &'static str) -> Option<(&'static StandIn, Open)> {
    let server = or_skip(test, &AZURITE)?;
    create_container(server, name);
    let open = move || -> Arc<dyn Endpoint> {
        Azure::new(azure_options(server, name), welkin_stores::tls::client(None).unwrap()).unwrap()
    };
    Some((server, Box::new(open)))
}

/// A new bucket of the emulator.
pub(crate) fn bucket(test: &str, name: &'static str) -> Option<(&'static StandIn, Open)> {
    let server = or_skip(test, &EMULATOR)?;
    let body = format!("{{\"name\":\"{name}\"}}");
    let head = format!(
        "POST /storage/v1/b?project=p HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n",
        body.len()
    );
    assert_eq!(status(server.address(), &head, &body), 200);
    let open = move || -> Arc<dyn Endpoint> {
        let options = GcsOptions {
            bucket: name.to_owned(),
            endpoint: Some(server.url()),
            access: GcsAccess::Anonymous,
            allow_http: false,
        };
        Gcs::new(options, welkin_stores::tls::client(None).unwrap()).unwrap()
    };
    Some((server, Box::new(open)))
}

/// A server that keeps the MD5 of an object, with a new bucket.
pub(crate) fn only_md5(test: &str, bucket: &str) -> Option<&'static StandIn> {
    let server = or_skip(test, &MOTO)?;
    assert_eq!(
        status(server.address(), &format!("PUT /{bucket} HTTP/1.1\r\ncontent-length: 0\r\n"), ""),
        200
    );
    Some(server)
}

pub(crate) fn s3_options(server: &StandIn, url: &str, bucket: &str) -> S3Options {
    let (access_key_id, secret_access_key) = server.credentials().unwrap();
    S3Options {
        bucket: bucket.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(url.to_owned()),
        credentials: Some(Credentials {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: secret_access_key.to_owned(),
            session_token: None,
        }),
        addressing: Addressing::Auto,
        checksums: Checksums::Crc64Nvme,
    }
}

/// Signed here by hand: endpoints make no containers.
fn create_container(server: &StandIn, name: &str) {
    let (account, key) = server.credentials().unwrap();
    let date = "x-ms-date:Thu, 26 Nov 2026 00:00:00 GMT\nx-ms-version:2021-12-02";
    let text = format!("PUT\n\n\n\n\n\n\n\n\n\n\n\n{date}\n/{account}/{account}/{name}\nrestype:container");
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode_to_vec(key).unwrap());
    let signature = STANDARD.encode_to_string(hmac::sign(&key, text.as_bytes()));
    let head = format!(
        "PUT /{account}/{name}?restype=container HTTP/1.1\r\ncontent-length: 0\r\n{}\r\nauthorization: SharedKey {account}:{signature}\r\n",
        date.replacen(':', ": ", 1).replace("\nx-ms-version:", "\r\nx-ms-version: ")
    );
    assert_eq!(status(server.address(), &head, ""), 201);
}

/// One request on a connection of its own.
fn status(address: SocketAddr, head: &str, body: &str) -> u16 {
    let mut stream = TcpStream::connect(address).unwrap();
    let text = format!("{head}host: {address}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap()
}
