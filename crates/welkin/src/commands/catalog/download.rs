//! One bounded download.
//!
//! Prices decide where money is spent, so they come from whom they seem to come from: over `https://`, from this machine
//! itself, or with a hash that the caller holds them against. That goes for wherever a server redirects to as well.

use crate::report::{Code, Fault};
use std::net::IpAddr;
use std::time::Duration;

/// Most bytes that are taken: all five large clouds are 1 MB compressed and 12 MB as text.
const MAX_BYTES: u64 = 256 << 20;

/// Longest time for all of it: 256 MB at 10 Mbit/s would be 205 s.
const WITHIN: Duration = Duration::from_secs(240);

/// Most servers that one after the other say where to go.
const MAX_REDIRECTS: u32 = 10;

/// Longest time to reach the server.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// The file behind a URL and its name. `is_known` says that its content will be held against a hash.
pub(super) fn fetch(url: &str, is_known: bool) -> anyhow::Result<(String, Vec<u8>)> {
    let way = if is_known { Way::Any } else { Way::safe(url).ok_or_else(|| in_the_clear(url))? };
    let config = ureq::Agent::config_builder()
        .https_only(way == Way::Encrypted)
        .max_redirects(if way == Way::Here { 0 } else { MAX_REDIRECTS })
        .timeout_global(Some(WITHIN))
        .timeout_connect(Some(CONNECT_WITHIN))
        .user_agent(concat!("welkin/", env!("CARGO_PKG_VERSION")))
        .build();
    let failed = |error: ureq::Error| {
        let fault = Fault::new(Code::Network, format!("cannot download {url}"));
        anyhow::Error::new(error).context(fault)
    };
    let mut response = ureq::Agent::new_with_config(config).get(url).call().map_err(failed)?;
    let bytes = response.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(failed)?;
    Ok((name(url), bytes))
}

/// Which servers may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Those that prove who they are, also where one redirects to another.
    Encrypted,
    /// This machine alone.
    Here,
    /// Any: what they say is checked.
    Any,
}

impl Way {
    /// The way to a URL on which nobody can exchange what it is; none where there is no such.
    fn safe(url: &str) -> Option<Self> {
        if url.starts_with("https://") {
            return Some(Self::Encrypted);
        }
        let uri: ureq::http::Uri = url.parse().ok()?;
        let host = uri.host()?.trim_matches(['[', ']']);
        let is_here = host == "localhost" || host.parse().is_ok_and(|host: IpAddr| host.is_loopback());
        is_here.then_some(Self::Here)
    }
}

fn in_the_clear(url: &str) -> Fault {
    let message = format!("{url} is not encrypted: anybody on the way could change the prices");
    let hint = "use https://, or give the hash of what is right: --blake3 HASH, as `b3sum` writes it";
    Fault::new(Code::Import, message).hint(hint)
}

/// The last part of a URL's path, with the one before it: it may be the provider's.
fn name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let mut parts: Vec<&str> = path.split('/').skip(1).filter(|part| !part.is_empty()).collect();
    let last = parts.split_off(parts.len().saturating_sub(2));
    last.join("/")
}

#[cfg(test)]
mod tests {
    use super::{Way, name};

    #[test]
    fn prices_come_from_whom_they_seem_to_come_from() {
        for (url, way) in [
            ("https://h/a.zip", Some(Way::Encrypted)),
            ("http://127.0.0.1:80/a.zip", Some(Way::Here)),
            ("http://[::1]:80/a.zip", Some(Way::Here)),
            ("http://localhost/a.zip", Some(Way::Here)),
            ("http://192.0.2.2/a.zip", None),
            ("http://127.0.0.1.example/a.zip", None),
            ("http://localhost.example/a.zip", None),
            ("http://127.0.0.1@h/a.zip", None),
            ("http://h/127.0.0.1", None),
        ] {
            assert_eq!(Way::safe(url), way, "{url}");
        }
    }

    #[test]
    fn names_of_urls() {
        assert_eq!(name("https://h/a/b/aws/vms.csv?x=/y"), "aws/vms.csv");
        assert_eq!(name("https://h/c.zip"), "c.zip");
        assert_eq!(name("https://h"), "");
    }
}
