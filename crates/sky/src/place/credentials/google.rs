//! Credentials for Google Cloud Storage, as Google's own tools find them.
//!
//! `STORAGE_EMULATOR_HOST` (an emulator, which asks for none), then `GOOGLE_APPLICATION_CREDENTIALS`, then
//! the file that `gcloud auth application-default login` writes. Without any, requests are anonymous.
//! Source: *How Application Default Credentials works*, read November 2026. Not there: metadata servers
//! and workload identity federation; `GOOGLE_OAUTH_ACCESS_TOKEN` takes a token that something else got.

use crate::error::SkyError;
use crate::options::SkyOptions;
use std::path::{Path, PathBuf};
use welkin_stores::{GcsAccess, GcsOptions};

/// How a bucket of Google (or of the emulator that is set) is reached.
pub(in crate::place) fn google(bucket: &str, options: &SkyOptions) -> Result<GcsOptions, SkyError> {
    let variable = |name: &str| options.variables.text(name);
    let bucket = bucket.to_owned();
    if let Some(host) = variable("STORAGE_EMULATOR_HOST") {
        let url = if host.contains("://") { host } else { format!("http://{host}") };
        let access = GcsAccess::Anonymous;
        return Ok(GcsOptions { bucket, endpoint: Some(url), access, allow_http: false });
    }
    let access = if let Some(token) = variable("GOOGLE_OAUTH_ACCESS_TOKEN") {
        GcsAccess::Bearer(token)
    } else if let Some(path) = variable("GOOGLE_APPLICATION_CREDENTIALS") {
        file(Path::new(&path))?
    } else {
        match well_known(options).filter(|path| path.exists()) {
            Some(path) => file(&path)?,
            None => GcsAccess::Anonymous,
        }
    };
    Ok(GcsOptions { bucket, endpoint: None, access, allow_http: false })
}

/// A credentials file.
fn file(path: &Path) -> Result<GcsAccess, SkyError> {
    std::fs::read_to_string(path).map(GcsAccess::File).map_err(SkyError::reading(path))
}

fn well_known(options: &SkyOptions) -> Option<PathBuf> {
    let folder = options.variables.get("CLOUDSDK_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(options.user.as_ref()?.join(".config/gcloud")))?;
    Some(folder.join("application_default_credentials.json"))
}
