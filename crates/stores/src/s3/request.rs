//! From what is wanted to the bytes of a request.

use crate::http::{Body, Head, Response, Target};
use crate::s3::S3;
use crate::s3::sign::{Credentials, Signable, sha256};
use crate::web::{AGENT, PATH, QUERY, Service, broken};
use percent_encoding::utf8_percent_encode;
use std::fmt::Write as _;
use std::time::SystemTime;
use welkin_store::{Failure, FailureKind, Whereabouts};

/// Whether the bucket stands in the host name or in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// In the host name at AWS, in the path elsewhere.
    #[default]
    Auto,
    /// `https://host/bucket/key`.
    Path,
    /// `https://bucket.host/key`.
    Virtual,
}

/// Whether checksums go with objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksums {
    /// CRC-64/NVME with each body, and what the store keeps is compared.
    #[default]
    Crc64Nvme,
    /// None, for stores that refuse them.
    Off,
}

/// How a bucket is reached.
#[derive(Debug, Clone)]
pub struct S3Options {
    /// Its name.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// URL of the service; AWS's for the region when absent.
    pub endpoint: Option<String>,
    /// Who asks; anonymous when absent.
    pub credentials: Option<Credentials>,
    /// Where the bucket's name stands.
    pub addressing: Addressing,
    /// Whether checksums go with objects.
    pub checksums: Checksums,
}

/// What all requests have in common.
pub(super) struct Base {
    target: Target,
    host: String,
    /// Begins and does not end with a slash; empty for none.
    path: String,
    /// Whether bodies are signed: where they go in the clear to another machine.
    signs_bodies: bool,
}

impl Base {
    pub(super) fn new(options: &S3Options) -> Result<Self, Failure> {
        let invalid = |why: &str| {
            let operation = format!("use the endpoint of s3://{}", options.bucket);
            Failure::new(FailureKind::Invalid, operation, why)
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if options.bucket.is_empty() || !options.bucket.chars().all(plain) {
            return Err(invalid("a bucket's name has letters, digits, `.`, `-` and `_`"));
        }
        // It is part of a host's name, and of what is signed.
        if !options.region.chars().all(plain) {
            return Err(invalid("a region's name has letters, digits, `.`, `-` and `_`"));
        }
        let service = Service::parse(&url(options)).map_err(|why| invalid(&why))?;
        let signs_bodies = !service.target.tls && !service.is_loopback();
        let Service { mut target, mut path } = service;
        // A bucket with a dot breaks the certificate of its host name.
        let virtual_host = match options.addressing {
            Addressing::Auto => options.endpoint.is_none() && !options.bucket.contains('.'),
            Addressing::Path => false,
            Addressing::Virtual => true,
        };
        if virtual_host {
            target.host = format!("{}.{}", options.bucket, target.host);
        } else {
            let _ = write!(path, "/{}", options.bucket);
        }
        Ok(Self { host: target.authority(), target, path, signs_bodies })
    }
}

/// Where the service answers.
fn url(options: &S3Options) -> String {
    // The regions in China have servers of their own (*Amazon S3 endpoints in China*).
    let domain = if options.region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    let aws = || format!("https://s3.{}.{domain}", options.region);
    options.endpoint.clone().unwrap_or_else(aws)
}

/// Where its buckets are. At AWS a name is one bucket, whichever region's server is asked for it.
pub(super) fn service(options: &S3Options) -> Whereabouts {
    let url = url(options);
    let Ok(service) = Service::parse(&url) else { return Whereabouts::at(url) };
    let host = service.target.host.to_ascii_lowercase();
    let aws = ["amazonaws.com", "amazonaws.com.cn"].into_iter().find(|domain| {
        host.strip_suffix(domain).is_some_and(|server| server.starts_with("s3") && server.ends_with('.'))
    });
    aws.map_or_else(|| service.whereabouts(), Whereabouts::at)
}

/// A request before it is signed.
pub(super) struct Request<'a> {
    method: &'static str,
    key: &'a str,
    query: Vec<(&'static str, String)>,
    headers: Vec<(String, String)>,
}

impl<'a> Request<'a> {
    pub(super) fn new(method: &'static str, key: &'a str) -> Self {
        Self { method, key, query: Vec::new(), headers: Vec::new() }
    }

