//! Credentials for S3, as AWS's own tools find them: variables, then the profile's files.
//!
//! Source: *AWS SDKs and Tools Reference Guide*, credential provider chain and shared files, read
//! November 2026. Not there: roles of machines and single sign-on.

use crate::error::SkyError;
use crate::options::SkyOptions;
use std::collections::BTreeMap;
use std::path::PathBuf;
use welkin_stores::{Addressing, Checksums, Credentials, S3Options};

/// Both halves, or none.
fn pair(
    of: &str,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    session_token: Option<String>,
) -> Result<Option<Credentials>, SkyError> {
    Credentials::pair(access_key_id, secret_access_key, session_token)
        .map_err(|half| SkyError::Credentials { message: format!("{of} {half}"), hint: None })
}

/// How a bucket of AWS (or of whatever `AWS_ENDPOINT_URL` names) is reached, and a file with further authorities.
pub(in crate::place) fn aws(
    bucket: &str,
    options: &SkyOptions,
) -> Result<(S3Options, Option<String>), SkyError> {
    let variable = |name: &str| options.variables.text(name);
    let profile = variable("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
    let of_home = |name: &str| options.user.as_ref().map(|home| home.join(".aws").join(name));
    let file = |name: &str, usual: &str| variable(name).map(PathBuf::from).or_else(|| of_home(usual));
    let (id, secret) = (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"));
    let from_variables = pair("the environment", id, secret, variable("AWS_SESSION_TOKEN"))?;
    let keys = match &from_variables {
        Some(_) => BTreeMap::new(),
        None => section(file("AWS_SHARED_CREDENTIALS_FILE", "credentials"), &[&profile])?,
    };
    let named = format!("profile {profile}");
    let config = section(file("AWS_CONFIG_FILE", "config"), &[&named, &profile])?;
    let either = |name: &str| keys.get(name).or_else(|| config.get(name)).cloned();
    let of_section = |section: &BTreeMap<String, String>| {
        let value = |name: &str| section.get(name).cloned();
        let (id, secret) = (value("aws_access_key_id"), value("aws_secret_access_key"));
        pair(&named, id, secret, value("aws_session_token"))
    };
    // Halves of two files are of nobody.
    let credentials = match from_variables {
        Some(credentials) => Some(credentials),
        None => of_section(&keys)?.map_or_else(|| of_section(&config), |keys| Ok(Some(keys)))?,
    };
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    let found = S3Options {
        bucket: bucket.to_owned(),
        region: region.or_else(|| either("region")).unwrap_or_else(|| "us-east-1".to_owned()),
        endpoint: endpoint.or_else(|| either("endpoint_url")),
        credentials,
        addressing: Addressing::Auto,
        checksums: Checksums::Crc64Nvme,
    };
    Ok((found, variable("AWS_CA_BUNDLE")))
}

/// The first of the named sections of an INI file; empty where there is no file.
fn section(path: Option<PathBuf>, names: &[&str]) -> Result<BTreeMap<String, String>, SkyError> {
    let Some(path) = path else { return Ok(BTreeMap::new()) };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(names.iter().find_map(|name| read_section(&text, name)).unwrap_or_default()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(source) => Err(SkyError::Read { path, source }),
    }
}

fn read_section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(head) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            inside = head.split_whitespace().collect::<Vec<_>>().join(" ") == name;
            if inside {
                found.get_or_insert_default();
            }
        } else if inside
            && !trimmed.starts_with(['#', ';'])
            // Indented lines are the values of a nested key.
            && !line.starts_with([' ', '\t'])
            && let Some((key, value)) = trimmed.split_once('=')
            && let Some(found) = &mut found
        {
            found.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections() {
        let text = "[default]\nregion = eu-west-1\ns3 =\n  endpoint_url = x\n# no = 1\n[profile a ]\naws_access_key_id=k\n";
        let default = read_section(text, "default").unwrap();
        assert_eq!(default["region"], "eu-west-1");
        assert!(!default.contains_key("endpoint_url") && !default.contains_key("# no"));
        assert_eq!(read_section(text, "profile a").unwrap()["aws_access_key_id"], "k");
        assert_eq!(read_section(text, "b"), None);
    }

    #[test]
    fn half_a_pair_is_a_mistake() {
        let text = |text: &str| Some(text.to_owned());
        assert!(pair("x", text("id"), text("secret"), None).unwrap().is_some());
        assert!(pair("x", None, None, text("token")).unwrap().is_none());
        for (id, secret) in [(text("id"), None), (None, text("secret"))] {
            assert!(pair("x", id, secret, None).unwrap_err().to_string().starts_with("x has a"));
        }
    }
}
