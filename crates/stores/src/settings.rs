//! What a section of a configuration file says of a store, or a provider of its own.
//!
//! *Guarantee:* half of a pair of credentials, and what is of another account than it says, is refused by name. Nothing
//! prints a secret.

use crate::azure::{AzureAccess, AzureOptions, Connection};
use crate::gcs::{GcsAccess, GcsOptions};
use crate::options::StoreOptions;
use crate::s3::{Addressing, Checksums, Credentials, S3Options};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use thiserror::Error;
use welkin_store::Failure;

/// How a store is reached.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct StoreSettings {
    /// `s3` unless it says `gcs` or `azure`.
    pub r#type: Option<String>,
    /// URL of the service.
    pub endpoint: Option<String>,
    /// Region of the bucket.
    pub region: Option<String>,
    /// Half of the credentials of S3.
    pub access_key_id: Option<String>,
    /// The other half.
    pub secret_access_key: Option<String>,
    /// What makes them good for a while only.
    pub session_token: Option<String>,
    /// `path` or `virtual`.
    pub addressing: Option<String>,
    /// Whether checksums go with objects.
    pub checksums: Option<bool>,
    /// Where it is, for prices: `aws/us-east-1`.
    pub place: Option<String>,
    /// The account of Azure; its containers are what the store's buckets are.
    pub account: Option<String>,
    /// A key of that account.
    pub account_key: Option<String>,
    /// A signature that shares something of it.
    pub sas_token: Option<String>,
    /// Account, endpoint and credentials of Azure in one.
    pub connection_string: Option<String>,
    /// A bearer token for Google or Azure.
    pub token: Option<String>,
    /// Credentials for Google: the key of a service account, or a user's.
    pub credentials_file: Option<String>,
    /// Whether signatures and tokens may go over plain HTTP to another machine.
    pub allow_http: Option<bool>,
    /// A file with the certificates of its authorities, in PEM.
    pub ca_bundle: Option<String>,
}

