//! Places for data, as users write them.

use crate::app::App;
use crate::moving::peers::{self, Opening};
use crate::moving::stores;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_address::{AddressError, Service as Of, StoreAddress};
use welkin_gateway::Agent;
use welkin_store::{Endpoint, Under};
use welkin_stores::Local;

/// What stands behind a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// A folder of this machine, or what will be one.
    Local(PathBuf),
    /// A bucket, or a container, of a service.
    Bucket { service: Service, bucket: String },
    /// What is behind a gateway.
    Gateway { host: String, plain: bool },
    /// A folder of a host that SSH reaches.
    Ssh { host: String, folder: String },
    /// Standard input or output.
    Stdio,
}

/// Who keeps a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Service {
    /// S3 as AWS's own tools find it.
    S3,
    /// Google Cloud Storage as Google's own tools find it.
    Gcs,
    /// Azure Blob Storage: an account, with the credentials that Azure's own tools find.
    AzureBlob { account: String },
    /// A store of `config.toml`.
    Named(String),
}

/// A place, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) root: Root,
    /// Key in a bucket; empty for files, whose path is in the root.
    pub(crate) key: String,
    /// As the user wrote it.
    pub(crate) text: String,
}

/// A place that is open, and its key. The endpoint is had only together with a word on what becomes of the key: the
/// whole bucket is not what somebody named who named a folder in it.
#[must_use]
pub(crate) struct Opened {
    endpoint: Arc<dyn Endpoint>,
    key: String,
}

impl Opened {
    /// What is below the key, and nothing else.
    pub(crate) fn below(self) -> anyhow::Result<Arc<dyn Endpoint>> {
        Under::folder(self.endpoint, &self.key).map_err(super::fault)
    }

    /// All of it, and the key in it.
    pub(crate) fn apart(self) -> (Arc<dyn Endpoint>, String) {
        (self.endpoint, self.key)
    }
}

const FORMS: &str = "a path, s3://bucket/key, gs://bucket/key, az://account/container/key, NAME:bucket/key for a \
     store of config.toml, welkin://HOST:PORT/key, ssh://host/path, or -";

impl Place {
    /// Reads what a user wrote. No store is asked.
    pub(crate) fn parse(text: &str, app: &App) -> anyhow::Result<Self> {
        let known: Vec<_> = app.settings.stores.keys().map(String::as_str).collect();
        Self::read(text, &known)
    }

    fn read(text: &str, stores: &[&str]) -> anyhow::Result<Self> {
        let wrong = |why: &str| {
            Fault::new(Code::DataPlace, format!("`{text}` does not name a place: {why}")).hint(FORMS)
        };
        let (root, key) = if text == "-" {
            (Root::Stdio, String::new())
        } else if let Some((scheme, rest)) = text.split_once("://") {
            match scheme {
                "welkin" | "welkin+plain" => {
                    let (host, key) = rest.split_once('/').unwrap_or((rest, ""));
                    if host.is_empty() {
                        return Err(wrong("there is no host").into());
                    }
                    let plain = scheme == "welkin+plain";
                    (Root::Gateway { host: host.to_owned(), plain }, key.to_owned())
                }
                // tidy: expect(clouds, reason = "how users spell the scheme")
                "ssh" => {
                    let (host, folder) = rest.split_once('/').unwrap_or((rest, ""));
                    if host.is_empty() || folder.is_empty() {
                        return Err(wrong("it is not ssh://HOST/PATH").into());
                    }
                    (Root::Ssh { host: host.to_owned(), folder: format!("/{folder}") }, String::new())
                }
                _ => at_address(text, &wrong)?,
            }
        } else if let Some((store, rest)) = named(text) {
            if !stores.contains(&store) {
                let known = if stores.is_empty() { "none".to_owned() } else { stores.join(", ") };
                let fault = wrong(&format!("there is no store `{store}`"));
                let hint = format!("stores of config.toml: {known}; a file of that name is ./{text}");
                return Err(fault.hint(hint).into());
            }
            let service = Service::Named(store.to_owned());
            bucket(service, rest).ok_or_else(|| wrong("there is no bucket"))?
        } else if text.is_empty() {
            return Err(wrong("it is empty").into());
        } else {
            (local(text)?, String::new())
        };
        Ok(Self { root, key, text: text.to_owned() })
    }

    /// The endpoint behind it, and the key that is left to say what of it is meant. For files, the folder is what
    /// `root` says, and no key is left.
    pub(crate) async fn open(&self, app: &App, opening: &Opening) -> anyhow::Result<Opened> {
        let endpoint: Arc<dyn Endpoint> = match &self.root {
            Root::Local(path) => Local::with_links(path, opening.fsync, opening.links),
            Root::Gateway { .. } | Root::Ssh { .. } => self.agent(app, opening).await?,
            Root::Bucket { service, bucket } => stores::open(service, bucket, app)?,
            Root::Stdio => {
                return Err(Fault::new(Code::DataPlace, "`-` is no place that holds objects").into());
            }
        };
        Ok(Opened { endpoint, key: self.key.clone() })
    }

    /// The gateway that it is behind.
    pub(crate) async fn agent(&self, app: &App, opening: &Opening) -> anyhow::Result<Arc<Agent>> {
        match &self.root {
            Root::Gateway { host, plain } => peers::gateway(host, *plain, opening, app).await,
            Root::Ssh { host, folder } => peers::ssh(host, folder).await,
            _ => {
                let fault = Fault::new(Code::DataPlace, format!("`{}` is behind no gateway", self.text));
                Err(fault
                    .hint("gateways are welkin://…, welkin+plain://HOST:PORT and ssh://HOST/PATH")
                    .into())
            }
        }
    }

    /// The same in one spelling, so that a transfer can be told again.
    pub(crate) fn canonical(&self) -> String {
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
    pub(crate) fn says_folder(&self) -> bool {
        self.text.ends_with('/')
            || matches!(&self.root, Root::Bucket { .. } | Root::Gateway { .. }) && self.key.is_empty()
    }
}

/// `NAME:rest`, unless it looks like a path.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some((name, rest))
}

/// What an address of a store means, read as everybody reads it.
fn at_address(text: &str, wrong: &dyn Fn(&str) -> Fault) -> anyhow::Result<(Root, String)> {
    let scheme = || text.split_once("://").map_or(text, |(scheme, _)| scheme);
    let address = text.parse::<StoreAddress>().map_err(|error| match error {
        AddressError::UnknownScheme { scheme, near } => {
            let fault = wrong(&format!("{scheme}:// is not known"));
            match near {
                Some(near) => fault.hint(format!("did you mean {near}://?")),
                None => fault,
            }
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
            return Err(wrong(&why).hint(hint).into());
        }
        _ => return Err(wrong(&format!("no data is moved from or to {}:// addresses", scheme())).into()),
    };
    if text.contains("://") && is_web(scheme()) && text.contains('?') {
        return Err(wrong("what follows the `?` of a web address would be lost").into());
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

fn local(path: &str) -> anyhow::Result<Root> {
    let absolute = std::path::absolute(Path::new(path)).with_context(|| format!("resolving {path}"))?;
    Ok(Root::Local(absolute))
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
