//! Places for data, as users write them.

use crate::error::SkyError;
use std::path::{Path, PathBuf};
use welkin_address::{AddressError, Service as Of, StoreAddress};

/// What stands behind a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// A folder of this machine, or what will be one.
    Local(PathBuf),
    /// A bucket, or a container, of a service.
    Bucket {
        /// Who keeps it.
        service: Service,
        /// Its name.
        bucket: String,
    },
    /// What is behind a gateway.
    Gateway {
        /// `[FINGERPRINT@]HOST:PORT`, or a peer that is configured.
        host: String,
        /// Without encryption.
        plain: bool,
    },
    /// A folder of a host that SSH reaches.
    Ssh {
        /// As `ssh` takes it.
        host: String,
        /// Absolute, there.
        folder: String,
    },
    /// Standard input or output.
    Stdio,
}

/// Who keeps a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Service {
    /// S3 as AWS's own tools find it.
    S3,
    /// Google Cloud Storage as Google's own tools find it.
    Gcs,
    /// Azure Blob Storage: an account, with the credentials that Azure's own tools find.
    AzureBlob {
        /// The account.
        account: String,
    },
    /// A store of `config.toml`.
    Named(String),
}

/// A place, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is in.
    pub root: Root,
    /// Key in a bucket; empty for files, whose path is in the root.
    pub key: String,
    /// As the user wrote it.
    pub text: String,
}

const FORMS: &str = "a path, s3://bucket/key, gs://bucket/key, az://account/container/key, NAME:bucket/key for a \
     store of config.toml, welkin://HOST:PORT/key, ssh://host/path, or -";

impl Place {
    /// Reads what a user wrote, where these stores have names of their own.
    pub(crate) fn read(text: &str, stores: &[&str]) -> Result<Self, SkyError> {
        let wrong = |why: &str| wrong(text, why, FORMS);
        let (root, key) = if text == "-" {
            (Root::Stdio, String::new())
        } else if let Some((scheme, rest)) = text.split_once("://") {
            match scheme {
                "welkin" | "welkin+plain" => {
                    let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
                    if host.is_empty() {
                        return Err(wrong("there is no host"));
                    }
                    let plain = scheme == "welkin+plain";
                    (Root::Gateway { host: host.to_owned(), plain }, key.to_owned())
                }
                // tidy: expect(clouds, reason = "how users spell the scheme")
                "ssh" => {
                    let (host, folder) = rest.split_once('/').unwrap_or((rest, ""));
                    if host.is_empty() || folder.is_empty() {
                        return Err(wrong("it is not ssh://HOST/PATH"));
                    }
                    (Root::Ssh { host: host.to_owned(), folder: format!("/{folder}") }, String::new())
                }
                _ => at_address(text)?,
            }
        } else if let Some((store, rest)) = named(text) {
            if !stores.contains(&store) {
                let known = if stores.is_empty() { "none".to_owned() } else { stores.join(", ") };
                let why = format!("there is no store `{store}`");
                let hint = format!("stores of config.toml: {known}; a file of that name is ./{text}");
                return Err(self::wrong(text, &why, hint));
            }
            let service = Service::Named(store.to_owned());
            bucket(service, rest).ok_or_else(|| wrong("there is no bucket"))?
        } else if text.is_empty() {
            return Err(wrong("it is empty"));
        } else {
            (local(text)?, String::new())
        };
        Ok(Self { root, key, text: text.to_owned() })
    }

    /// The same in one spelling, so that a transfer can be told again.
    #[must_use]
    pub fn canonical(&self) -> String {
        let key = &self.key;
        match &self.root {
            Root::Local(path) => format!("file://{}", path.display()),
            Root::Bucket { service: Service::S3, bucket } => format!("s3://{bucket}/{key}"),
            Root::Bucket { service: Service::Gcs, bucket } => format!("gs://{bucket}/{key}"),
            Root::Bucket { service: Service::AzureBlob { account }, bucket } => {
                format!("az://{account}/{bucket}/{key}")
            }
            Root::Bucket { service: Service::Named(store), bucket } => format!("{store}:{bucket}/{key}"),
            Root::Gateway { host, plain: false } => format!("welkin://{host}/{key}"),
            Root::Gateway { host, plain: true } => format!("welkin+plain://{host}/{key}"),
            Root::Ssh { host, folder } => format!("ssh://{host}{folder}"),
            Root::Stdio => "-".to_owned(),
        }
    }

    /// Whether the text says that it is a folder.
    #[must_use]
    pub fn says_folder(&self) -> bool {
        self.text.ends_with('/')
            || matches!(&self.root, Root::Bucket { .. } | Root::Gateway { .. }) && self.key.is_empty()
    }
}

/// A text that names no place.
fn wrong(text: &str, why: &str, hint: impl Into<String>) -> SkyError {
    let message = format!("`{text}` does not name a place: {why}");
    SkyError::Place { message, hint: Some(hint.into()) }
}

/// `NAME:rest`, unless it looks like a path.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some((name, rest))
}

