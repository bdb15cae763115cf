//! From the name of a bucket to the endpoint behind it.

use crate::app::App;
use crate::moving::credentials;
use crate::moving::place::Service;
use crate::report::{Code, Fault};
use crate::settings::StoreSettings;
use anyhow::Context as _;
use std::path::Path;
use std::sync::Arc;
use welkin_store::{Endpoint, Failure};
use welkin_stores::{
    Addressing, Azure, AzureAccess, AzureOptions, Checksums, Gcs, GcsAccess, GcsOptions, S3, S3Options,
};

/// Opens a bucket. No request is made.
pub(super) fn open(service: &Service, bucket: &str, app: &App) -> anyhow::Result<Arc<dyn Endpoint>> {
    let (options, authorities) = match service {
        Service::S3 => {
            let (options, authorities) = credentials::aws(bucket)?;
            (Options::S3(options), authorities)
        }
        Service::Gcs => (Options::Gcs(credentials::google(bucket)?), None),
        Service::AzureBlob { account } => (Options::AzureBlob(credentials::azure(account, bucket)?), None),
        Service::Named(name) => {
            let settings = app.settings.stores.get(name).cloned().unwrap_or_default();
            let authorities = settings.ca_bundle.clone();
            (Options::of_settings(name, settings, bucket)?, authorities)
        }
    };
    options.open(authorities.as_deref())
}

/// How a bucket is reached.
enum Options {
    S3(S3Options),
    Gcs(GcsOptions),
    AzureBlob(AzureOptions),
}

impl Options {
    fn of_settings(name: &str, settings: StoreSettings, bucket: &str) -> anyhow::Result<Self> {
        match settings.r#type.as_deref() {
            None | Some("s3") => s3(name, settings, bucket).map(Self::S3),
            Some("gcs") => gcs(settings, bucket).map(Self::Gcs),
            // tidy: expect(clouds, reason = "how users spell the type of a store")
            Some("azure") => azure(name, settings, bucket).map(Self::AzureBlob),
            Some(other) => {
                let message = format!("stores.{name}.type is `{other}`, expected `s3`, `gcs` or `azure`");
                Err(Fault::new(Code::Config, message).into())
            }
        }
    }

    fn open(self, authorities: Option<&str>) -> anyhow::Result<Arc<dyn Endpoint>> {
        let read =
            |path| std::fs::read(path).with_context(|| Fault::new(Code::File, format!("cannot read {path}")));
        let pem = authorities.map(read).transpose()?;
        let tls = welkin_stores::tls::client(pem.as_deref()).map_err(|why| Fault::new(Code::Config, why))?;
        let wrong = |failure: Failure| Fault::new(Code::DataPlace, failure.to_string());
        Ok(match self {
            Self::S3(options) => S3::new(options, tls).map_err(wrong)?,
            Self::Gcs(options) => Gcs::new(options, tls).map_err(wrong)?,
            Self::AzureBlob(options) => Azure::new(options, tls).map_err(wrong)?,
        })
    }
}

fn s3(name: &str, settings: StoreSettings, bucket: &str) -> anyhow::Result<S3Options> {
    let addressing = match settings.addressing.as_deref() {
        None => Addressing::Auto,
        Some("path") => Addressing::Path,
        Some("virtual") => Addressing::Virtual,
        Some(other) => {
            let message = format!("stores.{name}.addressing is `{other}`, expected `path` or `virtual`");
            return Err(Fault::new(Code::Config, message).into());
        }
    };
    Ok(S3Options {
        bucket: bucket.to_owned(),
        region: settings.region.unwrap_or_else(|| "us-east-1".to_owned()),
        endpoint: settings.endpoint,
        credentials: credentials::pair(
            &format!("stores.{name}"),
            settings.access_key_id,
            settings.secret_access_key,
            settings.session_token,
        )?,
        addressing,
        checksums: if settings.checksums == Some(false) { Checksums::Off } else { Checksums::Crc64Nvme },
    })
}

fn gcs(settings: StoreSettings, bucket: &str) -> anyhow::Result<GcsOptions> {
    let access = match (settings.token, settings.credentials_file) {
        (Some(token), _) => GcsAccess::Bearer(token),
        (None, Some(path)) => credentials::google_file(Path::new(&path))?,
        (None, None) => GcsAccess::Anonymous,
    };
    let allow_http = settings.allow_http == Some(true);
    Ok(GcsOptions { bucket: bucket.to_owned(), endpoint: settings.endpoint, access, allow_http })
}

fn azure(name: &str, settings: StoreSettings, container: &str) -> anyhow::Result<AzureOptions> {
    let config = |why: String| Fault::new(Code::Config, format!("stores.{name}.{why}"));
    let mut options = AzureOptions {
        account: String::new(),
        container: container.to_owned(),
        endpoint: None,
        access: AzureAccess::Anonymous,
        allow_http: settings.allow_http == Some(true),
    };
    if let Some(text) = &settings.connection_string {
        let connection = credentials::Connection::parse(text)
            .map_err(|why| config(format!("connection-string: {why}")))?;
        options.account = connection.account.unwrap_or_default();
        (options.endpoint, options.access) = (connection.endpoint, connection.access);
    }
    if let Some(account) = settings.account {
        if !options.account.is_empty() && options.account != account {
            let of = &options.account;
            return Err(config(format!("account is {account}, and connection-string belongs to {of}")).into());
        }
        options.account = account;
    }
    if options.account.is_empty() {
        return Err(config("account is not set".to_owned()).into());
    }
    options.endpoint = settings.endpoint.or(options.endpoint);
    options.access = match (settings.account_key, settings.sas_token, settings.token) {
        (Some(key), _, _) => AzureAccess::SharedKey(key),
        (None, Some(token), _) => AzureAccess::Sas(token),
        (None, None, Some(token)) => AzureAccess::Bearer(token),
        (None, None, None) => options.access,
    };
    Ok(options)
}
