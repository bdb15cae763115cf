//! Keys and prefixes that stay below whatever root they are put under.
//!
//! The one check for names that others made: of clients of a gateway, and of whoever is held below a folder
//! ([`super::Under`]). It asks of the text alone, so it holds for places that join paths, for those that put keys into
//! URLs, which somebody on the way may normalise, and for those to come. Places have rules of their own beside it.

/// Why a text may not be used.
pub type Outside = &'static str;

/// Whether an object may have this key.
///
/// # Errors
/// Why not.
pub fn key(key: &str) -> Result<(), Outside> {
    if key.is_empty() { Err("a key has at least one letter") } else { prefix(key) }
}

/// Whether keys may be asked for that begin with this.
///
/// # Errors
/// Why not.
pub fn prefix(prefix: &str) -> Result<(), Outside> {
    if prefix.starts_with('/') {
        return Err("keys are relative to what is served, and this begins with a slash");
    }
    if prefix.contains('\0') {
        return Err("a key has no NUL");
    }
    if prefix.split('/').any(|part| matches!(part, "." | "..")) {
        return Err("no part of a key is `.` or `..`");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn names_that_stay() {
        for text in ["a", "a/b", "..a/b..", "a//b", "a/", ".hidden", "ä/ü ?#%+&\n", "a/...", "-"] {
            assert_eq!((key(text), prefix(text)), (Ok(()), Ok(())), "{text:?}");
        }
        assert!(prefix("").is_ok() && key("").is_err());
        for text in ["/", "/etc/passwd", "..", "../a", "a/../b", "a/..", "./a", "a/.", "a\0b", "//a"] {
            assert!(key(text).is_err() && prefix(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_below_any_root(text in "[./a\\\\\0~ ]{0,12}") {
            if prefix(&text).is_ok() {
                let path = Path::new("/root").join(&text);
                prop_assert!(path.starts_with("/root"));
                prop_assert!(path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_))));
            }
        }
    }
}