impl fmt::Debug for StoreSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSettings").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// What is wrong with the settings of a store.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// One of them.
    #[error("{setting} {why}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The connection string.
    #[error("connection-string: {why}")]
    Connection {
        /// What is wrong with it.
        why: String,
    },
    /// Only one half of a pair of credentials is there.
    #[error("has {there} and no {missing} that goes with it")]
    Half {
        /// The half that is there.
        there: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A file that they name cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The certificates of its authorities make no sense.
    #[error("{why}")]
    Authorities {
        /// Why.
        why: String,
    },
    /// The store refuses them.
    #[error(transparent)]
    Store(#[from] Failure),
}

impl StoreSettings {
    /// From settings by name, as they travel to nodes.
    ///
    /// # Errors
    /// [`SettingsError::Setting`] for a name that is none.
    pub fn of_options(options: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let value = |text: &String| match text.as_str() {
            "true" => serde_json::Value::Bool(true),
            "false" => serde_json::Value::Bool(false),
            text => serde_json::Value::String(text.to_owned()),
        };
        let object = options.iter().map(|(name, text)| (name.clone(), value(text))).collect();
        // What the reader says may quote a value.
        serde_json::from_value(serde_json::Value::Object(object)).map_err(|_| SettingsError::Setting {
            setting: "options",
            why: format!("are not known: {}", options.keys().cloned().collect::<Vec<_>>().join(", ")),
        })
    }

    /// What opens a bucket, or a container, of the store.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn options(self, bucket: &str) -> Result<StoreOptions, SettingsError> {
        match self.r#type.as_deref() {
            None | Some("s3") => self.s3(bucket).map(StoreOptions::S3),
            Some("gcs") => self.gcs(bucket).map(StoreOptions::Gcs),
            // tidy: expect(clouds, reason = "how users spell the type of a store")
            Some("azure") => self.azure(bucket).map(StoreOptions::AzureBlob),
            Some(other) => {
                let why = format!("is `{other}`, expected `s3`, `gcs` or `azure`");
                Err(SettingsError::Setting { setting: "type", why })
            }
        }
    }

    fn s3(self, bucket: &str) -> Result<S3Options, SettingsError> {
        let addressing = match self.addressing.as_deref() {
            None => Addressing::Auto,
            Some("path") => Addressing::Path,
            Some("virtual") => Addressing::Virtual,
            Some(other) => {
                let why = format!("is `{other}`, expected `path` or `virtual`");
                return Err(SettingsError::Setting { setting: "addressing", why });
            }
        };
        Ok(S3Options {
            bucket: bucket.to_owned(),
            region: self.region.unwrap_or_else(|| "us-east-1".to_owned()),
            endpoint: self.endpoint,
            credentials: Credentials::pair(self.access_key_id, self.secret_access_key, self.session_token)?,
            addressing,
            checksums: if self.checksums == Some(false) { Checksums::Off } else { Checksums::Crc64Nvme },
        })
    }

    fn gcs(self, bucket: &str) -> Result<GcsOptions, SettingsError> {
        let access = match (self.token, self.credentials_file) {
            (Some(token), _) => GcsAccess::Bearer(token),
            (None, Some(path)) => {
                let path = PathBuf::from(path);
                let text = std::fs::read_to_string(&path);
                GcsAccess::File(text.map_err(|source| SettingsError::File { path, source })?)
            }
            (None, None) => GcsAccess::Anonymous,
        };
        let allow_http = self.allow_http == Some(true);
        Ok(GcsOptions { bucket: bucket.to_owned(), endpoint: self.endpoint, access, allow_http })
    }

    fn azure(self, container: &str) -> Result<AzureOptions, SettingsError> {
        let account = |why: String| SettingsError::Setting { setting: "account", why };
        let mut options = AzureOptions {
            account: String::new(),
            container: container.to_owned(),
            endpoint: None,
            access: AzureAccess::Anonymous,
            allow_http: self.allow_http == Some(true),
        };
        if let Some(text) = &self.connection_string {
            let connection = Connection::parse(text).map_err(|why| SettingsError::Connection { why })?;
            options.account = connection.account.unwrap_or_default();
            (options.endpoint, options.access) = (connection.endpoint, connection.access);
        }
        if let Some(named) = self.account {
            if !options.account.is_empty() && options.account != named {
                let of = &options.account;
                return Err(account(format!("is {named}, and connection-string belongs to {of}")));
            }
            options.account = named;
        }
        if options.account.is_empty() {
            return Err(account("is not set".to_owned()));
        }
        options.endpoint = self.endpoint.or(options.endpoint);
        options.access = match (self.account_key, self.sas_token, self.token) {
            (Some(key), _, _) => AzureAccess::SharedKey(key),
            (None, Some(token), _) => AzureAccess::Sas(token),
            (None, None, Some(token)) => AzureAccess::Bearer(token),
            (None, None, None) => options.access,
        };
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(options: &[(&str, &str)]) -> Result<StoreSettings, SettingsError> {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        StoreSettings::of_options(&options.collect())
    }

    #[test]
    fn half_a_pair_is_a_mistake() {
        for half in ["access-key-id", "secret-access-key"] {
            let error = told(&[(half, "x")]).unwrap().options("b").map(drop).unwrap_err();
            assert!(matches!(error, SettingsError::Half { .. }), "{error}");
        }
        assert!(told(&[("session-token", "x")]).unwrap().options("b").is_ok());
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_told() {
        let error = told(&[("secret-acess-key", "hush"), ("region", "r")]).unwrap_err().to_string();
        assert_eq!(error, "options are not known: region, secret-acess-key");
        for (settings, expected) in [
            (&[("type", "tape")][..], "type is `tape`, expected `s3`, `gcs` or `azure`"),
            (&[("addressing", "odd")], "addressing is `odd`, expected `path` or `virtual`"),
            (&[("type", "azure")], "account is not set"),
            (
                &[("type", "azure"), ("connection-string", "x")],
                "connection-string: a part of it is not NAME=VALUE",
            ),
        ] {
            let error = told(settings).unwrap().options("b").map(drop).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
