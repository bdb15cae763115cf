//! One bounded download.

use crate::report::{Code, Fault};
use std::time::Duration;

/// Most bytes that are taken: all five large clouds are 1 MB compressed and 12 MB as text.
const MAX_BYTES: u64 = 256 << 20;

/// Longest time for all of it: 256 MB at 10 Mbit/s would be 205 s.
const WITHIN: Duration = Duration::from_secs(240);

/// Longest time to reach the server.
const CONNECT_WITHIN: Duration = Duration::from_secs(15);

/// The file behind a URL and its name.
pub(super) fn fetch(url: &str) -> anyhow::Result<(String, Vec<u8>)> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(WITHIN))
        .timeout_connect(Some(CONNECT_WITHIN))
        .user_agent(concat!("welkin/", env!("CARGO_PKG_VERSION")))
        .build();
    let failed = |error: ureq::Error| {
        let fault = Fault::new(Code::Network, format!("cannot download {url}"));
        anyhow::Error::new(error).context(fault)
    };
    let mut response = ureq::Agent::new_with_config(config).get(url).call().map_err(failed)?;
    let bytes = response.body_mut().with_config().limit(MAX_BYTES).read_to_vec().map_err(failed)?;
    Ok((name(url), bytes))
}

/// The last part of a URL's path, with the one before it: it may be the provider's.
fn name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    let mut parts: Vec<&str> = path.split('/').skip(1).filter(|part| !part.is_empty()).collect();
    let last = parts.split_off(parts.len().saturating_sub(2));
    last.join("/")
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_of_urls() {
        assert_eq!(name("https://h/a/b/aws/vms.csv?x=/y"), "aws/vms.csv");
        assert_eq!(name("https://h/c.zip"), "c.zip");
        assert_eq!(name("https://h"), "");
    }
}
