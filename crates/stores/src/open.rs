//! From an address and the way to it to the place behind it.

use crate::local::Local;
use crate::settings::{SettingsError, StoreSettings};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use welkin_address::Service;
use welkin_store::{Access, Endpoint, Failure, FailureKind, Opener, StoreAccess, Under};

/// Opens what this process reaches by itself: folders of this machine, and stores on the web.
#[derive(Debug, Clone, Copy, Default)]
pub struct Direct;

#[async_trait]
impl Opener for Direct {
    async fn open(&self, store: &StoreAccess) -> Result<Arc<dyn Endpoint>, Failure> {
        open(store)
    }
}

/// Opens a store that this process reaches by itself, and in it the folder that the address names. A folder of this
/// machine is made when it is not there; no request is made of others.
///
/// # Errors
/// [`FailureKind::Unsupported`] for what is reached in another way, [`FailureKind::Invalid`] for settings that make no
/// store, and failures to make the folder.
pub fn open(store: &StoreAccess) -> Result<Arc<dyn Endpoint>, Failure> {
    if let Access::Through { host } = &store.access {
        return Err(unsupported(store, &format!("only a channel to {host} leads there")));
    }
    match store.address.service {
        Service::File => folder(store),
        Service::Gcs => bucket(store, "gcs", None),
        Service::AzureBlob => bucket(store, "azure", None),
        Service::S3 => bucket(store, "s3", None),
        Service::R2 => bucket(store, "s3", Some(r2(store)?)),
        Service::IbmCos | Service::OciObjects | Service::Nebius | Service::CoreWeave => {
            bucket(store, "s3", Some(None))
        }
        _ => Err(unsupported(store, "nothing is written there")),
    }
}

fn unsupported(store: &StoreAccess, why: &str) -> Failure {
    Failure::new(FailureKind::Unsupported, format!("open {store}"), why)
}

/// Where an account of R2 answers.
fn r2(store: &StoreAccess) -> Result<Option<String>, Failure> {
    let plain = |account: &&String| account.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match store.address.account.as_ref() {
        None => Ok(None),
        Some(account) => Some(account)
            .filter(plain)
            .map(|account| Some(format!("https://{account}.r2.cloudflarestorage.com")))
            .ok_or_else(|| unsupported(store, "its account is not one")),
    }
}

/// A bucket of a store of this type. `endpoint` is there for stores that have to have one: what is usual for it.
fn bucket(
    store: &StoreAccess,
    kind: &str,
    endpoint: Option<Option<String>>,
) -> Result<Arc<dyn Endpoint>, Failure> {
    let none = BTreeMap::new();
    let options = if let Access::With(options) = &store.access { options } else { &none };
    let opened = StoreSettings::of_options(options).and_then(|settings| {
        let address = &store.address;
        let needs_endpoint = endpoint.is_some();
        let settings = StoreSettings {
            r#type: Some(kind.to_owned()),
            endpoint: settings.endpoint.or(endpoint.flatten()),
            region: settings.region.or(address.region.clone()),
            account: settings.account.or(address.account.clone()).filter(|_| kind != "s3"),
            ..settings
        };
        if needs_endpoint && settings.endpoint.is_none() {
            return Err(SettingsError::Setting { setting: "endpoint", why: "is not set".to_owned() });
        }
        let authorities = settings.ca_bundle.clone();
        settings.options(&address.bucket)?.open(authorities.as_deref().map(Path::new))
    });
    let opened = opened.map_err(|error| match error {
        SettingsError::Store(failure) => failure,
        error => Failure::new(FailureKind::Invalid, format!("open {store}"), error.to_string()),
    });
    Under::folder(opened?, &store.address.key)
}

fn folder(store: &StoreAccess) -> Result<Arc<dyn Endpoint>, Failure> {
    let path = Path::new(&store.address.key);
    let operation = || format!("open {store}");
    if !path.is_absolute() {
        return Err(Failure::new(FailureKind::Invalid, operation(), "its path is not absolute"));
    }
    std::fs::create_dir_all(path).map_err(|error| Failure::io(operation(), &error))?;
    Ok(Local::new(path, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a b/%41");
        open(&StoreAccess::folder(path.to_str().unwrap())).map(drop).unwrap();
        assert!(path.is_dir());
    }

    #[test]
    fn a_file_in_the_way_is_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), "x").unwrap();
        let path = folder.path().join("f/store");
        assert!(open(&StoreAccess::folder(path.to_str().unwrap())).is_err());
        assert!(open(&StoreAccess::folder("a")).is_err());
    }

    #[test]
    fn what_is_behind_a_channel_is_not_taken_for_what_is_here() {
        let access = Access::Through { host: "node-7".to_owned() };
        let store = StoreAccess { access, ..StoreAccess::folder("/tmp") };
        let failure = open(&store).map(drop).unwrap_err();
        assert_eq!(
            failure.to_string(),
            "cannot open file:///tmp at node-7: only a channel to node-7 leads there"
        );
    }

    fn with(address: &str, options: &[(&str, &str)]) -> StoreAccess {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        StoreAccess { address: address.parse().unwrap(), access: Access::With(options.collect()) }
    }

    #[test]
    fn buckets_are_opened_by_their_address_and_settings() {
        let keys = ("access-key-id", "k");
        for (store, name) in [
            (with("s3://b/runs", &[keys, ("secret-access-key", "s")]), "s3://b/runs"),
            (with("s3://b", &[]), "s3://b"),
            (with("gs://b/p/q", &[("token", "t")]), "gs://b/p/q"),
            (with("az://acct/c/p", &[("account-key", "a2V5")]), "az://acct/c/p"),
            (with("r2://b/p", &[("endpoint", "https://x.example")]), "s3://b/p"),
            (with("https://acct.r2.cloudflarestorage.com/b", &[]), "s3://b"),
            (with("nebius://b", &[("endpoint", "https://x.example")]), "s3://b"),
        ] {
            assert_eq!(open(&store).unwrap().name(), name, "{store}");
        }
    }

    #[test]
    fn what_cannot_be_opened_says_why_and_tells_no_secret() {
        for (store, why) in [
            (
                with("s3://b", &[("access-key-id", "hush")]),
                "cannot open s3://b/: has an access key id and no secret that goes with it",
            ),
            (with("s3://b", &[("secret", "hush")]), "cannot open s3://b/: options are not known: secret"),
            (with("r2://b", &[]), "cannot open r2://b/: endpoint is not set"),
            (with("hf://datasets/x", &[]), "cannot open hf://datasets/x: nothing is written there"),
            (
                with("https://example.org/x", &[]),
                "cannot open https://example.org/x: nothing is written there",
            ),
            (with("s3://b/a/../c", &[]), "cannot use s3://b/a/../c: no part of a key is `.` or `..`"),
        ] {
            assert_eq!(open(&store).map(drop).unwrap_err().to_string(), why);
        }
    }
}
