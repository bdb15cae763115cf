//! URLs of services, and how what stands in them is encoded.

use crate::http::Target;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

/// Where a service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::endpoint) struct Service {
    pub(in crate::endpoint) target: Target,
    /// Begins and does not end with a slash; empty for none.
    pub(in crate::endpoint) path: String,
}

impl Service {
    /// Reads `SCHEME://HOST[:PORT][/PATH]`.
    ///
    /// # Errors
    /// A sentence.
    pub(in crate::endpoint) fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) = url.split_once("://").ok_or("its URL has no http:// or https://")?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err("its URL has another scheme than http or https".to_owned()),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| "the port of its URL is no number below 65536")?)
            }
            _ => (authority, if tls { 443 } else { 80 }),
        };
        if host.is_empty() || host.contains(['@', '?', '#', ' ']) || path.contains(['?', '#', ' ']) {
            return Err("its URL is not SCHEME://HOST[:PORT][/PATH]".to_owned());
        }
        let path = path.trim_end_matches('/');
        let path = if path.is_empty() { String::new() } else { format!("/{path}") };
        Ok(Self { target: Target { host: host.to_owned(), port, tls }, path })
    }
}

/// Who asks.
pub(in crate::endpoint) const AGENT: &str = concat!("welkin/", env!("CARGO_PKG_VERSION"));

/// All but RFC 3986's unreserved characters.
pub(in crate::endpoint) const QUERY: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The same without the slash between the parts of a key.
pub(in crate::endpoint) const PATH: &AsciiSet = &QUERY.remove(b'/');
