//! From what is wanted to the bytes of a request.

use crate::azure::sign::{AzureAccess, Signable, Signer};
use crate::azure::{Azure, NAME_CHARACTERS};
use crate::http::{Body, Head, Response, Target};
use crate::web::{AGENT, Moment, PATH, QUERY, Service, broken};
use percent_encoding::utf8_percent_encode;
use std::net::IpAddr;
use std::time::SystemTime;
use welkin_store::{Failure, FailureKind, Whereabouts};

/// Version of the protocol: old enough for every region and for Azure Stack's successors, new enough for
/// long blocks (2019-12-12) and for names that XML cannot write (2021-02-12).
const VERSION: &str = "2021-12-02";

/// How a container is reached.
#[derive(Debug, Clone)]
pub struct AzureOptions {
    /// The storage account.
    pub account: String,
    /// The container.
    pub container: String,
    /// URL of the account's blob service, such as Azurite's `http://127.0.0.1:10000/devstoreaccount1`;
    /// Azure's own when absent.
    pub endpoint: Option<String>,
    /// Who asks.
    pub access: AzureAccess,
    /// Whether signatures and tokens may go over plain HTTP to another machine.
    pub allow_http: bool,
}

/// What all requests have in common.
pub(super) struct Base {
    target: Target,
    host: String,
    /// Begins with a slash and ends with the container.
    path: String,
    /// Whether bodies are signed, by their MD5: where they go in the clear to another machine.
    pub(super) signs_bodies: bool,
}

impl Base {
    pub(super) fn new(options: &AzureOptions, signer: &Signer) -> Result<Self, Failure> {
        let AzureOptions { account, container, .. } = options;
        let invalid = |why: &str| {
            let operation = format!("use the endpoint of az://{account}/{container}");
            Failure::new(FailureKind::Invalid, operation, why)
        };
        if account.is_empty() || !account.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(invalid("an account's name has letters and digits"));
        }
        // `$root`, `$web` and `$logs` are containers of the service's own.
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '$';
        if container.is_empty() || !container.chars().all(plain) {
            return Err(invalid("a container's name has small letters, digits and `-`"));
        }
        let service = Service::parse(&url(options)).map_err(|why| invalid(&why))?;
        // Credentials of one account are not for the servers of another.
        if let Some(of) = account_of(&service).filter(|of| of != account) {
            return Err(invalid(&format!("it belongs to the account {of}, not to {account}")));
        }
        if signer.sends_secrets() {
            service.keeps_secrets(options.allow_http).map_err(|why| invalid(&why))?;
        }
        let signs_bodies = !service.target.tls && !service.is_loopback();
        let Service { target, path } = service;
        Ok(Self { host: target.authority(), target, path: format!("{path}/{container}"), signs_bodies })
    }
}

/// The account that the URL of a blob service names: in its host (`ACCOUNT.blob.SUFFIX`), or first in the path where
/// the host is an address or this machine, as Azurite has it. A name of somebody's own says nothing.
fn account_of(service: &Service) -> Option<String> {
    let host = &service.target.host;
    if let Some((account, _)) = host.split_once(".blob.").filter(|(account, _)| !account.contains('.')) {
        // Where an account is kept twice, the second copy is to be had here.
        return Some(account.strip_suffix("-secondary").unwrap_or(account).to_owned());
    }
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() || host == "localhost";
    let first = service.path.strip_prefix('/')?.split('/').next()?;
    (address && !first.is_empty()).then(|| first.to_owned())
}

/// The account that the URL of a blob service names, if it names one.
#[must_use]
pub fn account_of_url(url: &str) -> Option<String> {
    account_of(&Service::parse(url).ok()?)
}

/// Where the account answers.
fn url(options: &AzureOptions) -> String {
    let own = || format!("https://{}.blob.core.windows.net", options.account);
    options.endpoint.clone().unwrap_or_else(own)
}

/// Where its containers are.
pub(super) fn service(options: &AzureOptions) -> Whereabouts {
    let url = url(options);
    Service::parse(&url).map_or_else(|_| Whereabouts::at(url), |service| service.whereabouts())
}

/// A request before it is signed.
pub(super) struct Request<'a> {
    method: &'static str,
    key: &'a str,
    version: &'static str,
    query: Vec<(&'static str, String)>,
    headers: Vec<(String, String)>,
}

impl<'a> Request<'a> {
    pub(super) fn new(method: &'static str, key: &'a str) -> Self {
        Self { method, key, version: VERSION, query: Vec::new(), headers: Vec::new() }
    }

    /// Speaks another version of the protocol.
    pub(super) fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
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

impl Azure {
    /// Signs and sends a request, and reads the head of the response.
    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        body: Body<'_>,
        operation: &str,
    ) -> Result<Response, Failure> {
        self.check_key(request.key, operation)?;
        // What is not ASCII is not signed as it is read, and would look like a wrong key.
        let plain = |value: &str| value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if let Some((name, _)) = request.headers.iter().find(|(_, value)| !plain(value)) {
            let message = format!("its {name} has characters that Azure does not take");
            return Err(Failure::new(FailureKind::Unsupported, operation, message));
        }
        let head = self.head(request, body.len(), SystemTime::now());
        let sent = self.client.send(&self.base.target, &head, body).await;
        sent.map_err(|error| broken(operation, &error))
    }

    /// Refuses names that Azure cannot hold. It takes `\` for `/` and drops dots at the end of a part, so that
    /// two objects would become one; and `..` would be about another container.
    pub(super) fn check_key(&self, key: &str, operation: &str) -> Result<(), Failure> {
        if key.contains('\\') || key.split('/').any(|part| part.ends_with('.')) {
            let message = "its name has a `\\`, or a part that ends with a dot, which Azure changes";
            return Err(Failure::new(FailureKind::Unsupported, operation, message));
        }
        let characters = key.chars().count();
        if characters > NAME_CHARACTERS {
            let message = format!("its name has {characters} characters, and {NAME_CHARACTERS} are allowed");
            return Err(Failure::new(FailureKind::TooLarge, operation, message));
        }
        Ok(())
    }

