//! The schemes of stores, and what follows `://` in each.

use crate::service::Service;

/// What follows the scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A path.
    Path,
    /// `bucket/key`.
    Bucket,
    /// `account/container/key`.
    Account,
    /// `://container@account.host/key`, as Hadoop names Azure's stores.
    Container,
    /// `region/bucket/key`.
    Region,
    /// A host, which may be that of a store.
    Host,
}

/// One scheme.
#[derive(Debug)]
pub(crate) struct Scheme {
    pub(crate) name: &'static str,
    pub(crate) service: Service,
    pub(crate) form: Form,
}

const fn scheme(name: &'static str, service: Service, form: Form) -> Scheme {
    Scheme { name, service, form }
}

/// Every scheme that is known: those of the providers' own tools, of Hadoop and of SkyPilot.
pub(crate) const SCHEMES: [Scheme; 23] = [
    scheme("file", Service::File, Form::Path),
    scheme("s3", Service::S3, Form::Bucket),
    scheme("s3a", Service::S3, Form::Bucket),
    scheme("s3n", Service::S3, Form::Bucket),
    scheme("gs", Service::Gcs, Form::Bucket),
    scheme("gcs", Service::Gcs, Form::Bucket),
    scheme("az", Service::AzureBlob, Form::Account),
    scheme("azure", Service::AzureBlob, Form::Account),
    scheme("azblob", Service::AzureBlob, Form::Account),
    scheme("abfs", Service::AzureBlob, Form::Container),
    scheme("abfss", Service::AzureBlob, Form::Container),
    scheme("wasb", Service::AzureBlob, Form::Container),
    scheme("wasbs", Service::AzureBlob, Form::Container),
    scheme("r2", Service::R2, Form::Bucket),
    scheme("cos", Service::IbmCos, Form::Region),
    scheme("oci", Service::OciObjects, Form::Bucket),
    scheme("nebius", Service::Nebius, Form::Bucket),
    scheme("cw", Service::CoreWeave, Form::Bucket),
    scheme("hf", Service::HuggingFace, Form::Path),
    scheme("http", Service::Web, Form::Host),
    scheme("https", Service::Web, Form::Host),
    scheme("ftp", Service::Web, Form::Host),
    scheme("ftps", Service::Web, Form::Host),
];

/// The scheme of containers whose account is configured elsewhere. Under that of accounts the container would be one.
pub(crate) const WITHOUT_ACCOUNT: &str = "abfs";

/// The scheme with this name, in any case.
pub(crate) fn find(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.name.eq_ignore_ascii_case(name))
}

/// The scheme under which addresses of a service are shown, and what follows it; `None` where none leads there.
pub(crate) fn shown(service: Service) -> Option<&'static Scheme> {
    // The web in its present form; of the others, the first is the one that their own tools write.
    let preferred = if service == Service::Web { "https" } else { "" };
    let mut of_service = SCHEMES.iter().filter(|scheme| scheme.service == service);
    of_service.clone().find(|scheme| scheme.name == preferred).or_else(|| of_service.next())
}

/// The scheme that a misspelt one was meant to be: one letter away, two where it is longer than three.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    let most = if lower.len() > 3 { 2 } else { 1 };
    let distances = SCHEMES.iter().map(|known| (strsim::damerau_levenshtein(&lower, known.name), known.name));
    distances
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}
