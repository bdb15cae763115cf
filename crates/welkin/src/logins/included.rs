//! The one line in `~/.ssh/config`.
//!
//! *Guarantee:* whatever the user wrote is there afterwards, byte for byte, behind that line: `ssh` takes of each option the
//! first value that it reads, and a line behind a `Host` would be of that host alone.

use super::unusable;
use crate::report::{Code, Fault};
use anyhow::Context as _;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What became of the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Included {
    Before,
    Now,
}

/// The line that includes a file.
pub(crate) fn line(config: &Path) -> anyhow::Result<String> {
    Ok(format!("Include {}", super::quoted(config)?.replace("%%", "%")))
}

/// The user's own file for `ssh`.
pub(crate) fn file(home: &Path) -> PathBuf {
    home.join(".ssh/config")
}

/// Whether the user's file includes ours for all hosts.
pub(crate) fn is_included(home: &Path, config: &Path) -> bool {
    let Ok(line) = line(config) else { return false };
    fs::read_to_string(file(home)).is_ok_and(|text| has(&text, &line))
}

/// Adds the line before everything else, where it is not there.
pub(crate) fn include(home: &Path, config: &Path) -> anyhow::Result<Included> {
    let (path, line) = (file(home), line(config)?);
    let before = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read.with_context(|| unusable(&path))?,
    };
    if has(&String::from_utf8_lossy(&before), &line) {
        return Ok(Included::Before);
    }
    let mut text = format!("{line}\n").into_bytes();
    if !before.is_empty() {
        text.push(b'\n');
    }
    text.extend_from_slice(&before);
    replace(&path, &text)
        .with_context(|| Fault::new(Code::File, format!("cannot write {}", path.display())))?;
    Ok(Included::Now)
}

/// Names that the user's file gives to hosts itself. Files that it includes are not looked into.
pub(crate) fn names_of_user(home: &Path) -> BTreeSet<String> {
    let text = fs::read(file(home)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let named = text.lines().filter_map(|line| keyword(line, "host"));
    named
        .flat_map(|names| {
            names.split_whitespace().map(|name| name.trim_matches('"').to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

/// Whether the line stands before the first host.
fn has(text: &str, line: &str) -> bool {
    let mut for_all =
        text.lines().take_while(|line| keyword(line, "host").or(keyword(line, "match")).is_none());
    for_all.any(|known| known.trim() == line)
}

/// What follows a keyword, which may be written in any letters and be followed by `=`.
fn keyword<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let line = line.trim_start();
    let (first, rest) = line.split_at_checked(word.len())?;
    let follows = rest.starts_with([' ', '\t', '=']);
    (follows && first.eq_ignore_ascii_case(word)).then(|| rest.trim_start_matches([' ', '\t', '=']))
}

/// Puts a file into place, whole or not at all, with the rights that it had; where it is a link, in the place of what that
/// leads to.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        path => path?,
    };
    let folder = path.parent().unwrap_or(&path);
    welkin_sky::make_private(folder)?;
    let mode = fs::metadata(&path).map_or(0o600, |meta| meta.permissions().mode() & 0o7777);
    let mut draft = tempfile::NamedTempFile::new_in(folder)?;
    draft.write_all(text)?;
    draft.as_file().set_permissions(Permissions::from_mode(mode))?;
    draft.as_file().sync_all()?;
    draft.persist(&path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_added_once_and_the_rest_stays_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        let (path, config) = (file(home.path()), Path::new("/w/100%/logins/config"));
        assert!(!is_included(home.path(), config));
        assert_eq!(include(home.path(), config).unwrap(), Included::Now);
        assert_eq!(fs::read_to_string(&path).unwrap(), "Include \"/w/100%/logins/config\"\n");
        let own = b"# mine\xff\nHost *\n\tUser x\n";
        fs::write(&path, own).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert_eq!(include(home.path(), config).unwrap(), Included::Now);
        assert_eq!(include(home.path(), config).unwrap(), Included::Before);
        let now = fs::read(&path).unwrap();
        assert_eq!(now.strip_suffix(&own[..]).unwrap(), b"Include \"/w/100%/logins/config\"\n\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn a_line_of_one_host_alone_is_none_and_links_stay_links() {
        let home = tempfile::tempdir().unwrap();
        let (path, config) = (file(home.path()), Path::new("/w/config"));
        let real = home.path().join("dotfiles");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&real, "host=box\n  Include \"/w/config\"\n").unwrap();
        std::os::unix::fs::symlink(&real, &path).unwrap();
        assert_eq!(include(home.path(), config).unwrap(), Included::Now);
        assert!(
            path.is_symlink() && fs::read_to_string(&real).unwrap().starts_with("Include \"/w/config\"\n")
        );
    }

    #[test]
    fn names_of_hosts_are_found_however_they_are_written() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join(".ssh")).unwrap();
        fs::write(file(home.path()), "Host a \"b\"\n HOST=c\nHostName d\n#Host e\nhost\tf g*\n").unwrap();
        let names: Vec<String> = names_of_user(home.path()).into_iter().collect();
        assert_eq!(names, ["a", "b", "c", "f", "g*"]);
    }
}
