//! From the name of a bucket to the endpoint behind it.

use super::credentials;
use super::parse::Service;
use crate::error::SkyError;
use crate::sky::Sky;
use std::path::Path;
use std::sync::Arc;
use welkin_store::Endpoint;
use welkin_stores::{SettingsError, StoreOptions};

/// Opens a bucket. No request is made.
pub(super) fn open(service: &Service, bucket: &str, sky: &Sky) -> Result<Arc<dyn Endpoint>, SkyError> {
    let options = sky.options();
    let (options, authorities) = match service {
        Service::S3 => {
            let (options, authorities) = credentials::aws(bucket, options)?;
            (StoreOptions::S3(options), authorities)
        }
        Service::Gcs => (StoreOptions::Gcs(credentials::google(bucket, options)?), None),
        Service::AzureBlob { account } => {
            (StoreOptions::AzureBlob(credentials::azure(account, bucket, &options.variables)?), None)
        }
        Service::Named(name) => {
            let settings = options.config.stores.get(name).cloned().unwrap_or_default();
            let authorities = settings.ca_bundle.clone();
            (settings.options(bucket).map_err(|error| fault(name, error))?, authorities)
        }
    };
    options.open(authorities.as_deref().map(Path::new)).map_err(|error| fault("", error))
}

/// A mistake in the section of a store.
fn fault(name: &str, error: SettingsError) -> SkyError {
    let config = |message: String| SkyError::Credentials { message, hint: None };
    match error {
        SettingsError::File { source, path } => SkyError::Read { path, source },
        SettingsError::Authorities { .. } => config(error.to_string()),
        SettingsError::Store(failure) => SkyError::place(failure.to_string()),
        SettingsError::Half { .. } => config(format!("stores.{name} {error}")),
        _ => config(format!("stores.{name}.{error}")),
    }
}
