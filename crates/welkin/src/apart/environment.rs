//! What stores are reached by: credentials in the environment are those of whoever started the broker.

use std::collections::BTreeMap;
use std::env;
use welkin_api::wire::Health;

/// Beginnings of the names of variables by which stores and hosts are reached.
const NAMES: &[&str] = &[
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "CLOUDSDK_",
    "RCLONE_",
    "SSH_AUTH_SOCK",
    "WELKIN_SSH",
    "WELKIN_STORE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "http_proxy",
    "https_proxy",
    #[cfg(feature = "otlp")]
    "OTEL_",
];

/// Characters of a digest that are enough to tell values apart and too few to find one by.
const DIGEST_CHARS: usize = 8;

/// The variables of this process that matter, each with a digest of its value.
pub(super) fn own() -> BTreeMap<String, String> {
    let named = env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let matters = |name: &str| NAMES.iter().any(|start| name.starts_with(start));
    let digest = |value: &std::ffi::OsStr| {
        blake3::hash(value.as_encoded_bytes()).to_hex().chars().take(DIGEST_CHARS).collect::<String>()
    };
    named.filter(|(name, _)| matters(name)).map(|(name, value)| (name, digest(&value))).collect()
}

/// The variables that a broker has otherwise than this process.
pub(crate) fn differences(broker: &Health) -> Vec<String> {
    let (own, theirs) = (own(), &broker.environment);
    let mut names: Vec<String> =
        own.keys().chain(theirs.keys()).filter(|name| own.get(*name) != theirs.get(*name)).cloned().collect();
    names.sort();
    names.dedup();
    names
}
