//! From a location to a store.

use crate::tree::error::TransferError;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use welkin_provider::StoreLocation;
use welkin_store::Endpoint;
use welkin_stores::Local;

/// Opens the store at `location`. A `file:///folder` store is made when it is not there.
///
/// # Errors
/// [`TransferError::UnsupportedScheme`], [`TransferError::InvalidStore`] for a URL that names no
/// absolute folder, [`TransferError::OpenStore`] when the folder cannot be used.
pub fn open(location: &StoreLocation) -> Result<Arc<dyn Endpoint>, TransferError> {
    let url = &location.url;
    let invalid = |reason| TransferError::InvalidStore { url: url.clone(), reason };
    let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid("it has no scheme"))?;
    if scheme != "file" {
        return Err(TransferError::UnsupportedScheme { scheme: scheme.to_owned() });
    }
    let folder = file_path(rest).map_err(invalid)?;
    let failed = |source| TransferError::OpenStore { url: url.clone(), source };
    std::fs::create_dir_all(&folder).map_err(|error| failed(error.into()))?;
    Ok(Local::new(folder, false))
}

/// The folder of a `file://` URL, given what follows the slashes.
fn file_path(rest: &str) -> Result<PathBuf, &'static str> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    if !path.starts_with('/') {
        return Err("a file URL names an absolute path: file:///folder");
    }
    let bytes = percent_decode(path)?;
    let text = String::from_utf8(bytes).map_err(|_| "its path is not UTF-8")?;
    if text.contains('\0') || Path::new(&text).components().any(|part| part.as_os_str() == "..") {
        return Err("its path holds '..' or a NUL");
    }
    Ok(PathBuf::from(text))
}

fn percent_decode(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let code = tail
            .get(..2)
            .filter(|pair| pair.iter().all(u8::is_ascii_hexdigit))
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .ok_or("a '%' is not followed by two hex digits")?;
        bytes.push(code);
        rest = &tail[2..];
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<Arc<dyn Endpoint>, TransferError> {
        open(&StoreLocation { url: url.to_owned(), options: Default::default() })
    }

    #[test]
    fn a_folder_is_made_on_demand_also_with_encoded_characters() {
        let folder = tempfile::tempdir().unwrap();
        at(&format!("file://{}/a%20b/c", folder.path().display())).unwrap();
        assert!(folder.path().join("a b/c").is_dir());
    }

    #[test]
    fn other_schemes_are_refused_by_name() {
        let error = at("s3://bucket/prefix").unwrap_err();
        assert_eq!(error.to_string(), "no store for \"s3\" URLs in this build; supported: file");
    }

    #[test]
    fn malformed_urls_are_refused() {
        for url in ["", "file", "file:/x", "file://host/x", "file:///a/../b", "file:///%", "file:///%zz"] {
            assert!(matches!(at(url), Err(TransferError::InvalidStore { .. })), "{url}");
        }
    }

    #[test]
    fn a_file_in_the_way_is_said() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), "x").unwrap();
        let error = at(&format!("file://{}/f/store", folder.path().display())).unwrap_err();
        assert!(matches!(error, TransferError::OpenStore { .. }), "{error:?}");
    }
}
