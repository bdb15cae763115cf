//! From what is wanted to the bytes of a request.

use crate::endpoint::gcs::{Gcs, GcsAccess};
use crate::endpoint::web::{AGENT, QUERY, Service, broken};
use crate::endpoint::{Failure, FailureKind};
use crate::http::{Body, Response, Target};
use percent_encoding::utf8_percent_encode;
use std::fmt::Write as _;

/// How a bucket is reached.
#[derive(Debug, Clone)]
pub struct GcsOptions {
    /// Its name.
    pub bucket: String,
    /// URL of the service, such as an emulator's; Google's own when absent.
    pub endpoint: Option<String>,
    /// Who asks.
    pub access: GcsAccess,
}

/// What all requests have in common.
pub(super) struct Base {
    target: Target,
    host: String,
    /// Path of the service; empty for Google's own.
    path: String,
    bucket: String,
}

impl Base {
    pub(super) fn new(options: &GcsOptions) -> Result<Self, Failure> {
        let invalid = |why: &str| {
            let operation = format!("use the endpoint of gs://{}", options.bucket);
            Failure::new(FailureKind::Invalid, operation, why)
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if options.bucket.is_empty() || !options.bucket.chars().all(plain) {
            return Err(invalid("a bucket's name has letters, digits, `.`, `-` and `_`"));
        }
        let url = options.endpoint.as_deref().unwrap_or("https://storage.googleapis.com");
        let Service { target, path } = Service::parse(url).map_err(|why| invalid(&why))?;
        Ok(Self { host: target.authority(), target, path, bucket: options.bucket.clone() })
    }
}

/// What a request is about.
#[derive(Debug, Clone, Copy)]
enum About<'a> {
    /// The objects of the bucket.
    Objects,
    /// One of them.
    Object(&'a str),
    /// Uploads to the bucket.
    Uploads,
}

/// A request without who asks.
pub(super) struct Request<'a> {
    method: &'static str,
    about: About<'a>,
    /// Names with their values, encoded.
    query: Vec<(&'static str, String)>,
    headers: Vec<(&'static str, String)>,
}

impl<'a> Request<'a> {
    pub(super) fn objects(method: &'static str) -> Self {
        Self { method, about: About::Objects, query: Vec::new(), headers: Vec::new() }
    }

    pub(super) fn object(method: &'static str, key: &'a str) -> Self {
        Self { about: About::Object(key), ..Self::objects(method) }
    }

    pub(super) fn upload(method: &'static str, kind: &str) -> Self {
        Self { about: About::Uploads, ..Self::objects(method) }.query("uploadType", kind)
    }

    pub(super) fn query(self, name: &'static str, value: &str) -> Self {
        self.encoded(name, utf8_percent_encode(value, QUERY).to_string())
    }

    /// A value that is encoded already.
    pub(super) fn encoded(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Only of this generation, if one is given.
    pub(super) fn only(self, generation: Option<&str>) -> Self {
        match generation {
            Some(generation) => self.query("ifGenerationMatch", generation),
            None => self,
        }
    }
}

impl Gcs {
    /// Sends a request, and reads the head of the response.
    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        body: Body<'_>,
        operation: &str,
    ) -> Result<Response, Failure> {
        // Folded away by whatever reads the path, even encoded: it would be about something else.
        if matches!(request.about, About::Object("" | "." | "..")) {
            let message = "the store has no objects of that name";
            return Err(Failure::new(FailureKind::Unsupported, operation, message));
        }
        let token = self.tokens.token(operation).await?;
        let mut head = self.head(request);
        if let Some(token) = token {
            let _ = write!(head, "authorization: Bearer {token}\r\n");
        }
        let sent = self.client.send(&self.base.target, head.as_bytes(), body).await;
        sent.map_err(|error| broken(operation, &error))
    }

    fn head(&self, request: &Request<'_>) -> String {
        let Base { host, path, bucket, .. } = &self.base;
        let path = match request.about {
            About::Objects => format!("{path}/storage/v1/b/{bucket}/o"),
            About::Object(key) => {
                format!("{path}/storage/v1/b/{bucket}/o/{}", utf8_percent_encode(key, QUERY))
            }
            About::Uploads => format!("{path}/upload/storage/v1/b/{bucket}/o"),
        };
        let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (method, mark) = (request.method, if query.is_empty() { "" } else { "?" });
        let mut head = format!(
            "{method} {path}{mark}{} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {AGENT}\r\n",
            query.join("&")
        );
        for (name, value) in &request.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gcs(bucket: &str, endpoint: Option<&str>) -> Result<std::sync::Arc<Gcs>, Failure> {
        let options = GcsOptions {
            bucket: bucket.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            access: GcsAccess::Anonymous,
        };
        Gcs::new(options, crate::tls::client(None).unwrap())
    }

    #[test]
    fn where_requests_go() {
        let store = gcs("pail", None).unwrap();
        let line = |request: &Request<'_>| store.head(request).lines().next().unwrap().to_owned();
        assert_eq!(
            line(&Request::object("GET", "a/b c?é").query("alt", "media").only(Some("7"))),
            "GET /storage/v1/b/pail/o/a%2Fb%20c%3F%C3%A9?alt=media&ifGenerationMatch=7 HTTP/1.1"
        );
        assert_eq!(
            line(&Request::upload("POST", "multipart")),
            "POST /upload/storage/v1/b/pail/o?uploadType=multipart HTTP/1.1"
        );
        assert!(store.head(&Request::objects("GET")).contains("\r\nhost: storage.googleapis.com\r\n"));
        let emulator = gcs("pail", Some("http://127.0.0.1:9023/")).unwrap();
        assert!(emulator.head(&Request::objects("GET")).contains("\r\nhost: 127.0.0.1:9023\r\n"));
        assert!(gcs("a/b", None).is_err() && gcs("pail", Some("ftp://x")).is_err());
    }
}
