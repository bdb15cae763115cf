//! A store of any kind, before it is opened.

use crate::azure::{Azure, AzureOptions};
use crate::gcs::{Gcs, GcsOptions};
use crate::s3::{S3, S3Options};
use crate::settings::SettingsError;
use crate::tls;
use std::path::Path;
use std::sync::Arc;
use welkin_store::Endpoint;

/// How a bucket is reached.
#[derive(Debug, Clone)]
pub enum StoreOptions {
    /// A bucket of a store that speaks as S3 does.
    S3(S3Options),
    /// A bucket of Google Cloud Storage.
    Gcs(GcsOptions),
    /// A container of Azure Blob Storage.
    AzureBlob(AzureOptions),
}

impl StoreOptions {
    /// Opens it. No request is made. `authorities` is a file with further certificates that are believed, in PEM.
    ///
    /// # Errors
    /// [`SettingsError`].
    pub fn open(self, authorities: Option<&Path>) -> Result<Arc<dyn Endpoint>, SettingsError> {
        let read = |path: &Path| {
            std::fs::read(path).map_err(|source| SettingsError::File { path: path.to_owned(), source })
        };
        let pem = authorities.map(read).transpose()?;
        let tls = tls::client(pem.as_deref()).map_err(|why| SettingsError::Authorities { why })?;
        Ok(match self {
            Self::S3(options) => S3::new(options, tls)?,
            Self::Gcs(options) => Gcs::new(options, tls)?,
            Self::AzureBlob(options) => Azure::new(options, tls)?,
        })
    }
}
