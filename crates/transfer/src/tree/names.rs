//! Where the parts of a tree lie in a store.
//!
//! Paths of files may hold characters that object stores treat specially (`#`, `%`, `\`, control
//! characters …). Those are percent-encoded; everything else, non-ASCII letters included, is kept,
//! since a tripled length would push long names over the 255 bytes a file system allows.

use crate::tree::error::TransferError;
use object_store::path::Path;

/// The manifest's object under `prefix`.
pub(crate) fn manifest_object(prefix: &Path) -> Path {
    prefix.clone().join("manifest.json")
}

/// The folder of the data under `prefix`.
pub(crate) fn data_folder(prefix: &Path) -> Path {
    prefix.clone().join("data")
}

/// The object that holds the file at `path`, a validated relative path with `/` between its parts.
pub(crate) fn data_object(prefix: &Path, path: &str) -> Result<Path, TransferError> {
    let mut name = format!("{}/", data_folder(prefix));
    for character in path.chars() {
        if character.is_ascii_control() || "\\{}^%`[]\"<>~#|*?".contains(character) {
            name.push_str(&format!("%{:02X}", u32::from(character)));
        } else {
            name.push(character);
        }
    }
    Path::parse(&name).map_err(|_| TransferError::InvalidPrefix { prefix: name })
}

/// A prefix as given by a caller. The root of a store is no prefix: deleting a tree there would
/// delete everything.
pub(crate) fn parse_prefix(prefix: &str) -> Result<Path, TransferError> {
    let invalid = || TransferError::InvalidPrefix { prefix: prefix.to_owned() };
    let path = Path::parse(prefix).map_err(|_| invalid())?;
    if path.is_root() { Err(invalid()) } else { Ok(path) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn different_files_have_different_objects() {
        let prefix = parse_prefix("runs/1").unwrap();
        let names = ["a#1", "a%231", "a%1", "ä", "%C3%A4", "a b", "a+b", "a\nb", "a%0Ab", "..a", "a?"];
        let objects: HashSet<_> = names.iter().map(|name| data_object(&prefix, name).unwrap()).collect();
        assert_eq!(objects.len(), names.len());
        assert!(objects.iter().all(|object| object.as_ref().starts_with("runs/1/data/")));
    }

    #[test]
    fn the_root_of_a_store_and_dots_are_no_prefix() {
        for prefix in ["", "/", "..", "a/../b", "./a"] {
            assert!(parse_prefix(prefix).is_err(), "{prefix:?}");
        }
    }
}
