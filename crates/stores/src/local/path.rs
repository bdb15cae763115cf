//! Keys as paths: the one place where a string of somebody else becomes a path below a root.
//!
//! Prefixes of listings pass here as well, so that no string leads to another folder than the one that is served.

use std::fmt;

/// What names of files being written begin with.
pub(super) const TEMPORARY: &str = ".welkin-";

/// What the folder begins with in which a tree is fetched.
const WORKSHOP: &str = ".welkin-fetch-";

/// A relative path that goes down only: no part of it is empty, `.` or `..`, and it holds no NUL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Below<'a>(&'a str);

impl<'a> Below<'a> {
    /// The key of a file, or why it is none.
    pub(super) fn file(key: &'a str) -> Result<Self, String> {
        let below = Self::any(key)?;
        if is_temporary(below.name()) {
            return Err(format!("{key:?} looks like a file that is being written"));
        }
        Ok(below)
    }

    /// The folder of a prefix: all of it up to the last slash; `None` is the root.
    pub(super) fn folder(prefix: &'a str) -> Result<Option<Self>, String> {
        if prefix.contains('\0') {
            return Err(format!("{prefix:?} cannot be below a folder"));
        }
        // What follows the last slash begins a name, and no name of a listing is one of these.
        match prefix.rfind('/') {
            None => Ok(None),
            Some(end) => Self::any(&prefix[..end]).map(Some),
        }
    }

    fn any(path: &'a str) -> Result<Self, String> {
        let plain = path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if plain && !path.contains('\0') {
            Ok(Self(path))
        } else {
            Err(format!("{path:?} cannot be below a folder"))
        }
    }

    pub(super) fn text(self) -> &'a str {
        self.0
    }

    pub(super) fn name(self) -> &'a str {
        self.0.rsplit('/').next().unwrap_or(self.0)
    }

    /// The folder it is in; `None` is the root.
    pub(super) fn parent(self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(folder, _)| Self(folder))
    }
}

impl fmt::Display for Below<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Whether a name is one that is given to files being written, in exactly that form: others may begin as they like.
///
/// `.welkin-`, 16 hexadecimal digits that stand for the final name, and `-whole`, or a process, a time and a number.
pub(super) fn is_temporary(name: &str) -> bool {
    let Some((mark, end)) = name.strip_prefix(TEMPORARY).and_then(|rest| rest.split_once('-')) else {
        return false;
    };
    mark.len() == 16
        && is_hex(mark)
        && (end == "whole" || end.split('-').count() == 3 && end.split('-').all(is_hex))
}

/// Whether a name is that of a folder in which a tree is being fetched: after its beginning six letters or digits, or the
/// 32 hexadecimal digits of a delivery that finds its folder again.
pub(super) fn is_workshop(name: &str) -> bool {
    name.strip_prefix(WORKSHOP).is_some_and(|rest| match rest.len() {
        6 => rest.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        32 => is_hex(rest),
        _ => false,
    })
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_paths() {
        for key in ["a", "a/b", "ä/ü ?#%+&", "..a/b..", "a\nb", ".hidden", ".welkin-notes", "a/.welkin-1"] {
            assert!(Below::file(key).is_ok(), "{key:?}");
        }
        let written = "a/.welkin-0123456789abcdef-whole";
        for key in ["", "/", "/a", "a/", "a//b", "a/./b", "../a", "a/..", ".", "a\0b", written] {
            assert!(Below::file(key).is_err(), "{key:?}");
        }
    }

    #[test]
    fn prefixes_that_are_folders() {
        for prefix in ["", "a", "a/", "a/b", "..a/", ".."] {
            assert!(Below::folder(prefix).is_ok(), "{prefix:?}");
        }
        for prefix in ["/", "/etc/ssh/", "//etc/", "../a/", "a/../", "./", "a//", "a/..//b", "a\0"] {
            assert!(Below::folder(prefix).is_err(), "{prefix:?}");
        }
    }

    #[test]
    fn only_names_in_the_form_of_files_being_written_are_theirs() {
        for name in [".welkin-0123456789abcdef-whole", ".welkin-0123456789abcdef-1f-18a0b-0"] {
            assert!(is_temporary(name), "{name}");
        }
        for name in [
            ".welkin-",
            ".welkin-notes",
            ".welkin-0123456789abcdef",
            ".welkin-0123456789abcdef-hole",
            ".welkin-0123456789ABCDEF-whole",
            ".welkin-0123456789abcdef-1-2",
            ".welkin-0123456789abcdef-1-2-3-4",
            ".welkin-0123456789abcdef-1--3",
            "x.welkin-0123456789abcdef-whole",
        ] {
            assert!(!is_temporary(name), "{name}");
        }
        let delivery = ".welkin-fetch-0123456789abcdef0123456789abcdef";
        assert!(is_workshop(".welkin-fetch-aB3xyZ") && is_workshop(delivery));
        for name in [".welkin-fetch-log", &delivery[..44], &delivery.to_uppercase(), &format!("{delivery}0")]
        {
            assert!(!is_workshop(name), "{name}");
        }
    }
}
