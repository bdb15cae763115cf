//! Paths a step may name.

use crate::home::OWN;
use std::path::{Component, Path, PathBuf};

/// A path on the node for data: relative to its home, or absolute below it. Not the home itself, and
/// nothing in the folder that holds the agent's own records.
pub(crate) fn below(home: &Path, path: &str) -> Result<PathBuf, String> {
    let place = at_or_below(home, path)?;
    if place == home {
        return Err(format!("path {path:?} is the node's home itself"));
    }
    if place.starts_with(home.join(OWN)) {
        return Err(format!("path {path:?} is in {OWN}, which the node keeps its own records in"));
    }
    Ok(place)
}

/// A path on the node: relative to its home, or absolute at or below it.
///
/// The check is lexical and guards against mistakes: a script may make links to wherever its user
/// may write, so there is nothing to defend behind it.
pub(crate) fn at_or_below(home: &Path, path: &str) -> Result<PathBuf, String> {
    let given = Path::new(path);
    let inner = if given.is_absolute() {
        given.strip_prefix(home).map_err(|_| format!("path {path:?} is not below the node's home"))?
    } else {
        given
    };
    let mut place = home.to_owned();
    for part in inner.components() {
        match part {
            Component::Normal(name) => place.push(name),
            Component::CurDir => {}
            _ => return Err(format!("path {path:?} holds '..'")),
        }
    }
    if path.contains('\0') { Err(format!("path {path:?} holds a NUL")) } else { Ok(place) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_the_home() {
        let home = Path::new("/n/0");
        for (given, want) in [("a/b", "/n/0/a/b"), ("/n/0/a", "/n/0/a"), ("./a", "/n/0/a")] {
            assert_eq!(below(home, given), Ok(PathBuf::from(want)));
        }
        let own = [".welkin", "./.welkin/steps", "/n/0/.welkin"];
        for bad in ["..", "a/../b", "/etc", "/n/01", "", ".", "/n/0", "/n/0/../1", "a\0"].iter().chain(&own) {
            assert!(below(home, bad).is_err(), "{bad:?}");
        }
        assert_eq!(at_or_below(home, ""), Ok(home.to_owned()));
    }
}
