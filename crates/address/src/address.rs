//! An address, taken apart.

use crate::host;
use crate::scheme::{self, Form};
use crate::service::Service;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Where data lies, as a URI says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoreAddress {
    /// Who keeps it.
    pub service: Service,
    /// Account of the store, where addresses name one.
    pub account: Option<String>,
    /// Bucket or container; of a web server its host, of a folder empty.
    pub bucket: String,
    /// What follows: key, prefix or path.
    pub key: String,
    /// Region, where the address states it.
    pub region: Option<String>,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// There is no `scheme://`.
    #[error("there is no scheme such as `s3://`")]
    NoScheme,
    /// No store has this scheme.
    #[error("`{scheme}://` is not a store that is known")]
    UnknownScheme {
        /// The scheme as written.
        scheme: String,
        /// The one that may have been meant.
        near: Option<&'static str>,
    },
    /// There is no account.
    #[error("there is no account")]
    NoAccount,
    /// There is no container behind the account.
    #[error("there is no container after the account")]
    NoContainer,
    /// There is no bucket.
    #[error("there is no bucket")]
    NoBucket,
}

impl FromStr for StoreAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (written, rest) = text.split_once("://").ok_or(AddressError::NoScheme)?;
        let Some(scheme) = scheme::find(written) else {
            let near = scheme::nearest(written);
            return Err(AddressError::UnknownScheme { scheme: written.to_owned(), near });
        };
        let service = scheme.service;
        match scheme.form {
            Form::Path => Ok(Self::new(service, "", rest)),
            Form::Bucket => Self::in_bucket(service, rest),
            Form::Account => Self::in_account(service, rest),
            Form::Container => Self::in_container(service, rest),
            Form::Region => Self::in_region(service, rest),
            Form::Host => Ok(Self::at_host(service, rest)),
        }
    }
}

/// As the provider's own tools write it, so that it is read as the same again. What a web address says beside that (a
/// region, the account of an R2 store) is not shown.
impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, account, bucket, key, region } = self;
        let Some(scheme) = scheme::shown(*service) else { return write!(f, "memory://{bucket}/{key}") };
        if scheme.form == Form::Account && account.is_none() {
            return write!(f, "{}://{bucket}/{key}", scheme::WITHOUT_ACCOUNT);
        }
        write!(f, "{}://", scheme.name)?;
        match scheme.form {
            Form::Path => f.write_str(key),
            Form::Account => write!(f, "{}/{bucket}/{key}", account.as_deref().unwrap_or_default()),
            Form::Region => write!(f, "{}/{bucket}/{key}", region.as_deref().unwrap_or_default()),
            Form::Bucket | Form::Container | Form::Host => write!(f, "{bucket}/{key}"),
        }
    }
}

/// The path that a `file://` URI names; `None` for every other text. It is taken as it is written: a percent sign is
/// one, and `file://./a` lies below whatever paths are relative to.
#[must_use]
pub fn file_path(uri: &str) -> Option<&str> {
    let (written, path) = uri.split_once("://")?;
    scheme::find(written).filter(|scheme| scheme.service == Service::File).map(|_| path)
}

impl StoreAddress {
    /// A folder of a machine.
    #[must_use]
    pub fn folder(path: &str) -> Self {
        Self::new(Service::File, "", path)
    }

    /// What is kept in the memory of a process under two names.
    #[must_use]
    pub fn memory(bucket: &str, key: &str) -> Self {
        Self::new(Service::Memory, bucket, key)
    }

    fn new(service: Service, bucket: &str, key: &str) -> Self {
        Self { service, account: None, bucket: bucket.to_owned(), key: key.to_owned(), region: None }
    }

    fn in_bucket(service: Service, rest: &str) -> Result<Self, AddressError> {
        let (bucket, key) = first(rest);
        if bucket.is_empty() { Err(AddressError::NoBucket) } else { Ok(Self::new(service, bucket, key)) }
    }

    fn in_account(service: Service, rest: &str) -> Result<Self, AddressError> {
        let (account, rest) = first(rest);
        if account.is_empty() {
            return Err(AddressError::NoAccount);
        }
        let inside = Self::in_bucket(service, rest).map_err(|_| AddressError::NoContainer)?;
        Ok(Self { account: Some(account.to_owned()), ..inside })
    }