    pub(super) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

impl S3 {
    /// Signs and sends a request, and reads the head of the response.
    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        body: Body<'_>,
        operation: &str,
    ) -> Result<Response, Failure> {
        let head = self.head(request, body);
        let sent = self.client.send(&self.base.target, &head, body).await;
        sent.map_err(|error| broken(operation, &error))
    }

    fn head(&self, request: &Request<'_>, body: Body<'_>) -> Head {
        let path = match request.key {
            "" if self.base.path.is_empty() => "/".to_owned(),
            "" => self.base.path.clone(),
            key => format!("{}/{}", self.base.path, utf8_percent_encode(key, PATH)),
        };
        let mut query: Vec<_> = request.query.iter().collect();
        query.sort_unstable();
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY)))
            .collect();
        let query = query.join("&");
        let hashed;
        let payload = match body {
            Body::Block(block) if self.base.signs_bodies => {
                hashed = sha256(block.bytes());
                &hashed
            }
            Body::Block(_) | Body::Framed { .. } => "UNSIGNED-PAYLOAD",
            Body::Empty => EMPTY_SHA256,
            Body::Text(bytes) => {
                hashed = sha256(bytes);
                &hashed
            }
        };
        let (method, host) = (request.method, self.base.host.as_str());
        let signable =
            Signable { method, host, path: &path, query: &query, headers: &request.headers, payload };
        let signed = self.signer.headers(&signable, SystemTime::now());
        let mark = if query.is_empty() { "" } else { "?" };
        let mut head = Head::new(method, &format!("{path}{mark}{query}"));
        head.line("host", host);
        head.line("user-agent", AGENT);
        request.headers.iter().for_each(|(name, value)| head.line(name, value));
        signed.iter().for_each(|(name, value)| head.line(name, value));
        head
    }
}

/// SHA-256 of nothing.
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[cfg(test)]
mod tests {
    use super::*;

    fn base(
        endpoint: Option<&str>,
        bucket: &str,
        addressing: Addressing,
    ) -> Result<(String, String), String> {
        in_region("eu-west-1", endpoint, bucket, addressing)
    }

    fn in_region(
        region: &str,
        endpoint: Option<&str>,
        bucket: &str,
        addressing: Addressing,
    ) -> Result<(String, String), String> {
        let options = S3Options {
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            credentials: None,
            addressing,
            checksums: Checksums::Off,
        };
        Base::new(&options).map(|base| (base.host, base.path)).map_err(|failure| failure.message)
    }

    #[test]
    fn where_requests_go() {
        use Addressing::{Auto, Path, Virtual};
        for (endpoint, bucket, addressing, host, path) in [
            (None, "b", Auto, "b.s3.eu-west-1.amazonaws.com", ""),
            (None, "a.b", Auto, "s3.eu-west-1.amazonaws.com", "/a.b"),
            (None, "b", Path, "s3.eu-west-1.amazonaws.com", "/b"),
            (Some("http://127.0.0.1:9000"), "b", Auto, "127.0.0.1:9000", "/b"),
            (Some("http://[::1]:80/"), "b", Auto, "[::1]", "/b"),
            (Some("https://x.example/s3/"), "b", Auto, "x.example", "/s3/b"),
            (Some("https://x.example:444"), "b", Virtual, "b.x.example:444", ""),
        ] {
            assert_eq!(base(endpoint, bucket, addressing), Ok((host.to_owned(), path.to_owned())));
        }
        for endpoint in ["127.0.0.1", "ftp://x", "http://", "http://x:99999", "http://u@x", "http://x/?a"] {
            assert!(base(Some(endpoint), "b", Auto).is_err(), "{endpoint}");
        }
        assert!(base(None, "b/../c", Auto).is_err());
        let china = in_region("cn-north-1", None, "b", Auto).unwrap();
        assert_eq!(china.0, "b.s3.cn-north-1.amazonaws.com.cn");
        for region in ["x.example/", "eu-west-1@x.example", "eu\r\nx: y", "eu west"] {
            assert!(in_region(region, None, "b", Auto).is_err(), "{region}");
        }
    }
}
