//! What of a folder stays at home: as in SkyPilot, so that its files mean the same here.
//!
//! The repository (`.git` in the folder itself) never comes along. Where the folder has a `.skyignore`,
//! its patterns say what else does not; where it has none, whatever git ignores does not, which git itself
//! is asked for, as no two readers of `.gitignore` agree.
//!
//! *Patterns of `.skyignore`:* one on each line; `#` begins a remark. One that begins with `/` is meant from
//! the folder, any other at every depth; `*`, `?` and `[…]` stay within one name, `**` does not.
//!
//! *Left aside:* what submodules ignore, and `.skyignore` files of inner folders.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

/// Name of the file with patterns.
const SKYIGNORE: &str = ".skyignore";

/// Name of the repository of a folder.
const REPOSITORY: &str = ".git";

/// Paths in `root` that stay at home, relative to it.
pub(crate) fn ignored(root: &Path) -> io::Result<BTreeSet<String>> {
    let mut ignored = match fs::read_to_string(root.join(SKYIGNORE)) {
        Ok(text) => matching(root, &patterns(&text))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => by_git(root)?,
        // A file that is taken by itself has nothing in it to ignore.
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    ignored.insert(REPOSITORY.to_owned());
    Ok(ignored)
}

/// What git ignores. Nothing where there is no git, or no repository.
fn by_git(root: &Path) -> io::Result<BTreeSet<String>> {
    let listed = Command::new("git")
        // Whoever owns the folder, and without running what its configuration names.
        .args(["-c", "safe.directory=*", "-c", "core.fsmonitor=false", "-C"])
        .arg(root)
        .args(["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"])
        .env("GIT_OPTIONAL_LOCKS", "0")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let listed = match listed {
        Ok(listed) if listed.status.success() => listed.stdout,
        Ok(_) => return Ok(BTreeSet::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error),
    };
    let paths: BTreeSet<String> = listed
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).trim_end_matches('/').to_owned())
        .collect();
    // A folder that is ignored as a whole is what the user asks for by name.
    Ok(if paths.contains(".") { BTreeSet::new() } else { paths })
}

/// A pattern by its parts; the first is `**` unless it is meant from the folder.
type Pattern = Vec<String>;

fn patterns(text: &str) -> Vec<Pattern> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let anywhere = (!line.starts_with('/')).then(|| "**".to_owned());
            let parts = line.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned);
            anywhere.into_iter().chain(parts).collect()
        })
        .collect()
}

/// Every path below `root` that a pattern fits; what lies in such a folder goes with it.
fn matching(root: &Path, patterns: &[Pattern]) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            // Names that are no text fit no pattern.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            let parts: Vec<&str> = path.split('/').collect();
            if patterns.iter().any(|pattern| fits(pattern, &parts)) {
                found.insert(path);
            } else if entry.file_type()?.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(found)
}

fn fits(pattern: &[String], path: &[&str]) -> bool {
    match (pattern.split_first(), path.split_first()) {
        (None, _) => path.is_empty(),
        (Some((first, rest)), _) if first == "**" => {
            (0..=path.len()).any(|skipped| fits(rest, &path[skipped..]))
        }
        (Some((first, rest)), Some((name, inner))) => {
            let (first, name): (Vec<char>, Vec<char>) = (first.chars().collect(), name.chars().collect());
            name_fits(&first, &name) && fits(rest, inner)
        }
        (Some(_), None) => false,
    }
}

/// Whether a name fits one part of a pattern.
fn name_fits(pattern: &[char], name: &[char]) -> bool {
    match pattern {
        [] => name.is_empty(),
        ['*', rest @ ..] => (0..=name.len()).any(|skipped| name_fits(rest, &name[skipped..])),
        ['?', rest @ ..] => !name.is_empty() && name_fits(rest, &name[1..]),
        ['[', rest @ ..] if rest.len() > 1 && rest[1..].contains(&']') => {
            let end = 1 + rest[1..].iter().position(|c| *c == ']').unwrap_or_default();
            let class = &rest[..end];
            let (class, wanted) = match class {
                ['!' | '^', class @ ..] => (class, false),
                class => (class, true),
            };
            name.first().is_some_and(|c| in_class(class, *c) == wanted)
                && name_fits(&rest[end + 1..], &name[1..])
        }
        [first, rest @ ..] => name.first() == Some(first) && name_fits(rest, &name[1..]),
    }
}

fn in_class(class: &[char], c: char) -> bool {
    match class {
        [from, '-', to, rest @ ..] => (*from..=*to).contains(&c) || in_class(rest, c),
        [one, rest @ ..] => *one == c || in_class(rest, c),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        root
    }

    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn patterns_mean_what_they_mean_in_skypilot() {
        let root = tree(&[
            "a.log",
            "sub/b.log",
            "build/x",
            "sub/build/y",
            "data/big.bin",
            "sub/data/big.bin",
            "keep.txt",
            "v1.txt",
            "v2.txt",
            "vx.txt",
            ".env",
            "deep/a/b/c.tmp",
        ]);
        let rules = "# remark\n*.log\n/data\nbuild/\nv[0-9].txt\n.env\ndeep/**/c.tmp\n";
        fs::write(root.path().join(".skyignore"), rules).unwrap();
        let wanted = [
            ".env",
            ".git",
            "a.log",
            "build",
            "data",
            "deep/a/b/c.tmp",
            "sub/b.log",
            "sub/build",
            "v1.txt",
            "v2.txt",
        ];
        assert_eq!(ignored(root.path()).unwrap(), set(&wanted));
    }

    #[test]
    fn git_says_what_it_ignores_and_tracked_files_come_along() {
        let root = tree(&["code.py", "tracked.log", "other.log", "out/x", "out/y", "sub/z.log"]);
        let git = |args: &[&str]| {
            Command::new("git")
                .arg("-C")
                .arg(root.path())
                .args(args)
                .output()
                .is_ok_and(|o| o.status.success())
        };
        if !git(&["init", "-q"]) {
            eprintln!("skipped: git_says_what_it_ignores_and_tracked_files_come_along: no git");
            return;
        }
        fs::write(root.path().join(".gitignore"), "*.log\n/out/\n").unwrap();
        assert!(git(&["add", "-f", "tracked.log", "code.py", ".gitignore"]));
        assert_eq!(ignored(root.path()).unwrap(), set(&[".git", "other.log", "out", "sub", "sub/z.log"]));
        // A .skyignore takes its place.
        fs::write(root.path().join(".skyignore"), "code.py\n").unwrap();
        assert_eq!(ignored(root.path()).unwrap(), set(&[".git", "code.py"]));
    }

    #[test]
    fn a_file_and_a_folder_outside_any_repository_are_taken_whole() {
        let root = tree(&["a"]);
        assert_eq!(ignored(&root.path().join("a")).unwrap(), BTreeSet::new());
        fs::write(root.path().join(".gitignore"), "a\n").unwrap();
        assert_eq!(ignored(root.path()).unwrap(), set(&[".git"]));
    }
}
