//! Which provider, and as whom.

use hyper::Uri;
use std::fmt;
use std::net::IpAddr;
use thiserror::Error;

/// Longest address of a provider, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// A provider, and what this client is there.
#[derive(Debug, Clone)]
pub struct Options {
    /// As the provider writes it in its tokens.
    pub issuer: String,
    /// What this client is called there.
    pub client_id: String,
    /// Where the provider wants one.
    pub secret: Option<Secret>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that names people.
    pub name_claim: String,
    /// The claim that lists their groups.
    pub groups_claim: String,
    /// PEM of further authorities that the provider's certificate may be from.
    pub authorities: Option<Vec<u8>>,
}

/// A client's secret, which does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// From its text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// Options that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The issuer is no address.
    #[error("the issuer `{issuer}` cannot be used: {why}")]
    Issuer {
        /// As it was given.
        issuer: String,
        /// Why.
        why: String,
    },
    /// Something that has to be said is not.
    #[error("{0} is empty or has spaces")]
    Word(&'static str),
    /// The authorities.
    #[error("the authorities cannot be used: {0}")]
    Authorities(String),
}

/// An address that secrets may go to: `https`, or this very machine.
pub(crate) fn checked_url(text: &str) -> Result<Uri, String> {
    if text.len() > MAX_URL_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it is not an address".to_owned());
    }
    let uri: Uri = text.parse().map_err(|_| "it is not an address".to_owned())?;
    let Some(host) = uri.host().filter(|host| !host.is_empty()) else {
        return Err("it names no host".to_owned());
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err("it has a user's name in it".to_owned());
    }
    let bare = host.trim_matches(['[', ']']);
    let is_here = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_here => Ok(uri),
        Some("http") => Err("it is not https".to_owned()),
        _ => Err("it is neither https nor http".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_to_https_or_stay_on_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example:8443/a?b",
            "http://127.0.0.1:80/x",
            "http://[::1]:8",
            "http://localhost:1/",
        ] {
            assert!(checked_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example",
            "http://127.0.0.1.example/",
            "http://localhost.example",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "/x",
            "https://a b",
            "https://user@id.example/",
            "https://id.example/\u{7}",
            "",
        ] {
            assert!(checked_url(bad).is_err(), "{bad}");
        }
        assert_eq!(format!("{:?}", Secret::new("x")), "****");
    }
}