    fn in_container(service: Service, rest: &str) -> Result<Self, AddressError> {
        let (authority, key) = first(rest);
        // Without a host it is the container of an account that is configured elsewhere.
        let (container, host) = authority.split_once('@').unwrap_or((authority, ""));
        if container.is_empty() {
            return Err(AddressError::NoContainer);
        }
        Ok(Self { account: host::read(host).account, ..Self::new(service, container, key) })
    }

    fn in_region(service: Service, rest: &str) -> Result<Self, AddressError> {
        let (region, rest) = first(rest);
        Ok(Self { region: Some(region.to_ascii_lowercase()), ..Self::in_bucket(service, rest)? })
    }

    fn at_host(service: Service, rest: &str) -> Self {
        let (authority, path) = first(rest);
        let path = path.split(['?', '#']).next().unwrap_or(path);
        let host = host::read(authority);
        let Some(store) = host.service else { return Self::new(service, authority, path) };
        let (bucket, key) = match (&host.bucket, native(path)) {
            (Some(bucket), _) => (bucket.as_str(), path),
            (None, Some(parts)) if store == Service::OciObjects => parts,
            (None, _) => first(path),
        };
        Self { account: host.account, region: host.region, ..Self::new(store, bucket, key) }
    }
}

/// What stands before the first slash, and what behind it.
fn first(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches('/');
    text.split_once('/').unwrap_or((text, ""))
}

