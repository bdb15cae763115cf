//! URLs of services, and how what stands in them is encoded.

use crate::http::Target;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use std::net::IpAddr;
use welkin_store::Whereabouts;

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) target: Target,
    /// Begins and does not end with a slash; empty for none.
    pub(crate) path: String,
}

impl Service {
    /// Reads `SCHEME://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("its URL has no http:// or https://")?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("its URL has another scheme than http or https".to_owned()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| "the port of its URL is not a number below 65536")?)
            }
            _ => (authority, if tls { 443 } else { 80 }),
        };
        let may = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':');
        let graphic = path.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || !host.chars().all(may) || path.contains(['?', '#']) || !graphic {
            return Err("its URL is not SCHEME://HOST[:PORT][/PATH]".to_owned());
        }
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Self { target: Target { host: host.to_owned(), port, tls }, path })
    }
}

impl Service {
    /// Fails with a sentence where secrets would go to it in the clear: over plain HTTP to another machine.
    pub(crate) fn keeps_secrets(&self, allow_http: bool) -> Result<(), String> {
        if allow_http || self.target.tls || self.is_loopback() {
            return Ok(());
        }
        let host = &self.target.host;
        Err(format!(
            "its URL is http://{host}, where everybody on the way could read the credentials: use https://, or \
             set allow-http = true for this store in config.toml"
        ))
    }

    /// Where it is, in one spelling: without what differs between two ways to the same service.
    pub(crate) fn whereabouts(&self) -> Whereabouts {
        let host = self.target.host.to_ascii_lowercase();
        let host = if self.is_loopback() { "localhost" } else { host.trim_end_matches('.') };
        Whereabouts::at(format!("{host}:{}{}", self.target.port, self.path))
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.target.host.trim_matches(['[', ']']);
        let named = host == "localhost" || host.ends_with(".localhost");
        named || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    }
}

/// Who asks.
pub(crate) const AGENT: &str = concat!("welkin/", env!("CARGO_PKG_VERSION"));

/// All but RFC 3986's unreserved characters.
pub(crate) const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The same without the slash between the parts of a key.
pub(crate) const PATH: &AsciiSet = &QUERY.remove(b'/');

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_over_tls_or_stay_on_this_machine() {
        for (url, keeps) in [
            ("https://x.example", true),
            ("http://127.0.0.1:1", true),
            ("http://127.9.9.9", true),
            ("http://[::1]:1/a", true),
            ("http://localhost:1", true),
            ("http://acct.blob.localhost", true),
            ("http://x.example", false),
            ("http://10.0.0.1", false),
            ("http://0.0.0.0", false),
            ("http://localhost.example", false),
            ("http://127.0.0.1.example", false),
        ] {
            let service = Service::parse(url).unwrap();
            assert_eq!(service.keeps_secrets(false).is_ok(), keeps, "{url}");
            assert!(service.keeps_secrets(true).is_ok());
        }
    }

    #[test]
    fn one_service_has_one_place_however_its_url_is_spelled() {
        let at = |url: &str| Service::parse(url).unwrap().whereabouts();
        for (one, other, same) in [
            ("https://x.example", "https://X.example.:443/", true),
            ("http://localhost:9000", "http://127.0.0.1:9000", true),
            ("http://localhost:9000", "http://localhost:9001", false),
            ("https://x.example/a", "https://x.example", false),
            ("https://x.example", "https://y.example", false),
        ] {
            assert_eq!(at(one) == at(other), same, "{one} and {other}");
        }
    }

    #[test]
    fn urls_have_no_characters_that_end_lines() {
        for url in [
            "http://x\r\ny",
            "http://x/a\nb",
            "http://x/\t",
            "http://x y",
            "http://ex\u{e4}mple",
            "http://x\0",
        ] {
            assert!(Service::parse(url).is_err(), "{url:?}");
        }
    }
}
