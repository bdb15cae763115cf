//! Where a place is, for prices.

use super::credentials;
use super::parse::{Place, Root, Service};
use crate::error::SkyError;
use crate::sky::Sky;
use welkin_catalog::Continent;
use welkin_catalog::tables::Tables;
use welkin_route::Endpoint;
use welkin_stores::StoreSettings;

/// Where an end of a transfer is, for prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    provider: String,
    region: Option<String>,
}

impl Site {
    fn new(provider: &str, region: Option<&str>) -> Self {
        Self { provider: provider.to_owned(), region: region.map(str::to_owned) }
    }

    /// `PROVIDER` or `PROVIDER/REGION`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.split_once('/') {
            Some((provider, region)) => Self::new(provider, Some(region)),
            None => Self::new(text, None),
        }
    }

    /// As tariffs ask for it.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint<'_> {
        match &self.region {
            Some(region) => Endpoint::at(&self.provider, region, Tables::embedded()),
            None => Endpoint { provider: &self.provider, region: None, continent: Continent::Unknown },
        }
    }

    /// Of a place; `None` where nobody said.
    ///
    /// # Errors
    /// [`SkyError::Credentials`], which say where some places are.
    pub fn of(place: &Place, sky: &Sky) -> Result<Option<Self>, SkyError> {
        let options = sky.options();
        Ok(match &place.root {
            Root::Local(_) | Root::Stdio => Some(Self::new(Endpoint::LOCAL.provider, None)),
            Root::Gateway { .. } | Root::Ssh { .. } => None,
            Root::Bucket { service: Service::S3, bucket } => {
                let (found, _) = credentials::aws(bucket, options)?;
                found.endpoint.is_none().then(|| Self::new("aws", Some(&found.region)))
            }
            Root::Bucket { service: Service::Gcs, bucket } => {
                credentials::google(bucket, options)?.endpoint.is_none().then(|| Self::new("gcp", None))
            }
            Root::Bucket { service: Service::AzureBlob { account }, bucket } => {
                let found = credentials::azure(account, bucket, &options.variables)?;
                found.endpoint.is_none().then(|| Self::new("azure", None))
            }
            Root::Bucket { service: Service::Named(name), .. } => {
                options.config.stores.get(name).and_then(Self::of_store)
            }
        })
    }

    fn of_store(store: &StoreSettings) -> Option<Self> {
        if let Some(place) = &store.place {
            return Some(Self::parse(place));
        }
        if store.endpoint.is_some() || store.connection_string.is_some() {
            return None;
        }
        Some(match store.r#type.as_deref() {
            None | Some("s3") => Self::new("aws", Some(store.region.as_deref().unwrap_or("us-east-1"))),
            Some("gcs") => Self::new("gcp", None),
            Some(other) => Self::new(other, None),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_where_they_say() {
        let store = StoreSettings::default;
        for (store, expected) in [
            (StoreSettings { place: Some("aws/eu-west-1".to_owned()), ..store() }, Some("aws/eu-west-1")),
            (StoreSettings { region: Some("us-west-2".to_owned()), ..store() }, Some("aws/us-west-2")),
            (StoreSettings { endpoint: Some("http://x".to_owned()), ..store() }, None),
            (StoreSettings { r#type: Some("gcs".to_owned()), ..store() }, Some("gcp")),
        ] {
            assert_eq!(Site::of_store(&store), expected.map(Site::parse));
        }
    }
}