/// Bucket and key of Oracle's own form, `n/NAMESPACE/b/BUCKET/o/KEY`.
fn native(path: &str) -> Option<(&str, &str)> {
    let (_, rest) = path.strip_prefix("n/")?.split_once("/b/")?;
    Some(rest.split_once("/o/").unwrap_or((rest.trim_end_matches("/o"), "")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> String {
        let StoreAddress { service, account, bucket, key, region } = text.parse().unwrap();
        let or = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        format!("{service:?} {} {bucket} {key} {}", or(account), or(region))
    }

    #[test]
    fn every_spelling_of_a_store_is_that_store() {
        for (text, expected) in [
            ("s3://b/k/l", "S3 - b k/l -"),
            ("S3://b", "S3 - b  -"),
            ("s3a://b/k", "S3 - b k -"),
            ("gs://b/k", "Gcs - b k -"),
            ("az://acct/c/k", "AzureBlob acct c k -"),
            ("azblob://acct/c", "AzureBlob acct c  -"),
            ("abfss://c@acct.dfs.core.windows.net/k", "AzureBlob acct c k -"),
            ("wasbs://c@acct.blob.core.windows.net/k", "AzureBlob acct c k -"),
            ("r2://b/k", "R2 - b k -"),
            ("cos://us-east/b/k", "IbmCos - b k us-east"),
            ("oci://b/k", "OciObjects - b k -"),
            ("nebius://b/k", "Nebius - b k -"),
            ("cw://b/k", "CoreWeave - b k -"),
            ("hf://datasets/x", "HuggingFace -  datasets/x -"),
            ("file:///a/b", "File -  /a/b -"),
            ("file://./a", "File -  ./a -"),
            ("https://example.org/a/b", "Web - example.org a/b -"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn the_web_addresses_of_stores_are_those_stores() {
        for (text, expected) in [
            ("https://ACCOUNT.blob.core.windows.net/c/k?sv=1", "AzureBlob account c k -"),
            ("https://acct.z12.blob.core.windows.net/c", "AzureBlob acct c  -"),
            ("https://acct.dfs.core.windows.net/c/k", "AzureBlob acct c k -"),
            ("https://acct.blob.core.chinacloudapi.cn/c/k", "AzureBlob acct c k -"),
            ("https://b.s3.amazonaws.com/k", "S3 - b k -"),
            ("https://b.c.s3.eu-west-1.amazonaws.com/k", "S3 - b.c k eu-west-1"),
            ("https://s3.dualstack.us-west-2.amazonaws.com/b/k", "S3 - b k us-west-2"),
            ("https://s3-us-west-2.amazonaws.com/b/k", "S3 - b k us-west-2"),
            ("http://b.s3-website-us-east-1.amazonaws.com/k", "S3 - b k us-east-1"),
            ("https://b.s3-accelerate.amazonaws.com/k", "S3 - b k -"),
            ("https://s3.cn-north-1.amazonaws.com.cn/b", "S3 - b  cn-north-1"),
            ("https://storage.googleapis.com:443/b/k", "Gcs - b k -"),
            ("https://b.storage.googleapis.com/k", "Gcs - b k -"),
            ("https://storage.cloud.google.com/b/k", "Gcs - b k -"),
            ("https://acct.eu.r2.cloudflarestorage.com/b/k", "R2 acct b k -"),
            ("https://pub-1.r2.dev/k", "R2 - pub-1.r2.dev k -"),
            ("https://b.s3.eu-de.cloud-object-storage.appdomain.cloud/k", "IbmCos - b k eu-de"),
            (
                "https://objectstorage.eu-frankfurt-1.oraclecloud.com/n/ns/b/b/o/k",
                "OciObjects - b k eu-frankfurt-1",
            ),
            ("https://storage.eu-north1.nebius.cloud/b/k", "Nebius - b k eu-north1"),
            ("https://huggingface.co/datasets/x", "HuggingFace - datasets x -"),
            // These only look like them.
            ("https://blob.core.windows.net.example.org/c", "Web - blob.core.windows.net.example.org c -"),
            ("https://mystorage.googleapis.com/b", "Web - mystorage.googleapis.com b -"),
            ("https://ec2.us-east-1.amazonaws.com/", "Web - ec2.us-east-1.amazonaws.com  -"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_what_was_meant() {
        let error = |text: &str| text.parse::<StoreAddress>().unwrap_err();
        for (scheme, near) in
            [("s4", Some("s3")), ("gss", Some("gs")), ("htps", Some("https")), ("zarr", None)]
        {
            let expected = AddressError::UnknownScheme { scheme: scheme.to_owned(), near };
            assert_eq!(error(&format!("{scheme}://b/k")), expected);
        }
        for (text, expected) in [
            ("b/k", AddressError::NoScheme),
            ("s3:///", AddressError::NoBucket),
            ("az://", AddressError::NoAccount),
            ("az://acct", AddressError::NoContainer),
            ("abfss://@acct.dfs.core.windows.net/k", AddressError::NoContainer),
            ("cos://us-east", AddressError::NoBucket),
        ] {
            assert_eq!(error(text), expected, "{text}");
        }
    }

    /// What others who read URIs hold themselves to; their tests read the same table.
    #[test]
    fn odd_uris_mean_what_the_table_says() {
        let mut seen = 0;
        for line in include_str!("../odd.tsv").lines().filter(|line| !line.starts_with('#')) {
            let [uri, service, account, bucket, key] = *line.split('\t').collect::<Vec<_>>() else {
                panic!("{line}")
            };
            let text = |text: &str| if text == "-" { String::new() } else { text.to_owned() };
            let found = uri.parse::<StoreAddress>().map_or_else(
                |_| ("none".to_owned(), String::new(), String::new(), String::new()),
                |it| (format!("{:?}", it.service), it.account.unwrap_or_default(), it.bucket, it.key),
            );
            assert_eq!(found, (service.to_owned(), text(account), text(bucket), text(key)), "{uri}");
            assert_eq!(
                file_path(uri),
                (service == "File").then(|| &uri[uri.len() - text(key).len()..]),
                "{uri}"
            );
            seen += 1;
        }
        assert!(seen > 30);
    }

    #[test]
    fn what_is_shown_is_read_as_the_same() {
        for text in [
            "s3://b/k/l",
            "s3a://b",
            "gcs://b/k",
            "azblob://acct/c",
            "abfss://c@acct.dfs.core.windows.net/k",
            "r2://b/k",
            "cos://us-east/b/k",
            "oci://b/k",
            "nebius://b/k",
            "cw://b/k",
            "hf://datasets/x",
            "file:///a b/%41",
            "https://example.org/a/b",
            "ftp://example.org/a",
            "https://acct.blob.core.windows.net/c/k",
        ] {
            let address: StoreAddress = text.parse().unwrap();
            assert_eq!(address.to_string().parse::<StoreAddress>().unwrap(), address, "{text} as {address}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(scheme in "[a-z0-9]{0,6}|https", rest in "[a-z0-9./@:?-]{0,40}(amazonaws\\.com|r2\\.dev)?\\PC{0,5}") {
            let _ = format!("{scheme}://{rest}").parse::<StoreAddress>();
        }
    }
}
