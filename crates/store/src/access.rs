//! Where a store is and how it is reached: what a provider says, and what travels to whoever opens it.
//!
//! On the wire and on disk it is a URL with options, as it always was, so that a step of an earlier version is read, and
//! is the same step. A folder is a `file://` URL there, percent-encoded as URLs are; [`StoreAddress`] itself has no
//! encoding.
//!
//! *Secrets:* options may be credentials. They print as `****`, and [`StoreAccess::secrets`] says what must not
//! appear in any log.

use crate::endpoint::{Endpoint, Failure};
use async_trait::async_trait;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Component, Path};
use std::sync::Arc;
use welkin_address::{Service, StoreAddress};

/// A store and the way to it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StoreAccess {
    /// Where it is.
    pub address: StoreAddress,
    /// How it is reached.
    pub access: Access,
}

/// How a store is reached.
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// By whoever knows the address.
    Open,
    /// By the channel to a host, over which the address is one of that host.
    Through {
        /// The host's name.
        host: String,
    },
    /// With these settings of the store, by name: its endpoint, its region, credentials.
    With(BTreeMap<String, String>),
}

/// Opens stores. Each process has one, which knows the channels and the credentials that it has.
#[async_trait]
pub trait Opener: Send + Sync {
    /// Opens it. What is asked of a store that is not there fails later.
    ///
    /// # Errors
    /// [`FailureKind::Unsupported`](crate::FailureKind::Unsupported) for what cannot be opened from here.
    async fn open(&self, store: &StoreAccess) -> Result<Arc<dyn Endpoint>, Failure>;
}

/// The option that names a host on the wire.
const THROUGH: &str = "through";

impl StoreAccess {
    /// A folder of the machine that opens it.
    #[must_use]
    pub fn folder(path: &str) -> Self {
        Self { address: StoreAddress::folder(path), access: Access::Open }
    }

    /// What must not appear in a log.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let options = match &self.access {
            Access::With(options) => Some(options),
            _ => None,
        };
        options.into_iter().flat_map(BTreeMap::values).map(String::as_str)
    }

    /// The same with `****` for each of them.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut clean = self.clone();
        if let Access::With(options) = &mut clean.access {
            options.values_mut().for_each(|value| "****".clone_into(value));
        }
        clean
    }

    fn url(&self) -> String {
        match self.address.service {
            Service::File => format!("file://{}", utf8_percent_encode(&self.address.key, IN_PATH)),
            _ => self.address.to_string(),
        }
    }
}

/// For people and for records: where it is, and through whom. No secret is in it.
impl fmt::Display for StoreAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.access {
            Access::Through { host } => write!(f, "{} at {host}", self.address),
            _ => write!(f, "{}", self.address),
        }
    }
}

impl fmt::Debug for StoreAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreAccess")
            .field("address", &self.to_string())
            .field("access", &self.access)
            .finish()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Through { host } => f.debug_struct("Through").field("host", host).finish(),
            Self::With(_) => f.write_str("With(****)"),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    url: String,
    options: BTreeMap<String, String>,
}

impl Serialize for StoreAccess {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let options = match &self.access {
            Access::Open => BTreeMap::new(),
            Access::Through { host } => BTreeMap::from([(THROUGH.to_owned(), host.clone())]),
            Access::With(options) => options.clone(),
        };
        Wire { url: self.url(), options }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StoreAccess {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { url, mut options } = Wire::deserialize(deserializer)?;
        let address = read(&url).map_err(|why| D::Error::custom(format!("{url:?} is not a store: {why}")))?;
        let access = match options.remove(THROUGH) {
            Some(host) => Access::Through { host },
            None if options.is_empty() => Access::Open,
            None => Access::With(options),
        };
        Ok(Self { address, access })
    }
}

/// What has another meaning in the path of a URL: the set that the URL standard names for segments of special URLs, but
/// for the slash, which parts them.
const IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'%')
    .add(b'\\');

fn read(url: &str) -> Result<StoreAddress, String> {
    if let Some(rest) = url.strip_prefix("file://") {
        return folder(rest).map(|path| StoreAddress::folder(&path)).map_err(str::to_owned);
    }
    if let Some(rest) = url.strip_prefix("memory://") {
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        return Ok(StoreAddress::memory(bucket, key));
    }
    url.parse().map_err(|error: welkin_address::AddressError| error.to_string())
}

/// The folder of a `file://` URL, given what follows the slashes.
fn folder(rest: &str) -> Result<String, &'static str> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err("a file URL names an absolute path: file:///folder");
    }
    let digits = |at: usize| {
        path.as_bytes().get(at + 1..at + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
    };
    if path.match_indices('%').any(|(at, _)| !digits(at)) {
        return Err("a '%' is not followed by two hex digits");
    }
    let text = percent_decode_str(path).decode_utf8().map_err(|_| "its path is not UTF-8")?;
    if text.contains('\0') || Path::new(&*text).components().any(|part| part == Component::ParentDir) {
        return Err("its path holds '..' or a NUL");
    }
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Result<StoreAccess, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// Steps on disk are compared by their bytes, also with those of an earlier version.
    #[test]
    fn a_step_of_an_earlier_version_has_the_same_store_in_the_same_bytes() {
        for (path, url) in [
            ("/var/sky/clouds/aws/buckets/1", "file:///var/sky/clouds/aws/buckets/1"),
            ("/a b/c%d/é#?[x]^|\\~", "file:///a%20b/c%25d/%C3%A9%23%3F[x]^|%5C~"),
        ] {
            let store = StoreAccess::folder(path);
            let text = serde_json::to_string(&store).unwrap();
            assert_eq!(text, format!(r#"{{"url":"{url}","options":{{}}}}"#));
            assert_eq!(told(&text).unwrap(), store);
        }
    }

    #[test]
    fn every_access_comes_back() {
        let key = BTreeMap::from([("secret-access-key".to_owned(), "hush".to_owned())]);
        for (address, access) in [
            ("s3://b/runs", Access::With(key.clone())),
            ("az://acct/c/", Access::Open),
            ("file:///srv/sky", Access::Through { host: "node-7".to_owned() }),
        ] {
            let store = StoreAccess { address: address.parse().unwrap(), access };
            assert_eq!(told(&serde_json::to_string(&store).unwrap()).unwrap(), store);
            assert!(!format!("{store:?} {store}").contains("hush"));
        }
        let memory = StoreAccess { address: StoreAddress::memory("aws", "1:x/me"), access: Access::Open };
        assert_eq!(told(&serde_json::to_string(&memory).unwrap()).unwrap(), memory);
        let store = StoreAccess { address: "s3://b/".parse().unwrap(), access: Access::With(key) };
        assert_eq!(store.secrets().collect::<Vec<_>>(), ["hush"]);
        assert_eq!(store.redacted().secrets().collect::<Vec<_>>(), ["****"]);
    }

    #[test]
    fn malformed_urls_are_refused() {
        for url in
            ["", "file", "file:/x", "file://host/x", "file:///a/../b", "file:///%", "file:///%zz", "zz://b/k"]
        {
            let text = serde_json::json!({"url": url, "options": {}}).to_string();
            assert!(told(&text).is_err(), "{url}");
        }
        let encoded = told(r#"{"url": "file:///a%20b/c", "options": {}}"#).unwrap();
        assert_eq!(encoded.address.key, "/a b/c");
    }
}
