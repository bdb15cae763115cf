//! Places for data, as users write them.

use crate::app::App;
use crate::moving::credentials;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_transfer::endpoint::{Addressing, Checksums, Endpoint, Local, S3, S3Options};

/// What stands behind a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Root {
    /// A folder of this machine, or what will be one.
    Local(PathBuf),
    /// A bucket of the store `store`, or of AWS.
    Bucket { store: Option<String>, bucket: String },
    /// Standard input or output.
    Stdio,
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

impl Place {
    /// Reads what a user wrote. No store is asked.
    pub(crate) fn parse(text: &str, app: &App) -> anyhow::Result<Self> {
        let wrong = |why: &str| {
            Fault::new(Code::DataPlace, format!("`{text}` does not name a place: {why}"))
                .hint("a path, s3://bucket/key, NAME:bucket/key for a store of config.toml, or -")
        };
        let root_and_key = if text == "-" {
            (Root::Stdio, String::new())
        } else if let Some(rest) = text.strip_prefix("s3://") {
            bucket(None, rest).ok_or_else(|| wrong("there is no bucket"))?
        } else if let Some(path) = text.strip_prefix("file://") {
            (local(path)?, String::new())
        } else if let Some((scheme, _)) = text.split_once("://") {
            return Err(wrong(&format!("{scheme}:// is not known")).into());
        } else if let Some((store, rest)) = named(text) {
            if !app.settings.stores.contains_key(store) {
                let known: Vec<_> = app.settings.stores.keys().map(String::as_str).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                let fault = wrong(&format!("there is no store `{store}`"));
                let hint = format!("stores of config.toml: {known}; a file of that name is ./{text}");
                return Err(fault.hint(hint).into());
            }
            bucket(Some(store), rest).ok_or_else(|| wrong("there is no bucket"))?
        } else if text.is_empty() {
            return Err(wrong("it is empty").into());
        } else {
            (local(text)?, String::new())
        };
        let (root, key) = root_and_key;
        Ok(Self { root, key, text: text.to_owned() })
    }

    /// The endpoint behind it. For files, the folder is what `root` says.
    pub(crate) fn open(&self, app: &App, fsync: bool) -> anyhow::Result<Arc<dyn Endpoint>> {
        match &self.root {
            Root::Local(path) => Ok(Local::new(path, fsync)),
            Root::Bucket { store, bucket } => open_bucket(app, store.as_deref(), bucket),
            Root::Stdio => Err(Fault::new(Code::DataPlace, "`-` is no place that holds objects").into()),
        }
    }

    /// The same in one spelling, so that a transfer can be told again.
    pub(crate) fn canonical(&self) -> String {
        match &self.root {
            Root::Local(path) => format!("file://{}", path.display()),
            Root::Bucket { store: None, bucket } => format!("s3://{bucket}/{}", self.key),
            Root::Bucket { store: Some(store), bucket } => format!("{store}:{bucket}/{}", self.key),
            Root::Stdio => "-".to_owned(),
        }
    }

    /// Whether the text says that it is a folder.
    pub(crate) fn says_folder(&self) -> bool {
        self.text.ends_with('/') || matches!(&self.root, Root::Bucket { .. }) && self.key.is_empty()
    }
}

/// `NAME:rest`, unless it looks like a path.
fn named(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some((name, rest))
}

fn bucket(store: Option<&str>, rest: &str) -> Option<(Root, String)> {
    let rest = rest.trim_start_matches('/');
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    let root = Root::Bucket { store: store.map(str::to_owned), bucket: bucket.to_owned() };
    (!bucket.is_empty()).then(|| (root, key.to_owned()))
}

fn local(path: &str) -> anyhow::Result<Root> {
    let absolute = std::path::absolute(Path::new(path)).with_context(|| format!("resolving {path}"))?;
    Ok(Root::Local(absolute))
}

fn open_bucket(app: &App, store: Option<&str>, bucket: &str) -> anyhow::Result<Arc<dyn Endpoint>> {
    let (options, more) = match store {
        None => credentials::aws(bucket)?,
        Some(name) => {
            let settings = app.settings.stores.get(name).cloned().unwrap_or_default();
            let config = |message: String| Fault::new(Code::Config, message);
            if settings.r#type.as_deref().is_some_and(|kind| kind != "s3") {
                return Err(config(format!("stores.{name}.type is not `s3`")).into());
            }
            let addressing = match settings.addressing.as_deref() {
                None => Addressing::Auto,
                Some("path") => Addressing::Path,
                Some("virtual") => Addressing::Virtual,
                Some(other) => {
                    let message =
                        format!("stores.{name}.addressing is `{other}`, expected `path` or `virtual`");
                    return Err(config(message).into());
                }
            };
            let options = S3Options {
                bucket: bucket.to_owned(),
                region: settings.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
                endpoint: settings.endpoint.clone(),
                credentials: credentials::pair(
                    settings.access_key_id,
                    settings.secret_access_key,
                    settings.session_token,
                ),
                addressing,
                checksums: if settings.checksums == Some(false) {
                    Checksums::Off
                } else {
                    Checksums::Crc64Nvme
                },
            };
            (options, settings.ca_bundle)
        }
    };
    let pem = more
        .map(|path| {
            std::fs::read(&path).with_context(|| Fault::new(Code::File, format!("cannot read {path}")))
        })
        .transpose()?;
    let tls = welkin_transfer::tls::client(pem.as_deref()).map_err(|why| Fault::new(Code::Config, why))?;
    Ok(S3::new(options, tls).map_err(|failure| Fault::new(Code::DataPlace, failure.to_string()))?)
}