/// What an address of a store means, read as everybody reads it.
fn at_address(text: &str) -> Result<(Root, String), SkyError> {
    let wrong = |why: &str| wrong(text, why, FORMS);
    let scheme = || text.split_once("://").map_or(text, |(scheme, _)| scheme);
    let address = text.parse::<StoreAddress>().map_err(|error| match error {
        AddressError::UnknownScheme { scheme, near } => {
            let hint = near.map_or(FORMS.to_owned(), |near| format!("did you mean {near}://?"));
            self::wrong(text, &format!("{scheme}:// is not known"), hint)
        }
        error => wrong(&error.to_string()),
    })?;
    let StoreAddress { service, account, bucket, key, region } = address;
    let service = match service {
        Of::File => return Ok((local(&key)?, String::new())),
        Of::S3 if region.is_none() => Service::S3,
        Of::Gcs => Service::Gcs,
        Of::AzureBlob => Service::AzureBlob { account: account.ok_or_else(|| wrong("there is no account"))? },
        Of::S3 | Of::R2 | Of::IbmCos | Of::OciObjects | Of::Nebius | Of::CoreWeave => {
            let hint = "give the store a section [stores.NAME] in config.toml, with its endpoint, region and \
                credentials, and write NAME:bucket/key";
            let why = match region {
                Some(region) => {
                    format!("it is a bucket in {region}, and only a section of config.toml says that")
                }
                None => format!("{}:// does not say where the store answers", scheme()),
            };
            return Err(self::wrong(text, &why, hint));
        }
        _ => return Err(wrong(&format!("no data is moved from or to {}:// addresses", scheme()))),
    };
    if text.contains("://") && is_web(scheme()) && text.contains('?') {
        return Err(wrong("what follows the `?` of a web address would be lost"));
    }
    Ok((Root::Bucket { service, bucket }, key))
}

fn is_web(scheme: &str) -> bool {
    ["http", "https"].iter().any(|web| web.eq_ignore_ascii_case(scheme))
}

/// `bucket/key` of a store with a name.
fn bucket(service: Service, rest: &str) -> Option<(Root, String)> {
    let rest = rest.trim_start_matches('/');
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let root = Root::Bucket { service, bucket: bucket.to_owned() };
    (!bucket.is_empty()).then(|| (root, key.to_owned()))
}

fn local(path: &str) -> Result<Root, SkyError> {
    let path = Path::new(path);
    std::path::absolute(path).map(Root::Local).map_err(SkyError::reading(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        for (text, canonical, folder) in [
            ("s3://b/a/c", "s3://b/a/c", false),
            ("s3://b", "s3://b/", true),
            ("gs://b/a b/", "gs://b/a b/", true),
            ("az://acct/c/k", "az://acct/c/k", false),
            ("azure://acct/c", "az://acct/c/", true),
            ("mine:b/k", "mine:b/k", false),
            ("file:///a/b", "file:///a/b", false),
            ("welkin://w1:ab@h:1/k/l", "welkin://w1:ab@h:1/k/l", false),
            ("welkin+plain://h:1", "welkin+plain://h:1/", true),
            ("ssh://me@h/a/b", "ssh://me@h/a/b", false),
            ("-", "-", false),
        ] {
            let place = Place::read(text, &["mine"]).unwrap();
            assert_eq!((place.canonical().as_str(), place.says_folder()), (canonical, folder), "{text}");
            // What is on record is read as what it was.
            let again = Place::read(&place.canonical(), &["mine"]).unwrap();
            assert_eq!((again.root, again.key), (place.root, place.key), "{text}");
        }
    }

    /// The table that whoever reads URIs is held to.
    const ODD: &str = include_str!("../../../address/odd.tsv");

    #[test]
    fn a_copy_reads_uris_as_everybody_does() {
        for line in ODD.lines().filter(|line| line.contains("://") && !line.starts_with('#')) {
            let [uri, service, account, bucket, key] = *line.split('\t').collect::<Vec<_>>() else {
                panic!("{line}")
            };
            let told = |text: &str| if text == "-" { String::new() } else { text.to_owned() };
            let (read, bucket) = (Place::read(uri, &[]).ok(), bucket.to_owned());
            let service = match service {
                "S3" => Service::S3,
                "Gcs" => Service::Gcs,
                "AzureBlob" => Service::AzureBlob { account: account.to_owned() },
                "File" => {
                    let path = std::path::absolute(key).unwrap();
                    assert_eq!(
                        read.map(|place| (place.root, place.key)),
                        Some((Root::Local(path), String::new())),
                        "{uri}"
                    );
                    continue;
                }
                // Welkin's own schemes lead to no store.
                _ => {
                    let is_own = uri.starts_with("welkin://") || uri.starts_with("ssh://");
                    assert_eq!(read.is_some(), is_own, "{uri}");
                    continue;
                }
            };
            let expected = (Root::Bucket { service, bucket }, told(key));
            assert_eq!(read.map(|place| (place.root, place.key)), Some(expected), "{uri}");
        }
    }

    #[test]
    fn what_names_no_place() {
        for (text, why) in [
            ("", "it is empty"),
            ("s3://", "there is no bucket"),
            ("gs:///", "there is no bucket"),
            ("az://", "there is no account"),
            ("az://acct", "there is no container after the account"),
            ("zz://x", "zz:// is not known"),
            ("ftp://x", "no data is moved from or to ftp:// addresses"),
            ("r2://b/k", "r2:// does not say where the store answers"),
            (
                "https://b.s3.eu-west-1.amazonaws.com/k",
                "it is a bucket in eu-west-1, and only a section of config.toml says that",
            ),
            (
                "https://acct.blob.core.windows.net/c/k?sig=x",
                "what follows the `?` of a web address would be lost",
            ),
            ("other:b", "there is no store `other`"),
        ] {
            let fault = Place::read(text, &["mine"]).unwrap_err();
            assert!(fault.to_string().ends_with(why), "{fault}");
        }
    }
}
