//! The web addresses of stores: who answers under a host, and what the host and the path say.
//!
//! | host | bucket |
//! |---|---|
//! | `BUCKET.s3.REGION.amazonaws.com`, `s3.REGION.amazonaws.com/BUCKET`, `s3-REGION…`, without a region | S3 |
//! | `BUCKET.storage.googleapis.com`, `storage.googleapis.com/BUCKET`, `storage.cloud.google.com/BUCKET` | Google |
//! | `ACCOUNT.blob.core.windows.net/CONTAINER`, `ACCOUNT.dfs.…` | Azure |
//! | `ACCOUNT.r2.cloudflarestorage.com/BUCKET`, `….r2.dev` | R2 |
//! | `BUCKET.s3.REGION.cloud-object-storage.appdomain.cloud` | IBM |
//! | `objectstorage.REGION.oraclecloud.com/n/NAMESPACE/b/BUCKET/o/KEY` | Oracle |
//! | `storage.REGION.nebius.cloud/BUCKET` | Nebius |
//!
//! Any other host is a web server.

use crate::service::Service;

/// What a host says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) service: Option<Service>,
    pub(crate) account: Option<String>,
    /// The bucket, where it is part of the host.
    pub(crate) bucket: Option<String>,
    pub(crate) region: Option<String>,
}

/// Domains of Azure's stores: its public cloud, China, and the United States government.
const AZURE: [&str; 3] = [".core.windows.net", ".core.chinacloudapi.cn", ".core.usgovcloudapi.net"];
const AMAZON: [&str; 2] = [".amazonaws.com", ".amazonaws.com.cn"];
const GOOGLE: [&str; 3] =
    ["storage.googleapis.com", "storage.cloud.google.com", "commondatastorage.googleapis.com"];

/// Who answers under `host`, which may have a user before it and a port behind.
pub(crate) fn read(host: &str) -> Host {
    let host = host.rsplit('@').next().unwrap_or(host);
    let host = host.split(':').next().unwrap_or(host).trim_end_matches('.').to_ascii_lowercase();
    let ways: [fn(&str) -> Option<Host>; 8] =
        [azure, amazon, google, cloudflare, ibm, oracle, nebius, hugging_face];
    ways.iter().find_map(|way| way(&host)).unwrap_or_default()
}

fn at(service: Service) -> Host {
    Host { service: Some(service), ..Host::default() }
}

fn owned(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn azure(host: &str) -> Option<Host> {
    let name = AZURE.iter().find_map(|domain| host.strip_suffix(domain))?;
    let account = name.strip_suffix(".blob").or(name.strip_suffix(".dfs"))?;
    // Accounts with partitions are `ACCOUNT.zNN`, and copies elsewhere `ACCOUNT-secondary`.
    let account = account.split('.').next().unwrap_or(account);
    Some(Host { account: owned(account), ..at(Service::AzureBlob) })
}

fn amazon(host: &str) -> Option<Host> {
    let labels: Vec<&str> = AMAZON.iter().find_map(|domain| host.strip_suffix(domain))?.split('.').collect();
    // A bucket may be called `s3`, so the last of them is the service.
    let service = labels.iter().rposition(|label| *label == "s3" || label.starts_with("s3-"))?;
    let after = labels[service + 1..].iter().find(|label| **label != "dualstack").copied();
    let within = labels[service].strip_prefix("s3-").filter(|word| word.contains('-'));
    let within = within.map(|word| word.trim_start_matches("website-").trim_start_matches("fips-"));
    let region = after.or(within).and_then(owned);
    Some(Host { bucket: owned(&labels[..service].join(".")), region, ..at(Service::S3) })
}

fn google(host: &str) -> Option<Host> {
    let before = GOOGLE.iter().find_map(|domain| host.strip_suffix(domain))?;
    let bucket = before.strip_suffix('.').or(before.is_empty().then_some(""))?;
    Some(Host { bucket: owned(bucket), ..at(Service::Gcs) })
}

fn cloudflare(host: &str) -> Option<Host> {
    if host.ends_with(".r2.dev") {
        return Some(Host { bucket: owned(host), ..at(Service::R2) });
    }
    let account = host.strip_suffix(".r2.cloudflarestorage.com")?;
    let account = account.split('.').next().unwrap_or(account);
    Some(Host { account: owned(account), ..at(Service::R2) })
}

fn ibm(host: &str) -> Option<Host> {
    let name = host.strip_suffix(".cloud-object-storage.appdomain.cloud")?;
    let labels: Vec<&str> = name.split('.').collect();
    let service = labels.iter().rposition(|label| *label == "s3")?;
    let region = labels[service + 1..].iter().rev().find(|label| !matches!(**label, "private" | "direct"));
    let region = region.and_then(|region| owned(region));
    Some(Host { bucket: owned(&labels[..service].join(".")), region, ..at(Service::IbmCos) })
}

fn oracle(host: &str) -> Option<Host> {
    let name = host.strip_suffix(".oraclecloud.com").or(host.strip_suffix(".oci.customer-oci.com"))?;
    let (before, region) = name.rsplit_once('.')?;
    let service = before.rsplit('.').next()?;
    (service == "objectstorage").then(|| Host { region: owned(region), ..at(Service::OciObjects) })
}

fn nebius(host: &str) -> Option<Host> {
    let name = host.strip_suffix(".nebius.cloud")?;
    let (before, region) = name.rsplit_once('.')?;
    let bucket = before.strip_suffix("storage")?;
    Some(Host { bucket: owned(bucket.trim_end_matches('.')), region: owned(region), ..at(Service::Nebius) })
}

fn hugging_face(host: &str) -> Option<Host> {
    (host == "huggingface.co" || host.ends_with(".huggingface.co") || host.ends_with(".hf.co"))
        .then(|| at(Service::HuggingFace))
}
