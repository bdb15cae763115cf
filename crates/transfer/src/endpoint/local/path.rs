//! Keys as paths.

use std::path::{Component, Path};

/// What names of files being written begin with.
pub(super) const TEMPORARY: &str = ".welkin-";

/// The key as a path below a root, or why it is none.
pub(super) fn relative(key: &str) -> Result<&Path, String> {
    let path = Path::new(key);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    // `components` hides doubled and trailing slashes and single dots; as keys they are others.
    let exact = key.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain && exact && !key.contains('\0') {
        if path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes())) {
            return Err(format!("{key:?} looks like a file that is being written"));
        }
        return Ok(path);
    }
    Err(format!("{key:?} cannot be a file below a folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_paths() {
        for key in ["a", "a/b", "ä/ü ?#%+&", "..a/b..", "a\nb", ".hidden"] {
            assert!(relative(key).is_ok(), "{key:?}");
        }
        for key in ["", "/", "/a", "a/", "a//b", "a/./b", "../a", "a/..", ".", "a\0b", "a/.welkin-1"] {
            assert!(relative(key).is_err(), "{key:?}");
        }
    }
}
