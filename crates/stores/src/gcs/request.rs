//! From what is wanted to the bytes of a request.

use crate::gcs::{Gcs, GcsAccess};
use crate::http::{Body, Head, Response};
use crate::web::{AGENT, QUERY, Service, broken};
use percent_encoding::utf8_percent_encode;
use welkin_store::{Failure, FailureKind, Whereabouts};

/// How a bucket is reached.
#[derive(Debug, Clone)]
pub struct GcsOptions {
    /// Its name.
    pub bucket: String,
    /// URL of the service, such as an emulator's; Google's own when absent.
    pub endpoint: Option<String>,
    /// Who asks.
    pub access: GcsAccess,
    /// Whether tokens may go over plain HTTP to another machine.
    pub allow_http: bool,
}

/// What all requests have in common.
pub(super) struct Base {
    /// Its path is empty for Google's own.
    service: Service,
    host: String,
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
        let service = Service::parse(url(options)).map_err(|why| invalid(&why))?;
        Ok(Self { host: service.target.authority(), service, bucket: options.bucket.clone() })
    }

    /// See [`Service::keeps_secrets`].
    pub(super) fn keeps_secrets(&self, allow_http: bool) -> Result<(), String> {
        self.service.keeps_secrets(allow_http)
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

/// Where the service answers.
fn url(options: &GcsOptions) -> &str {
    options.endpoint.as_deref().unwrap_or("https://storage.googleapis.com")
}

/// Where its buckets are.
pub(super) fn service(options: &GcsOptions) -> Whereabouts {
    let url = url(options);
    Service::parse(url).map_or_else(|_| Whereabouts::at(url), |service| service.whereabouts())
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
            head.line("authorization", &format!("Bearer {token}"));
        }
        let sent = self.client.send(&self.base.service.target, &head, body).await;
        sent.map_err(|error| broken(operation, &error))
    }

    fn head(&self, request: &Request<'_>) -> Head {
        let Base { host, service: Service { path, .. }, bucket } = &self.base;
        let path = match request.about {
            About::Objects => format!("{path}/storage/v1/b/{bucket}/o"),
            About::Object(key) => {
                format!("{path}/storage/v1/b/{bucket}/o/{}", utf8_percent_encode(key, QUERY))
            }
            About::Uploads => format!("{path}/upload/storage/v1/b/{bucket}/o"),
        };
        let query: Vec<_> = request.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let (method, mark) = (request.method, if query.is_empty() { "" } else { "?" });
        let mut head = Head::new(method, &format!("{path}{mark}{}", query.join("&")));
        head.line("host", host);
        head.line("user-agent", AGENT);
        request.headers.iter().for_each(|(name, value)| head.line(name, value));
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
            allow_http: false,
        };
        Gcs::new(options, crate::tls::client(None).unwrap())
    }

    /// They went over plain HTTP without a word: to the store, and to whoever issues tokens.
    #[test]
    fn secrets_do_not_go_in_the_clear() {
        let refresh = |uri: &str| {
            let file = r#"{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r","token_uri":"URI"}"#;
            GcsAccess::File(file.replace("URI", uri))
        };
        let token = GcsAccess::Bearer("t".to_owned());
        for (endpoint, access, good) in [
            ("https://x.example", token.clone(), true),
            ("http://127.0.0.1:1", token.clone(), true),
            ("http://x.example", token.clone(), false),
            ("http://x.example", GcsAccess::Anonymous, true),
            ("https://x.example", refresh("https://x.example/t"), true),
            ("https://x.example", refresh("http://localhost:1/t"), true),
            ("https://x.example", refresh("http://x.example/t"), false),
            ("http://x.example", refresh("https://x.example/t"), false),
        ] {
            let open = |allow_http| {
                let (bucket, endpoint) = ("pail".to_owned(), Some(endpoint.to_owned()));
                let options = GcsOptions { bucket, endpoint, access: access.clone(), allow_http };
                Gcs::new(options, crate::tls::client(None).unwrap()).err().map(|failure| failure.message)
            };
            assert_eq!(open(false).is_none(), good, "{endpoint} {:?}", open(false));
            assert!(good || open(false).unwrap().contains("allow-http = true"));
            assert_eq!(open(true), None);
        }
    }

    #[test]
    fn where_requests_go() {
        let store = gcs("pail", None).unwrap();
        let line = |request: &Request<'_>| store.head(request).text().lines().next().unwrap().to_owned();
        assert_eq!(
            line(&Request::object("GET", "a/b c?é").query("alt", "media").only(Some("7"))),
            "GET /storage/v1/b/pail/o/a%2Fb%20c%3F%C3%A9?alt=media&ifGenerationMatch=7 HTTP/1.1"
        );
        assert_eq!(
            line(&Request::upload("POST", "multipart")),
            "POST /upload/storage/v1/b/pail/o?uploadType=multipart HTTP/1.1"
        );
        assert!(store.head(&Request::objects("GET")).text().contains("\r\nhost: storage.googleapis.com\r\n"));
        let emulator = gcs("pail", Some("http://127.0.0.1:9023/")).unwrap();
        assert!(emulator.head(&Request::objects("GET")).text().contains("\r\nhost: 127.0.0.1:9023\r\n"));
        assert!(gcs("a/b", None).is_err() && gcs("pail", Some("ftp://x")).is_err());
    }
}