    fn head(&self, request: &Request<'_>, length: usize, now: SystemTime) -> Head {
        let path = match request.key {
            "" => self.base.path.clone(),
            key => format!("{}/{}", self.base.path, utf8_percent_encode(key, PATH)),
        };
        let mut headers = request.headers.clone();
        headers.push(("x-ms-date".to_owned(), Moment::of(now).http()));
        headers.push(("x-ms-version".to_owned(), request.version.to_owned()));
        let (method, query) = (request.method, &request.query);
        let signable = Signable { method, path: &path, query, headers: &headers, length };
        let authorization = self.signer.authorization(&signable);
        let mut pieces: Vec<_> = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, QUERY)))
            .collect();
        pieces.extend(self.signer.query().map(str::to_owned));
        let (mark, query) = (if pieces.is_empty() { "" } else { "?" }, pieces.join("&"));
        let mut head = Head::new(method, &format!("{path}{mark}{query}"));
        head.line("host", &self.base.host);
        head.line("user-agent", AGENT);
        headers.iter().for_each(|(name, value)| head.line(name, value));
        if let Some(authorization) = &authorization {
            head.line("authorization", authorization);
        }
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    fn azure(endpoint: Option<&str>, container: &str, access: AzureAccess) -> Result<Azure, String> {
        let options = AzureOptions {
            account: "acct".to_owned(),
            container: container.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            access,
            allow_http: false,
        };
        let azure = Azure::new(options, crate::tls::client(None).unwrap());
        azure.map(|azure| std::sync::Arc::into_inner(azure).unwrap()).map_err(|failure| failure.message)
    }

    #[test]
    fn where_requests_go() {
        for (endpoint, container, host, path) in [
            (None, "c", "acct.blob.core.windows.net", "/c"),
            (None, "$web", "acct.blob.core.windows.net", "/$web"),
            (Some("http://127.0.0.1:10000/acct/"), "c-1", "127.0.0.1:10000", "/acct/c-1"),
        ] {
            let azure = azure(endpoint, container, AzureAccess::Anonymous).unwrap();
            assert_eq!((azure.base.host.as_str(), azure.base.path.as_str()), (host, path));
        }
        assert!(azure(None, "../c", AzureAccess::Anonymous).is_err());
        for (endpoint, account) in [
            ("https://other.blob.core.windows.net", Some("other")),
            ("http://127.0.0.1:10000/other", Some("other")),
            ("http://[::1]:10000/other/", Some("other")),
            ("http://localhost:10000/other", Some("other")),
            ("http://other.blob.localhost:10000", Some("other")),
            ("https://acct.blob.core.windows.net", None),
            ("https://acct-secondary.blob.core.windows.net", None),
            ("https://blobs.example/other", None),
            ("http://127.0.0.1:10000", None),
        ] {
            let why = azure(Some(endpoint), "c", AzureAccess::Anonymous).err();
            let expected = account.map(|of| format!("it belongs to the account {of}, not to acct"));
            assert_eq!(why, expected, "{endpoint}");
        }
        assert!(azure(Some("ftp://x"), "c", AzureAccess::Anonymous).is_err());
    }

    #[test]
    fn a_signature_in_the_query_comes_last() {
        let azure = azure(None, "c", AzureAccess::Sas("?sv=1&sig=a%2Bb".to_owned())).unwrap();
        let request = Request::new("GET", "a b/é").query("comp", "block list");
        assert_eq!(
            azure.head(&request, 0, UNIX_EPOCH).text(),
            format!(
                "GET /c/a%20b/%C3%A9?comp=block%20list&sv=1&sig=a%2Bb HTTP/1.1\r\n\
                 host: acct.blob.core.windows.net\r\nuser-agent: {AGENT}\r\n\
                 x-ms-date: Thu, 01 Jan 1970 00:00:00 GMT\r\nx-ms-version: {VERSION}\r\n"
            )
        );
    }

    /// They went over plain HTTP without a word.
    #[test]
    fn secrets_do_not_go_in_the_clear() {
        let secret = || "sig=1".to_owned();
        for access in [AzureAccess::Sas(secret()), AzureAccess::Bearer(secret())] {
            let why = azure(Some("http://blobs.example"), "c", access.clone()).err().unwrap();
            assert!(why.contains("allow-http = true") && !why.contains("sig"), "{why}");
            assert!(azure(Some("http://127.0.0.1:10000"), "c", access.clone()).is_ok());
            assert!(azure(Some("https://blobs.example"), "c", access).is_ok());
        }
        // A key is not sent, and what it signs says what the body is.
        let azure =
            azure(Some("http://blobs.example"), "c", AzureAccess::SharedKey("a2V5".to_owned())).unwrap();
        assert!(azure.base.signs_bodies);
    }

    #[test]
    fn names_that_azure_cannot_hold() {
        let azure = azure(None, "c", AzureAccess::Anonymous).unwrap();
        for (key, kind) in [
            ("a/../b", Some(FailureKind::Unsupported)),
            ("./b", Some(FailureKind::Unsupported)),
            ("a./b", Some(FailureKind::Unsupported)),
            ("a\\b", Some(FailureKind::Unsupported)),
            ("a..b/.c/", None),
            (&"é".repeat(1024), None),
            (&"é".repeat(1025), Some(FailureKind::TooLarge)),
        ] {
            assert_eq!(azure.check_key(key, "").err().map(|failure| failure.kind), kind, "{key}");
        }
    }
}
