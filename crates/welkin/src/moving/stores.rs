//! From the name of a bucket to the endpoint behind it.

use crate::app::App;
use crate::moving::credentials;
use crate::moving::place::Service;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::path::Path;
use std::sync::Arc;
use welkin_store::Endpoint;
use welkin_stores::{SettingsError, StoreOptions};

/// Opens a bucket. No request is made.
pub(super) fn open(service: &Service, bucket: &str, app: &App) -> anyhow::Result<Arc<dyn Endpoint>> {
    let (options, authorities) = match service {
        Service::S3 => {
            let (options, authorities) = credentials::aws(bucket)?;
            (StoreOptions::S3(options), authorities)
        }
        Service::Gcs => (StoreOptions::Gcs(credentials::google(bucket)?), None),
        Service::AzureBlob { account } => {
            (StoreOptions::AzureBlob(credentials::azure(account, bucket)?), None)
        }
        Service::Named(name) => {
            let settings = app.settings.stores.get(name).cloned().unwrap_or_default();
            let authorities = settings.ca_bundle.clone();
            (settings.options(bucket).map_err(|error| fault(name, error))?, authorities)
        }
    };
    options.open(authorities.as_deref().map(Path::new)).map_err(|error| fault("", error))
}

/// A mistake in the section of a store.
fn fault(name: &str, error: SettingsError) -> anyhow::Error {
    let config = |message: String| Fault::new(Code::Config, message).into();
    match error {
        SettingsError::File { source, path } => {
            let fault = Fault::new(Code::File, format!("cannot read {}", path.display()));
            Err::<(), _>(source).context(fault).expect_err("it is an error")
        }
        SettingsError::Authorities { .. } => config(error.to_string()),
        SettingsError::Store(failure) => Fault::new(Code::DataPlace, failure.to_string()).into(),
        SettingsError::Half { .. } => config(format!("stores.{name} {error}")),
        _ => config(format!("stores.{name}.{error}")),
    }
}
