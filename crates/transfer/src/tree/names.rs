//! Where the parts of a tree lie in a store.
//!
//! Paths of files may hold characters that object stores treat specially (`#`, `%`, `\`, control
//! characters …). Those are percent-encoded; everything else, non-ASCII letters included, is kept,
//! since a tripled length would push long names over the 255 bytes a file system allows.

use crate::tree::error::TransferError;
use std::fmt;
use welkin_store::inside;

/// Name of the manifest's object.
const MANIFEST: &str = "manifest.json";

/// Whether an object may be the manifest of a tree.
pub(crate) fn is_manifest(key: &str) -> bool {
    key.rsplit('/').next() == Some(MANIFEST)
}

/// Where a tree lies: a folder of a store, never all of it, since deleting a tree there would delete everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prefix(String);

impl Prefix {
    /// As given by a caller, with or without slashes around it.
    pub(crate) fn parse(text: &str) -> Result<Self, TransferError> {
        let plain = text.strip_prefix('/').unwrap_or(text);
        let plain = plain.strip_suffix('/').unwrap_or(plain);
        let is_plain = inside::key(plain).is_ok()
            && plain.split('/').all(|part| !part.is_empty())
            && !plain.chars().any(|character| character.is_ascii_control());
        if is_plain {
            Ok(Self(plain.to_owned()))
        } else {
            Err(TransferError::InvalidPrefix { prefix: text.to_owned() })
        }
    }

    /// The object of the manifest.
    pub(crate) fn manifest(&self) -> String {
        format!("{self}/{MANIFEST}")
    }

    /// What the keys of everything that belongs to the tree begin with.
    pub(crate) fn folder(&self) -> String {
        format!("{self}/")
    }

    /// The object that holds the file at `path`, a validated relative path with `/` between its parts.
    pub(crate) fn data(&self, path: &str) -> String {
        let mut name = format!("{self}/data/");
        for character in path.chars() {
            if character.is_ascii_control() || "\\{}^%`[]\"<>~#|*?".contains(character) {
                name.push_str(&format!("%{:02X}", u32::from(character)));
            } else {
                name.push(character);
            }
        }
        name
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn different_files_have_different_objects() {
        let prefix = Prefix::parse("runs/1").unwrap();
        let names = ["a#1", "a%231", "a%1", "ä", "%C3%A4", "a b", "a+b", "a\nb", "a%0Ab", "..a", "a?"];
        let objects: HashSet<_> = names.iter().map(|name| prefix.data(name)).collect();
        assert_eq!(objects.len(), names.len());
        assert!(objects.iter().all(|object| object.starts_with("runs/1/data/")));
    }

    /// Trees that are in stores were written under these names.
    #[test]
    fn names_of_objects_stay_as_they_are() {
        let prefix = Prefix::parse("/p/q/").unwrap();
        assert_eq!(prefix.manifest(), "p/q/manifest.json");
        assert_eq!(prefix.data("s/odd # 1%2F ?*é\n"), "p/q/data/s/odd %23 1%252F %3F%2Aé%0A");
    }

    #[test]
    fn the_root_of_a_store_and_dots_are_no_prefix() {
        for prefix in ["", "/", "..", "a/../b", "./a", "a//b", "a\n"] {
            assert!(Prefix::parse(prefix).is_err(), "{prefix:?}");
        }
    }
}
